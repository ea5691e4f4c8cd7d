import Addresses
import Kernel

/// Plays packets through a rule set in memory, by what its rules say: what the kernel would do with them.
final class RuleModel {
  /// What cannot be judged is not taken for right.
  struct Unknown: Error, CustomStringConvertible {
    let description: String
  }

  enum Fate: Equatable {
    case accepted
    /// With the name of the chain.
    case dropped(String)
  }

  private enum Outcome { case accept, drop, end }

  private let table: RuleTable
  private var hooks: [NFTBaseChain.Hook: [(name: String, base: NFTBaseChain)]] = [:]
  private var ranges: [String: [NFTBytes: [NFTElement]]] = [:]
  private var registers = [UInt8](repeating: 0, count: 64)
  /// The rules that decided, in words.
  private(set) var path: [String] = []

  init(_ table: RuleTable) {
    self.table = table
    for (name, chain) in table.chains {
      if let base = chain.base { hooks[base.hook, default: []].append((name, base)) }
    }
    for hook in hooks.keys { hooks[hook]?.sort { ($0.base.priority, $0.name) < ($1.base.priority, $1.name) } }
  }

  func begin() { path = [] }

  /// Conntrack's own priority: what is less is asked before it knows a packet.
  static let conntrack: Int32 = -200

  /// Every base chain of a hook in turn. Translations are asked for with the first packet of a connection only.
  func pass(
    _ hook: NFTBaseChain.Hook, _ packet: inout ModelPacket, _ priorities: ClosedRange<Int32> = .min...(.max)
  ) throws -> Fate {
    for (name, base) in hooks[hook] ?? [] where priorities.contains(base.priority) {
      if base.kind == .nat && !packet.isFirst { continue }
      switch try run(name, &packet, 0) {
      case .accept: continue
      case .drop: return .dropped(name)
      case .end: if base.policy == .drop { return .dropped(name) }
      }
    }
    return .accepted
  }

  private func run(_ name: String, _ packet: inout ModelPacket, _ depth: Int) throws -> Outcome {
    guard let chain = table.chains[name], depth < 16 else { throw Unknown(description: "there is no chain \(name)") }
    for rule in chain.rules {
      guard let verdict = try apply(rule, &packet) else { continue }
      if !rule.comment.isEmpty { path.append(rule.comment) }
      switch verdict {
      case .accept: return .accept
      case .drop: return .drop
      case .return: return .end
      case .continue: continue
      case .goto(let next): return try run(next, &packet, depth + 1)
      case .jump(let next):
        let outcome = try run(next, &packet, depth + 1)
        if case .end = outcome { continue }
        return outcome
      }
    }
    return .end
  }

  /// What the rule decides about the packet; nil if it does not match, or decides nothing.
  private func apply(_ rule: Rule, _ packet: inout ModelPacket) throws -> NFTVerdict? {
    for step in rule.expressions {
      switch step {
      case .meta(let what, let register): try load(what, packet, register)
      case .setMeta(.mark, let register): packet.mark = value(register)
      case .payload(let base, let offset, let length, let register):
        try load(base, offset, length, packet, register)
      case .setPayload(let base, let offset, let length, let register, _, _):
        try write(base, offset, length, value(register).bigEndian, &packet)
      case .untracked: packet.isUntracked = true
      case .connection(let what, let direction, let register):
        if !packet.isTracked && what != .state { return nil }
        try load(what, direction, packet, register)
      case .compare(let how, let register, let bytes): if !compare(how, register, bytes) { return nil }
      case .bitwise(let from, let mask, let xor, let register):
        let source = Int(from.index) * 4
        let target = Int(register.index) * 4
        for index in mask.indices { registers[target + index] = registers[source + index] & mask[index] ^ xor[index] }
      case .immediate(let bytes, let register): store(bytes, register)
      case .verdict(let verdict): return verdict
      case .lookup(let set, let register, let isInverted):
        if try (find(set, register) != nil) == isInverted { return nil }
      case .map(let set, let register, let target):
        guard let data = try find(set, register)?.data else { return nil }
        store(data.bytes, target)
      case .verdictMap(let set, let register):
        guard let verdict = try find(set, register)?.verdict else { return nil }
        return verdict
      case .nat(let kind, let address, let port):
        translate(kind, address, port, &packet)
        return .accept
      case .hash(_, _, let modulus, _, let offset, let register), .symmetricHash(let modulus, let offset, let register),
        .counting(let modulus, let offset, let register):
        store(NFTExpression.hostBytes(offset + packet.bucket % max(1, modulus)), register)
      case .counter: break
      case .reject: return .drop
      default: throw Unknown(description: "the rule \(rule.comment) does what cannot be judged")
      }
    }
    return nil
  }

  // MARK: registers

  private func store(_ bytes: [UInt8], _ register: NFTRegister) {
    let start = Int(register.index) * 4
    for (index, byte) in bytes.enumerated() where start + index < 64 { registers[start + index] = byte }
    var end = start + bytes.count
    // A value takes whole registers.
    while end % 4 != 0 && end < 64 {
      registers[end] = 0
      end += 1
    }
  }

  private func value(_ register: NFTRegister) -> UInt32 {
    let start = Int(register.index) * 4
    return registers.withUnsafeBytes { $0.loadUnaligned(fromByteOffset: start, as: UInt32.self) }
  }

