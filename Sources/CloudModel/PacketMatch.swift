package import Addresses
package import FoundationEssentials

/// An IP protocol by its IANA number.
package struct IPProtocol: RawRepresentable, Codable, Hashable, Sendable {
  package var rawValue: UInt8

  package init(rawValue: UInt8) {
    self.rawValue = rawValue
  }

  package static let icmp = IPProtocol(rawValue: 1)
  package static let tcp = IPProtocol(rawValue: 6)
  package static let udp = IPProtocol(rawValue: 17)

  /// CloudStack's spelling: a name where it has one, otherwise the number.
  package var name: String {
    switch self {
    case .icmp: "icmp"
    case .tcp: "tcp"
    case .udp: "udp"
    default: String(rawValue)
    }
  }
}

/// An inclusive range of ports.
package struct PortRange: Codable, Hashable, Sendable {
  package var first: UInt16
  package var last: UInt16

  package init(_ first: UInt16, _ last: UInt16) {
    self.first = first
    self.last = last
  }

  package var count: Int { Int(last) - Int(first) + 1 }
  package func overlaps(_ other: PortRange) -> Bool { first <= other.last && other.first <= last }
}

/// Which packets a filter rule speaks of.
package enum PacketMatch: Codable, Hashable, Sendable {
  case all
  case transport(IPProtocol, PortRange?)
  /// A `nil` type or code is any.
  case icmp(type: UInt8?, code: UInt8?)
}

/// One permission of a security group: from (ingress) or to (egress) a prefix or the members of another group.
package struct SecurityGroupRule: Codable, Hashable, Sendable {
  package var id: UUID
  package var match: PacketMatch
  package var prefix: IPv4Prefix?
  package var group: ID<SecurityGroup>?

  package init(id: UUID, match: PacketMatch, prefix: IPv4Prefix?, group: ID<SecurityGroup>?) {
    self.id = id
    self.match = match
    self.prefix = prefix
    self.group = group
  }
}

/// A rule is wanted (`add`, `active` once verified) until it is being revoked; it is forgotten when verified gone.
package enum RuleState: String, Codable, Hashable, Sendable {
  case add = "Add"
  case active = "Active"
  case deleting = "Deleting"
}

extension FieldCoder {
  package mutating func field(_ name: String, _ match: inout PacketMatch) throws {
    guard try begin(name) else { throw missing(name) }
    if isReading {
      try fields { coder in match = try coder.readMatch() }
    } else {
      let written = match
      try fields { coder in try coder.write(written) }
    }
  }

  private mutating func readMatch() throws -> PacketMatch {
    if try begin("transport") {
      var transport = IPProtocol.tcp
      var ports: PortRange?
      try fields { coder in
        try coder.field("_0", &transport)
        try coder.field("_1", &ports, PortRange(0, 0)) { try $0.value(&$1) }
      }
      return .transport(transport, ports)
    }
    if try begin("icmp") {
      var (type, code): (UInt8?, UInt8?)
      try fields { coder in
        try coder.field("type", &type, 0) { try $0.value(&$1) }
        try coder.field("code", &code, 0) { try $0.value(&$1) }
      }
      return .icmp(type: type, code: code)
    }
    guard try begin("all") else { throw missing("match") }
    try fields { _ in }
    return .all
  }

  private mutating func write(_ match: PacketMatch) throws {
    switch match {
    case .all:
      _ = try begin("all")
      try fields { _ in }
    case .transport(var transport, var ports):
      _ = try begin("transport")
      try fields { coder in
        try coder.field("_0", &transport)
        try coder.field("_1", &ports, PortRange(0, 0)) { try $0.value(&$1) }
      }
    case .icmp(var type, var code):
      _ = try begin("icmp")
      try fields { coder in
        try coder.field("type", &type, 0) { try $0.value(&$1) }
        try coder.field("code", &code, 0) { try $0.value(&$1) }
      }
    }
  }
}
