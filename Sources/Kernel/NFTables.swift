import CLinux
import Glibc
import Synchronization

/// The nf_tables rule set of one network namespace.
package final class NFTables: Sendable {
  private let namespace: NetworkNamespace?
  private let socket: Mutex<NetlinkSocket>

  /// Opens the socket inside `namespace`; without one, in the calling thread's.
  package init(in namespace: NetworkNamespace? = nil) throws {
    self.namespace = namespace
    socket = Mutex(try NetlinkSocket(NETLINK_NETFILTER, in: namespace))
  }

  /// Another way to the same rule set, for a thread that reads beside this one's.
  package func another() throws -> NFTables { try NFTables(in: namespace) }

  /// The number of the rule set, which every commit of anybody raises by one.
  package func generation() throws(KernelError) -> UInt32 {
    var generation: UInt32 = 0
    try request(NFT_MSG_GETGEN, .init(rawValue: 0), "read the generation") { payload in
      for (type, value) in NetlinkAttributes(payload, after: 4) where type == NFTA_GEN_ID.code {
        generation = value.big()
      }
    } fill: { _ in
    }
    return generation
  }

  /// Applies all of the batch or nothing. With `generation` the kernel refuses (`KernelError.isStaleGeneration`) unless
  /// that still is the number of the rule set; it is one more afterwards.
  package func commit(_ batch: borrowing NFTBatch, expecting generation: UInt32? = nil) throws(KernelError) {
    if batch.isEmpty { return }
    let frame = NFTables.frame(batch.count, generation)
    let messages = batch.buffer.bytes
    var guilty: [(sequence: UInt32, code: Int32)] = []
    try socket.withLock { (socket) throws(KernelError) in
      socket.begin()
      try socket.send([frame.begin, messages, frame.end], operation: "commit")
      try drain(socket) { guilty.append(($0, $1)) }
      socket.finish()
    }
    guard let first = guilty.first else { return }
    let index = Int(first.sequence) - 1
    guard (0..<batch.count).contains(index) else { throw KernelError(code: first.code, operation: "commit") }
    let operations = NFTables.operations(messages, Set(guilty.map(\.sequence)))
    let operation = operations[first.sequence] ?? "commit"
    var others: [String] = []
    // The kernel tries every message of a batch that fails. Elements do not build on each other, so each of them that it
    // refuses is guilty itself.
    if operation == NFTables.addElements {
      others = guilty.dropFirst().filter { operations[$0.sequence] == operation }
        .compactMap { batch.label(Int($0.sequence) - 1) }
    }
    throw KernelError(
      code: first.code, operation: operation, message: index, label: batch.label(index), others: others)
  }

  /// Whether the rule set, which is to be of this generation, has every element that the batch adds. The kernel looks each of them
  /// up, as it does for a packet, and compares the values; walking through a set takes it the longer per element the larger the set
  /// is. What was missing is there afterwards, and the rule set of another generation.
  package func has(_ batch: borrowing NFTBatch, at generation: UInt32) throws(KernelError) -> Bool {
    do {
      try commit(batch, expecting: generation)
    } catch {
      guard error.isRefusal else { throw error }
      return false
    }
    return try self.generation() == generation
  }

  private static let addElements = "add elements"

  // sendmsg returns after the commit, so whatever the kernel has to say is there already.
  private func drain(
    _ socket: borrowing NetlinkSocket, _ failure: (UInt32, Int32) -> Void
  ) throws(KernelError) {
    while true {
      let more = try socket.receive(wait: false, operation: "commit") { (header, payload) throws(KernelError) in
        let code = payload.host(Int32.self)
        if header.nlmsg_type == UInt16(NLMSG_ERROR) && code < 0 { failure(header.nlmsg_seq, -code) }
      }
      if !more { return }
    }
  }

  private static func frame(_ count: Int, _ generation: UInt32?) -> (begin: [UInt8], end: [UInt8]) {
    let header = netfilterHeader(0, resource: UInt16(NFNL_SUBSYS_NFTABLES))
    var begin = NetlinkBuffer()
    begin.reserve(64)
    begin.message(type: UInt16(NFNL_MSG_BATCH_BEGIN), flags: NLM_F_REQUEST, sequence: 0) {
      $0.append(header)
      if let generation { $0.put(Int(NFNL_BATCH_GENID.rawValue), big: generation) }
    }
    var end = NetlinkBuffer()
    end.reserve(32)
    end.message(
      type: UInt16(NFNL_MSG_BATCH_END), flags: NLM_F_REQUEST, sequence: UInt32(truncatingIfNeeded: count + 1)
    ) { $0.append(header) }
    return (begin.bytes, end.bytes)
  }

  /// What the messages with these sequence numbers were to do.
  private static func operations(_ messages: [UInt8], _ sequences: Set<UInt32>) -> [UInt32: String] {
    let names: [nf_tables_msg_types.RawValue: String] = [
      NFT_MSG_NEWTABLE.rawValue: "add table", NFT_MSG_DELTABLE.rawValue: "delete table",
      NFT_MSG_NEWCHAIN.rawValue: "add chain", NFT_MSG_DELCHAIN.rawValue: "delete chain",
      NFT_MSG_NEWRULE.rawValue: "add rule", NFT_MSG_DELRULE.rawValue: "delete rule",
      NFT_MSG_NEWSET.rawValue: "add set", NFT_MSG_DELSET.rawValue: "delete set",
      NFT_MSG_NEWSETELEM.rawValue: addElements, NFT_MSG_DELSETELEM.rawValue: "delete elements",
    ]
    return messages.withUnsafeBytes { bytes in
      var found: [UInt32: String] = [:]
      var offset = 0
      while offset + 16 <= bytes.count, found.count < sequences.count {
        let header = bytes.loadUnaligned(fromByteOffset: offset, as: nlmsghdr.self)
        if sequences.contains(header.nlmsg_seq) {
          found[header.nlmsg_seq] = names[UInt32(header.nlmsg_type & 0xff)] ?? "commit"
        }
        if header.nlmsg_len < 16 { break }
        offset += (Int(header.nlmsg_len) + 3) & ~3
      }
      return found
    }
  }

  /// A family, or 0 for all.
  struct RawFamily {
    let rawValue: UInt8
    init(rawValue: UInt8) { self.rawValue = rawValue }
    init(_ family: NFTFamily) { rawValue = family.rawValue }
  }

  func request(
    _ type: nf_tables_msg_types, _ family: RawFamily, _ operation: String, each: (UnsafeRawBufferPointer) -> Void,
    fill: (inout NetlinkBuffer) -> Void
  ) throws(KernelError) {
    try socket.withLock { (socket) throws(KernelError) in
      try socket.request(type: nftMessageType(type), flags: 0, operation: operation, each: each) {
        $0.append(netfilterHeader(family.rawValue))
        fill(&$0)
      }
    }
  }

  /// `each` sees the number of the request, and its error or an answer.
  func exchange(
    _ requests: [UInt8], _ operation: String, _ each: (Int, Int32, UnsafeRawBufferPointer?) -> Void
  ) throws(KernelError) {
    try socket.withLock { (socket) throws(KernelError) in
      try socket.exchange(requests, operation: operation) { (header, payload) throws(KernelError) in
        if header.nlmsg_type == UInt16(NLMSG_ERROR) {
          each(Int(header.nlmsg_seq), -payload.host(Int32.self), nil)
        } else {
          each(Int(header.nlmsg_seq), 0, payload)
        }
      }
    }
  }

  func dump(
    _ type: nf_tables_msg_types, _ family: RawFamily, _ operation: String, restart: () -> Void,
    each: (UnsafeRawBufferPointer) -> Void, fill: (inout NetlinkBuffer) -> Void
  ) throws(KernelError) {
    try socket.withLock { (socket) throws(KernelError) in
      try socket.dump(type: nftMessageType(type), operation: operation, restart: restart, each: each) {
        $0.append(netfilterHeader(family.rawValue))
        fill(&$0)
      }
    }
  }
}
