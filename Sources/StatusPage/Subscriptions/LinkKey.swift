import Crypto
import FoundationEssentials

/// Signs the links in mails, so that nobody but who got the mail can follow them.
package struct LinkKey: Sendable {
  package enum Purpose: String, Sendable { case confirm, unsubscribe }

  private let key: SymmetricKey

  package init(bytes: [UInt8]) { key = SymmetricKey(data: bytes) }

  /// The key in a file of its own, made when there is none.
  package init(path: String) throws(StatusPageError) {
    let file = DurableFile(path: path, mode: 0o600)
    if let data = try file.read(limit: 1000) {
      guard data.count == 32 else {
        throw StatusPageError(
          code: .damaged,
          message: "\(path) is no key; put it back, or delete it, which ends the links in mails already sent")
      }
      self.init(bytes: Array(data))
    } else {
      let bytes = (0..<32).map { _ in UInt8.random(in: 0...255) }
      try file.write(Data(bytes))
      self.init(bytes: bytes)
    }
  }

  package func sign(_ purpose: Purpose, _ id: String) -> String {
    Self.hex(HMAC<SHA256>.authenticationCode(for: Data("\(purpose.rawValue)\n\(id)".utf8), using: key))
  }

  package func isValid(_ signature: String, _ purpose: Purpose, _ id: String) -> Bool {
    guard let code = Self.bytes(signature) else { return false }
    return HMAC<SHA256>.isValidAuthenticationCode(
      code, authenticating: Data("\(purpose.rawValue)\n\(id)".utf8), using: key)
  }

  static func hex(_ bytes: some Sequence<UInt8>) -> String {
    bytes.map { byte in
      let digits = String(byte, radix: 16)
      return digits.count == 1 ? "0" + digits : digits
    }.joined()
  }

  static func bytes(_ hex: String) -> [UInt8]? {
    let digits = Array(hex.utf8)
    guard digits.count == 64 else { return nil }
    var bytes: [UInt8] = []
    for index in stride(from: 0, to: 64, by: 2) {
      guard let text = String(bytes: digits[index...index + 1], encoding: .utf8), let byte = UInt8(text, radix: 16),
        digits[index] != UInt8(ascii: "+")
      else { return nil }
      bytes.append(byte)
    }
    return bytes
  }
}

/// The signature of a webhook's body: `t=<milliseconds>,v1=<HMAC-SHA-256 of "t.body" in hex>`.
package enum WebhookSignature {
  package static let header = "X-Daruma-Signature"

  package static func make(_ body: String, secret: String, at now: Moment) -> String {
    let code = HMAC<SHA256>.authenticationCode(
      for: Data("\(now.milliseconds).\(body)".utf8), using: SymmetricKey(data: Data(secret.utf8)))
    return "t=\(now.milliseconds),v1=\(LinkKey.hex(code))"
  }
}
