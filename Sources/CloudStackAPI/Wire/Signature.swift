import Crypto
package import FoundationEssentials

/// Signatures of requests: HMAC-SHA1 over the sorted, encoded, lower-cased parameters.
package enum Signature {
  /// Whether `form` is signed with `secret` and, with signature version 3, has not expired at `now`.
  package static func verifies(_ form: Form, secret: String, now: Date) -> Bool {
    guard let signature = form.anyCase("signature"), let code = Data(base64Encoded: signature) else { return false }
    if let version = form.anyCase("signatureVersion"), version == "3" {
      guard let expires = form.anyCase("expires").flatMap({ WireDate.parse($0) }), expires >= now else { return false }
    }
    let key = SymmetricKey(data: Data(secret.utf8))
    // Java encodes the tilde, everybody else leaves it.
    let hasTilde = form.values.values.contains { $0.utf8.contains(UInt8(ascii: "~")) }
    return (hasTilde ? [false, true] : [false]).contains { encodesTilde in
      HMAC<Insecure.SHA1>.isValidAuthenticationCode(
        code, authenticating: Data(canonical(form, encodesTilde: encodesTilde).utf8), using: key)
    }
  }

  /// The signature of `form` in base64.
  package static func sign(_ form: Form, secret: String) -> String {
    let code = HMAC<Insecure.SHA1>.authenticationCode(
      for: Data(canonical(form, encodesTilde: true).utf8), using: SymmetricKey(data: Data(secret.utf8)))
    return Data(code).base64EncodedString()
  }

  private static func canonical(_ form: Form, encodesTilde: Bool) -> String {
    form.values.keys.filter { $0.lowercased() != "signature" }
      .sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
      .map { "\($0)=\(encoded(form[$0] ?? "", encodesTilde: encodesTilde))" }
      .joined(separator: "&").lowercased()
  }

  private static func encoded(_ value: String, encodesTilde: Bool) -> String {
    let digits = Array("0123456789abcdef".utf8)
    var bytes: [UInt8] = []
    bytes.reserveCapacity(value.utf8.count)
    for byte in value.utf8 {
      switch byte {
      case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
        UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: "-"), UInt8(ascii: "*"),
        UInt8(ascii: "_"):
        bytes.append(byte)
      case UInt8(ascii: "~") where !encodesTilde: bytes.append(byte)
      default: bytes += [UInt8(ascii: "%"), digits[Int(byte >> 4)], digits[Int(byte & 15)]]
      }
    }
    return String(decoding: bytes, as: UTF8.self)
  }
}
