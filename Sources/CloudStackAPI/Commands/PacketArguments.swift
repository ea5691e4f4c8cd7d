import Addresses
import CloudModel

/// Addresses, ports and protocols as rules give them.
extension Arguments {
  func address(_ name: String) throws(APIError) -> IPv4? {
    guard let text = string(name), !text.isEmpty else { return nil }
    guard let address = IPv4(text) else { throw .invalid(name, text, "it is not an IPv4 address") }
    return address
  }

  func prefixes(_ name: String) throws(APIError) -> [IPv4Prefix] {
    var prefixes: [IPv4Prefix] = []
    let texts = strings(name) ?? []
    if texts.count > Self.prefixLimit {
      throw .invalid(name, "\(texts.count) prefixes", "a rule has up to \(Self.prefixLimit); make several")
    }
    for text in texts {
      guard let prefix = IPv4Prefix(text, strict: false) else {
        throw .invalid(name, text, text.contains(":") ? "IPv6 is not supported" : "it is not an IPv4 prefix")
      }
      if !prefixes.contains(prefix) { prefixes.append(prefix) }
    }
    return prefixes
  }

  /// CIDRs in one list.
  private static let prefixLimit = 100

  func port(_ name: String) throws(APIError) -> UInt16? {
    guard let number = integer(name) else { return nil }
    guard let port = UInt16(exactly: number), port > 0 else {
      throw .invalid(name, String(number), "ports are 1 to 65535")
    }
    return port
  }

  /// A single port when there is no end.
  func ports(_ first: String, _ last: String) throws(APIError) -> PortRange? {
    guard let start = try port(first) else {
      if let end = try port(last) { throw .invalid(last, String(end), "it needs \(first)") }
      return nil
    }
    let end = try port(last) ?? start
    guard start <= end else { throw .invalid(last, String(end), "it is lower than \(first)") }
    return PortRange(start, end)
  }

  func transport(_ name: String, _ fallback: IPProtocol? = nil) throws(APIError) -> IPProtocol {
    let text = string(name) ?? ""
    if text.isEmpty, let fallback { return fallback }
    guard let transport = IPProtocol(wire: text), transport == .tcp || transport == .udp else {
      throw .invalid(name, text, "it is tcp or udp")
    }
    return transport
  }

  /// Which packets a rule speaks of. `needsPorts`: tcp and udp without ports are refused rather than opened wide.
  func match(fallback: String? = nil, needsPorts: Bool) throws(APIError) -> PacketMatch {
    let text = (string("protocol").flatMap { $0.isEmpty ? nil : $0 } ?? fallback ?? "").lowercased()
    let ports = try ports("startport", "endport")
    let type = try octet("icmptype")
    let code = try octet("icmpcode")
    guard text == "all" || IPProtocol(wire: text) != nil else {
      throw .invalid("protocol", text, "it is tcp, udp, icmp, all or a number")
    }
    let transport = IPProtocol(wire: text)
    if transport != .icmp && (type != nil || code != nil) {
      throw .value("icmptype and icmpcode are for protocol icmp only")
    }
    if ports != nil && transport != .tcp && transport != .udp {
      throw .value("startport and endport are for protocols tcp and udp only")
    }
    guard let transport else { return .all }
    if transport == .icmp {
      if type == nil && code != nil { throw .value("icmpcode needs icmptype") }
      return .icmp(type: type, code: code)
    }
    if needsPorts && ports == nil && (transport == .tcp || transport == .udp) {
      throw .value("startport and endport are required for protocol \(transport.name)")
    }
    return .transport(transport, ports)
  }

  /// `-1` is any.
  private func octet(_ name: String) throws(APIError) -> UInt8? {
    guard let number = integer(name), number != -1 else { return nil }
    guard let octet = UInt8(exactly: number) else { throw .invalid(name, String(number), "it is -1 to 255") }
    return octet
  }
}

extension IPProtocol {
  /// A name or a number; `nil` for anything else.
  init?(wire text: String) {
    switch text.lowercased() {
    case "tcp": self = .tcp
    case "udp": self = .udp
    case "icmp": self = .icmp
    default:
      guard let number = UInt8(text) else { return nil }
      self.init(rawValue: number)
    }
  }
}
