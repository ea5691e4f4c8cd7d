package import Addresses
/// The address family of a table.
package enum NFTFamily: UInt8, Sendable {
  case inet = 1
  case ipv4 = 2
  case arp = 3
  case netdev = 5
  case bridge = 7
}

/// The data types of set fields, numbered as `nft` numbers them.
package enum NFTType: UInt32, Sendable {
  case ipv4 = 7
  case mac = 9
  case protocolNumber = 12
  case port = 13
  case mark = 19
  case interfaceIndex = 20
  case interface = 41

  /// Bytes without padding.
  package var length: Int {
    switch self {
    case .ipv4, .mark, .interfaceIndex: 4
    case .mac: 6
    case .protocolNumber: 1
    case .port: 2
    case .interface: 16
    }
  }

  var isHostOrder: Bool { self == .mark || self == .interfaceIndex || self == .interface }

  static func code(_ fields: [NFTType]) -> UInt32 { fields.reduce(0) { $0 << 6 | $1.rawValue } }

  static func length(_ fields: [NFTType]) -> Int {
    fields.count == 1 ? fields[0].length : fields.reduce(0) { $0 + ($1.length + 3) & ~3 }
  }
}

/// What a map gives for a key.
package enum NFTMapData: Hashable, Sendable {
  case fields([NFTType])
  case verdict
}

package enum NFTVerdict: Hashable, Sendable {
  case accept
  case drop
  case `continue`
  case `return`
  case jump(String)
  case goto(String)

  var code: Int32 {
    switch self {
    case .drop: 0
    case .accept: 1
    case .continue: -1
    case .jump: -3
    case .goto: -4
    case .return: -5
    }
  }

  var chain: String? {
    switch self {
    case .jump(let chain), .goto(let chain): chain
    default: nil
    }
  }

  init?(code: Int32, chain: String) {
    switch code {
    case 0: self = .drop
    case 1: self = .accept
    case -1: self = .continue
    case -3: self = .jump(chain)
    case -4: self = .goto(chain)
    case -5: self = .return
    default: return nil
    }
  }
}

package struct NFTSetFlags: OptionSet, Hashable, Sendable {
  package let rawValue: UInt32
  package init(rawValue: UInt32) { self.rawValue = rawValue }

  package static let anonymous = NFTSetFlags(rawValue: 0x01)
  package static let constant = NFTSetFlags(rawValue: 0x02)
  package static let interval = NFTSetFlags(rawValue: 0x04)
  package static let map = NFTSetFlags(rawValue: 0x08)
  package static let timeout = NFTSetFlags(rawValue: 0x10)
  package static let concatenation = NFTSetFlags(rawValue: 0x80)
}

/// One element of a set or map.
package struct NFTElement: Hashable, Sendable {
  package var key: NFTBytes
  /// In an interval set of several fields: the last key of the range, inclusive in every field.
  package var keyEnd: NFTBytes?
  package var data: NFTBytes?
  package var verdict: NFTVerdict?
  package var comment: String?
  /// In an interval set of one field: `key` is the first one after an interval.
  package var isIntervalEnd: Bool

  package init(
    _ key: NFTBytes, end keyEnd: NFTBytes? = nil, data: NFTBytes? = nil, verdict: NFTVerdict? = nil,
    comment: String? = nil, isIntervalEnd: Bool = false
  ) {
    self.key = key
    self.keyEnd = keyEnd
    self.data = data
    self.verdict = verdict
    self.comment = comment
    self.isIntervalEnd = isIntervalEnd
  }

  /// The elements of one network in an interval set whose only field is an address.
  package static func interval(
    _ network: IPv4Prefix, data: NFTBytes? = nil, verdict: NFTVerdict? = nil
  ) -> [NFTElement] {
    let first = NFTElement(NFTBytes(network.address), data: data, verdict: verdict)
    if network.last.value == .max { return [first] }
    return [first, NFTElement(NFTBytes(IPv4(network.last.value + 1)), isIntervalEnd: true)]
  }
}

package struct NFTTable: Hashable, Sendable {
  package var family: NFTFamily
  package var name: String
  package var handle: UInt64
}

package struct NFTChain: Hashable, Sendable {
  package var name: String
  package var handle: UInt64
  /// How many rules and jumps count on it.
  package var uses: UInt32
  /// Absent for a chain that is only jumped to.
  package var base: NFTBaseChain?
}

/// Where a chain hooks into the path of packets.
package struct NFTBaseChain: Hashable, Sendable {
  package enum Hook: UInt32, Sendable {
    case prerouting = 0
    case input = 1
    case forward = 2
    case output = 3
    case postrouting = 4
  }

  package enum Kind: String, Sendable {
    case filter
    case nat
    case route
  }

  package var kind: Kind
  package var hook: Hook
  package var priority: Int32
  package var policy: NFTVerdict

  /// The policy is accept or drop.
  package init(_ kind: Kind, _ hook: Hook, priority: Int32, policy: NFTVerdict = .accept) {
    self.kind = kind
    self.hook = hook
    self.priority = priority
    self.policy = policy
  }
}

package struct NFTRule: Hashable, Sendable {
  package var chain: String
  package var handle: UInt64
  package var comment: String?
  /// Equal to `NFTExpression.digest` of what it was made from, whatever its counters say.
  package var digest: UInt64
}

package struct NFTSet: Hashable, Sendable {
  package var name: String
  package var handle: UInt64
  package var flags: NFTSetFlags
  package var keyType: UInt32
  package var keyLength: UInt32
  package var dataType: UInt32?
  package var dataLength: UInt32?
  /// Zero if it was made without a size.
  package var size: UInt32
  /// How many elements it has; kernels before 6.16 do not tell.
  package var count: UInt32?

  package var isMap: Bool { flags.contains(.map) }
}
