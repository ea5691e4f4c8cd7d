import Addresses
import CLinux

extension NFTExpression {
  static func write(_ expressions: [NFTExpression], family: NFTFamily, _ buffer: inout NetlinkBuffer) {
    buffer.nest(NFTA_RULE_EXPRESSIONS) { buffer in
      for expression in expressions {
        buffer.nest(NFTA_LIST_ELEM) { buffer in
          buffer.put(NFTA_EXPR_NAME, expression.name)
          buffer.nest(NFTA_EXPR_DATA) { expression.write(family, &$0) }
        }
      }
    }
  }

  private var name: String {
    switch self {
    case .meta, .setMeta: "meta"
    case .payload, .setPayload: "payload"
    case .connection, .setConnectionMark: "ct"
    case .compare: "cmp"
    case .bitwise: "bitwise"
    case .immediate, .verdict: "immediate"
    case .lookup, .map, .verdictMap: "lookup"
    case .nat: "nat"
    case .masquerade: "masq"
    case .hash, .symmetricHash: "hash"
    case .counting: "numgen"
    case .counter: "counter"
    case .reject: "reject"
    case .limit: "limit"
    case .untracked: "notrack"
    }
  }

  private func write(_ family: NFTFamily, _ buffer: inout NetlinkBuffer) {
    switch self {
    case .meta(let key, let register):
      buffer.put(NFTA_META_KEY, big: key.rawValue)
      buffer.put(NFTA_META_DREG, big: register.number)
    case .setMeta(let key, let register):
      buffer.put(NFTA_META_KEY, big: key.rawValue)
      buffer.put(NFTA_META_SREG, big: register.number)
    case .payload(let base, let offset, let length, let register):
      buffer.put(NFTA_PAYLOAD_DREG, big: register.number)
      buffer.put(NFTA_PAYLOAD_BASE, big: base.rawValue)
      buffer.put(NFTA_PAYLOAD_OFFSET, big: offset)
      buffer.put(NFTA_PAYLOAD_LEN, big: length)
    case .connection(let key, let direction, let register):
      buffer.put(NFTA_CT_DREG, big: register.number)
      buffer.put(NFTA_CT_KEY, big: key.rawValue)
      if key.hasDirection { buffer.put(NFTA_CT_DIRECTION, host: (direction ?? .original).rawValue) }
    case .setConnectionMark(let register):
      buffer.put(NFTA_CT_KEY, big: Connection.mark.rawValue)
      buffer.put(NFTA_CT_SREG, big: register.number)
    case .compare(let comparison, let register, let value):
      buffer.put(NFTA_CMP_SREG, big: register.number)
      buffer.put(NFTA_CMP_OP, big: comparison.rawValue)
      buffer.nest(NFTA_CMP_DATA) { $0.put(NFTA_DATA_VALUE, bytes: value) }
    case .bitwise(let source, let mask, let xor, let target):
      buffer.put(NFTA_BITWISE_SREG, big: source.number)
      buffer.put(NFTA_BITWISE_DREG, big: target.number)
      buffer.put(NFTA_BITWISE_LEN, big: UInt32(mask.count))
      buffer.nest(NFTA_BITWISE_MASK) { $0.put(NFTA_DATA_VALUE, bytes: mask) }
      buffer.nest(NFTA_BITWISE_XOR) { $0.put(NFTA_DATA_VALUE, bytes: xor) }
    case .immediate(let value, let register):
      buffer.put(NFTA_IMMEDIATE_DREG, big: register.number)
      buffer.nest(NFTA_IMMEDIATE_DATA) { $0.put(NFTA_DATA_VALUE, bytes: value) }
    case .verdict(let verdict):
      buffer.put(NFTA_IMMEDIATE_DREG, big: UInt32(0))
      buffer.nest(NFTA_IMMEDIATE_DATA) { verdict.write(&$0) }
    case .lookup(let set, let key, let inverted):
      buffer.put(NFTA_LOOKUP_SET, set)
      buffer.put(NFTA_LOOKUP_SREG, big: key.number)
      if inverted { buffer.put(NFTA_LOOKUP_FLAGS, big: UInt32(1)) }
    case .map(let set, let key, let register):
      buffer.put(NFTA_LOOKUP_SET, set)
      buffer.put(NFTA_LOOKUP_SREG, big: key.number)
      buffer.put(NFTA_LOOKUP_DREG, big: register.number)
    case .verdictMap(let set, let key):
      buffer.put(NFTA_LOOKUP_SET, set)
      buffer.put(NFTA_LOOKUP_SREG, big: key.number)
      buffer.put(NFTA_LOOKUP_DREG, big: UInt32(0))
    default: writeAction(family, &buffer)
    }
  }