  private func load(_ address: IPv4, _ register: NFTRegister) { store(Step.bytes(address), register) }
  private func load(_ port: UInt16, _ register: NFTRegister) { store(Step.bytes(port), register) }

  private func load(_ what: NFTExpression.Meta, _ packet: ModelPacket, _ register: NFTRegister) throws {
    switch what {
    case .length: store(NFTExpression.hostBytes(ModelPacket.length), register)
    case .mark: store(NFTExpression.hostBytes(packet.mark), register)
    case .inputName: store(NFTBytes(interface: packet.input).bytes, register)
    case .outputName: store(NFTBytes(interface: packet.output).bytes, register)
    case .transportProtocol: store([packet.protocolNumber], register)
    default: throw Unknown(description: "a rule looks at \(what) of a packet, which cannot be judged")
    }
  }

  private func load(
    _ base: NFTExpression.Base, _ offset: UInt32, _ length: UInt32, _ packet: ModelPacket, _ register: NFTRegister
  ) throws {
    switch (base, offset, length) {
    case (.network, 9, 1): store([packet.protocolNumber], register)
    case (.network, 12, 4): load(packet.ends.source, register)
    case (.network, 16, 4): load(packet.ends.destination, register)
    case (.transport, 0, 1) where packet.protocolNumber == 1:
      store([UInt8(truncatingIfNeeded: packet.ends.destinationPort >> 8)], register)
    case (.transport, 0, 2): load(packet.ends.sourcePort, register)
    case (.transport, 2, 2): load(packet.ends.destinationPort, register)
    default: throw Unknown(description: "a rule looks at byte \(offset) of a header, which cannot be judged")
    }
  }

  private func write(
    _ base: NFTExpression.Base, _ offset: UInt32, _ length: UInt32, _ address: UInt32, _ packet: inout ModelPacket
  ) throws {
    switch (base, offset, length) {
    case (.network, 12, 4): packet.ends.source = IPv4(address)
    case (.network, 16, 4): packet.ends.destination = IPv4(address)
    default: throw Unknown(description: "a rule writes byte \(offset) of a header, which cannot be judged")
    }
  }

  private func load(
    _ what: NFTExpression.Connection, _ direction: NFTExpression.Direction?, _ packet: ModelPacket,
    _ register: NFTRegister
  ) throws {
    let ends = direction == .reply ? packet.reply : packet.original
    switch what {
    case .state: store(NFTExpression.hostBytes(packet.state), register)
    case .direction: store([packet.isReply ? 1 : 0], register)
    case .transportProtocol: store([packet.protocolNumber], register)
    case .sourceAddress: load(ends.source, register)
    case .destinationAddress: load(ends.destination, register)
    case .sourcePort: load(ends.sourcePort, register)
    case .destinationPort: load(ends.destinationPort, register)
    case .status, .mark: throw Unknown(description: "a rule looks at \(what) of a connection, which cannot be judged")
    }
  }

  private func compare(_ how: NFTExpression.Comparison, _ register: NFTRegister, _ bytes: [UInt8]) -> Bool {
    let start = Int(register.index) * 4
    for (index, byte) in bytes.enumerated() {
      let found = registers[start + index]
      if found == byte { continue }
      switch how {
      case .equal: return false
      case .notEqual: return true
      case .less, .lessOrEqual: return found < byte
      case .greater, .greaterOrEqual: return found > byte
      }
    }
    return how == .equal || how == .lessOrEqual || how == .greaterOrEqual
  }

  // MARK: sets

  private func find(_ set: String, _ register: NFTRegister) throws -> NFTElement? {
    guard let shape = table.sets[set] else { throw Unknown(description: "there is no set \(set)") }
    let start = Int(register.index) * 4
    let length = shape.key.reduce(0) { $0 + ($1.length + 3) / 4 * 4 }
    let key = NFTBytes(raw: registers[start..<(start + length)])
    if !shape.flags.contains(.interval) { return table.element(in: set, key) }
    return range(set, key)
  }

  /// Ranges differ in their last address only.
  private func range(_ set: String, _ key: NFTBytes) -> NFTElement? {
    if ranges[set] == nil {
      ranges[set] = Dictionary(grouping: table.elements(listedIn: set)) {
        NFTBytes(raw: $0.key.bytes.dropLast(4))
      }
    }
    let address = key.ipv4(at: key.count - 4)
    return ranges[set]?[NFTBytes(raw: key.bytes.dropLast(4))]?.first { element in
      let place = element.key.count - 4
      return element.key.ipv4(at: place) <= address && address <= (element.keyEnd ?? element.key).ipv4(at: place)
    }
  }

  // MARK: translation

  private func translate(
    _ kind: NFTExpression.Translation, _ address: NFTRegister, _ port: NFTRegister?, _ packet: inout ModelPacket
  ) {
    let start = Int(address.index) * 4
    let target = IPv4(registers[start], registers[start + 1], registers[start + 2], registers[start + 3])
    let number = port.map { register -> UInt16 in
      let place = Int(register.index) * 4
      return UInt16(registers[place]) << 8 | UInt16(registers[place + 1])
    }
    switch kind {
    case .destination:
      packet.ends.destination = target
      packet.reply.source = target
      if let number {
        packet.ends.destinationPort = number
        packet.reply.sourcePort = number
      }
    case .source:
      packet.ends.source = target
      packet.reply.destination = target
      if let number {
        packet.ends.sourcePort = number
        packet.reply.destinationPort = number
      }
    }
  }
}
