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
        code, authenticating: canonical(form, encodesTilde: encodesTilde), using: key)
    }
  }

  /// The signature of `form` in base64.
  package static func sign(_ form: Form, secret: String) -> String {
    let code = HMAC<Insecure.SHA1>.authenticationCode(
      for: canonical(form, encodesTilde: true), using: SymmetricKey(data: Data(secret.utf8)))
    return Data(code).base64EncodedString()
  }

  private static func canonical(_ form: Form, encodesTilde: Bool) -> [UInt8] {
    var text: [UInt8] = []
    text.reserveCapacity(512)
    let names = form.values.keys.filter { $0.utf8.count != 9 || $0.lowercased() != "signature" }
      .sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
    for (position, name) in names.enumerated() {
      if position > 0 { text.append(UInt8(ascii: "&")) }
      if name.utf8.allSatisfy({ $0 < 0x80 }) {
        for byte in name.utf8 { text.append(lowered(byte)) }
      } else {
        text += name.lowercased().utf8
      }
      text.append(UInt8(ascii: "="))
      encode(form[name] ?? "", encodesTilde: encodesTilde, to: &text)
    }
    return text
  }

  private static func lowered(_ byte: UInt8) -> UInt8 {
    (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(byte) ? byte | 0x20 : byte
  }

  /// Appends the value as it stands in a URL, in lower case.
  private static func encode(_ value: String, encodesTilde: Bool, to text: inout [UInt8]) {
    for byte in value.utf8 {
      switch byte {
      case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
        UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: "-"), UInt8(ascii: "*"),
        UInt8(ascii: "_"):
        text.append(lowered(byte))
      case UInt8(ascii: "~") where !encodesTilde: text.append(byte)
      default:
        text.append(UInt8(ascii: "%"))
        text.append(digit(byte >> 4))
        text.append(digit(byte & 15))
      }
    }
  }

  private static func digit(_ value: UInt8) -> UInt8 {
    value < 10 ? UInt8(ascii: "0") + value : UInt8(ascii: "a") + value - 10
  }
}