  private func writeAction(_ family: NFTFamily, _ buffer: inout NetlinkBuffer) {
    switch self {
    case .setPayload(let base, let offset, let length, let register, let checksum, let isInPseudoHeader):
      buffer.put(NFTA_PAYLOAD_SREG, big: register.number)
      buffer.put(NFTA_PAYLOAD_BASE, big: base.rawValue)
      buffer.put(NFTA_PAYLOAD_OFFSET, big: offset)
      buffer.put(NFTA_PAYLOAD_LEN, big: length)
      buffer.put(NFTA_PAYLOAD_CSUM_TYPE, big: UInt32(1))
      buffer.put(NFTA_PAYLOAD_CSUM_OFFSET, big: checksum)
      buffer.put(NFTA_PAYLOAD_CSUM_FLAGS, big: UInt32(isInPseudoHeader ? 1 : 0))
    case .nat(let translation, let address, let port):
      buffer.put(NFTA_NAT_TYPE, big: translation.rawValue)
      // Netfilter's families are the socket ones; an inet table's translations here are for IPv4.
      buffer.put(NFTA_NAT_FAMILY, big: UInt32(family == .inet ? NFTFamily.ipv4.rawValue : family.rawValue))
      buffer.put(NFTA_NAT_REG_ADDR_MIN, big: address.number)
      buffer.put(NFTA_NAT_REG_ADDR_MAX, big: address.number)
      if let port {
        buffer.put(NFTA_NAT_REG_PROTO_MIN, big: port.number)
        buffer.put(NFTA_NAT_REG_PROTO_MAX, big: port.number)
      }
      buffer.put(NFTA_NAT_FLAGS, big: UInt32(port == nil ? 1 : 3))
    case .hash(let source, let length, let modulus, let seed, let offset, let register):
      buffer.put(NFTA_HASH_SREG, big: source.number)
      buffer.put(NFTA_HASH_DREG, big: register.number)
      buffer.put(NFTA_HASH_LEN, big: length)
      buffer.put(NFTA_HASH_MODULUS, big: modulus)
      buffer.put(NFTA_HASH_SEED, big: seed)
      buffer.put(NFTA_HASH_OFFSET, big: offset)
      buffer.put(NFTA_HASH_TYPE, big: UInt32(0))
    case .symmetricHash(let modulus, let offset, let register):
      buffer.put(NFTA_HASH_DREG, big: register.number)
      buffer.put(NFTA_HASH_MODULUS, big: modulus)
      buffer.put(NFTA_HASH_OFFSET, big: offset)
      buffer.put(NFTA_HASH_TYPE, big: UInt32(1))
    case .counting(let modulus, let offset, let register):
      buffer.put(NFTA_NG_DREG, big: register.number)
      buffer.put(NFTA_NG_MODULUS, big: modulus)
      buffer.put(NFTA_NG_TYPE, big: UInt32(0))
      buffer.put(NFTA_NG_OFFSET, big: offset)
    case .reject(.icmp(let code)):
      buffer.put(NFTA_REJECT_TYPE, big: UInt32(0))
      buffer.put(NFTA_REJECT_ICMP_CODE, host: code)
    case .reject(.tcpReset):
      buffer.put(NFTA_REJECT_TYPE, big: UInt32(1))
      buffer.put(NFTA_REJECT_ICMP_CODE, host: UInt8(0))
    case .limit(let rate, let seconds, let burst):
      buffer.put(NFTA_LIMIT_RATE, big: rate)
      buffer.put(NFTA_LIMIT_UNIT, big: seconds)
      buffer.put(NFTA_LIMIT_BURST, big: burst)
      buffer.put(NFTA_LIMIT_TYPE, big: UInt32(0))
    default: break
    }
  }

  /// A digest of the expressions in a rule as the kernel reports them. Left out are what counts, the order of
  /// attributes, and attributes of nothing but zeros, which the kernel adds at will.
  static func digest(list: UnsafeRawBufferPointer) -> UInt64 {
    var digest = Digest()
    for (_, element) in NetlinkAttributes(list) {
      var name = ""
      var data: UnsafeRawBufferPointer?
      for (type, payload) in NetlinkAttributes(element) {
        if type == NFTA_EXPR_NAME.code { name = payload.text }
        if type == NFTA_EXPR_DATA.code { data = payload }
      }
      for byte in name.utf8 { digest.add(byte) }
      digest.add(0)
      guard let data, name != "counter" else { continue }
      for (type, payload) in NetlinkAttributes(data).sorted(by: { $0.type < $1.type }) {
        if payload.allSatisfy({ $0 == 0 }) { continue }
        digest.add(UInt8(truncatingIfNeeded: type))
        digest.add(UInt8(truncatingIfNeeded: payload.count))
        if isNested(name, type) {
          addNested(payload, &digest)
        } else {
          for byte in payload { digest.add(byte) }
        }
      }
    }
    return digest.value
  }

  private static func isNested(_ name: String, _ type: UInt16) -> Bool {
    switch name {
    case "cmp": type == NFTA_CMP_DATA.code
    case "bitwise": type == NFTA_BITWISE_MASK.code || type == NFTA_BITWISE_XOR.code
    case "immediate": type == NFTA_IMMEDIATE_DATA.code
    default: false
    }
  }

  // Without the headers, whose flag bits and padding differ between writers.
  private static func addNested(_ data: UnsafeRawBufferPointer, _ digest: inout Digest) {
    for (type, payload) in NetlinkAttributes(data) {
      digest.add(UInt8(truncatingIfNeeded: type))
      if type == NFTA_DATA_VERDICT.code {
        for (_, part) in NetlinkAttributes(payload) { for byte in part { digest.add(byte) } }
      } else {
        for byte in payload { digest.add(byte) }
      }
    }
  }

  private struct Digest {
    var value: UInt64 = 0xcbf2_9ce4_8422_2325
    mutating func add(_ byte: UInt8) { value = (value ^ UInt64(byte)) &* 0x100_0000_01b3 }
  }
}

extension NFTVerdict {
  func write(_ buffer: inout NetlinkBuffer) {
    buffer.nest(NFTA_DATA_VERDICT) { buffer in
      buffer.put(NFTA_VERDICT_CODE, big: code)
      if let chain { buffer.put(NFTA_VERDICT_CHAIN, chain) }
    }
  }
}
