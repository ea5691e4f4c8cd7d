/// An `http` or `https` URL to which something is sent, taken apart strictly.
package struct WebAddress: Sendable, Hashable, CustomStringConvertible {
  package let isSecure: Bool
  package let host: String
  package let port: Int
  /// Path and query, from the slash on.
  package let target: String

  /// None for anything unusual: other schemes, user names, ports of other services, white space, more than 1,000 bytes.
  package init?(_ text: String) {
    guard text.utf8.count <= 1000, text.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7f && $0 != UInt8(ascii: "\\") }) else {
      return nil
    }
    let isSecure = text.hasPrefix("https://")
    guard isSecure || text.hasPrefix("http://") else { return nil }
    let rest = text.dropFirst(isSecure ? 8 : 7)
    let end = rest.firstIndex { "/?#".contains($0) } ?? rest.endIndex
    let authority = rest[..<end]
    var target = rest[end...].prefix { $0 != "#" }
    if !target.hasPrefix("/") { target = "/" + target }
    var host = authority
    var port = isSecure ? 443 : 80
    if authority.hasPrefix("[") {
      guard let close = authority.firstIndex(of: "]") else { return nil }
      host = authority[authority.index(after: authority.startIndex)..<close]
      guard host.allSatisfy({ $0.isHexDigit || $0 == ":" || $0 == "." }) else { return nil }
      let after = authority[authority.index(after: close)...]
      if !after.isEmpty {
        guard after.hasPrefix(":"), let number = Int(after.dropFirst()) else { return nil }
        port = number
      }
    } else {
      if let colon = authority.firstIndex(of: ":") {
        guard let number = Int(authority[authority.index(after: colon)...]) else { return nil }
        host = authority[..<colon]
        port = number
      }
      guard host.utf8.count <= 253, host.allSatisfy({ $0.isLetter || $0.isNumber || $0 == "-" || $0 == "." }) else {
        return nil
      }
    }
    guard !host.isEmpty, port == 80 || port == 443 || (1024...65535).contains(port) else { return nil }
    self.isSecure = isSecure
    self.host = host.lowercased()
    self.port = port
    self.target = String(target)
  }

  var authority: String {
    let name = host.contains(":") ? "[\(host)]" : host
    return port == (isSecure ? 443 : 80) ? name : "\(name):\(port)"
  }

  package var description: String { "\(isSecure ? "https" : "http")://\(authority)\(target)" }
}
