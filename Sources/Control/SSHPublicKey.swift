import Crypto
import FoundationEssentials
import _CryptoExtras

/// A public key in OpenSSH's form, and what follows from it.
struct SSHPublicKey: Sendable {
  let text: String
  /// Algorithm and key, each with its length before it (RFC 4253).
  let blob: Data

  static let algorithms: Set<String> = [
    "ssh-rsa", "ssh-dss", "ssh-ed25519", "ecdsa-sha2-nistp256", "ecdsa-sha2-nistp384", "ecdsa-sha2-nistp521",
  ]

  /// Reads `algorithm base64 [comment]`, or all of that in base64 once more. nil for what is no key.
  init?(_ text: String) {
    let trimmed = text.split(whereSeparator: \.isNewline).joined(separator: " ").trimmed
    if let key = Self(line: trimmed) {
      self = key
    } else if let data = Data(base64Encoded: trimmed), let inner = String(validating: data, as: UTF8.self),
      let key = Self(line: inner.trimmed)
    {
      self = key
    } else {
      return nil
    }
  }

  private init?(line: String) {
    let parts = line.split(separator: " ", maxSplits: 2, omittingEmptySubsequences: true)
    guard parts.count >= 2, Self.algorithms.contains(String(parts[0])), let blob = Data(base64Encoded: String(parts[1]))
    else { return nil }
    var fields = Fields(blob)
    guard let algorithm = fields.next(), algorithm.elementsEqual(parts[0].utf8), fields.next() != nil else {
      return nil
    }
    text = line
    self.blob = blob
  }

  /// The MD5 of the key, in pairs of digits.
  var fingerprint: String {
    Insecure.MD5.hash(data: blob).map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined(separator: ":")
  }

  /// `text` so that only the private key of this one opens it: RSA with the padding that clients of CloudStack expect, in
  /// base64. nil for keys of other kinds.
  func encrypt(_ text: String) -> String? {
    var fields = Fields(blob)
    guard let algorithm = fields.next(), algorithm.elementsEqual("ssh-rsa".utf8), let exponent = fields.next(),
      let modulus = fields.next(), let key = try? _RSA.Encryption.PublicKey(n: modulus, e: exponent)
    else { return nil }
    return try? key.encrypt(Data(text.utf8), padding: ._WEAK_AND_INSECURE_PKCS_V1_5).base64EncodedString()
  }

  /// Numbers and texts, each with its length in four octets before it.
  private struct Fields {
    private var rest: Data

    init(_ blob: Data) { rest = blob }

    mutating func next() -> Data? {
      guard rest.count >= 4 else { return nil }
      let length = rest.prefix(4).reduce(0) { $0 << 8 | Int($1) }
      guard length > 0, rest.count >= 4 + length else { return nil }
      let field = Data(rest.dropFirst(4).prefix(length))
      rest = Data(rest.dropFirst(4 + length))
      return field
    }
  }
}

/// A key pair as it is made: the private key leaves in the answer and is kept nowhere.
struct NewSSHKeyPair: Sendable {
  let publicKey: SSHPublicKey
  /// PKCS #1 in PEM.
  let privateKey: String

  @concurrent
  static func make() async throws -> NewSSHKeyPair {
    let key = try _RSA.Signing.PrivateKey(keySize: .bits2048)
    let numbers = try key.publicKey.getKeyPrimitives()
    var blob = Data()
    for field in [Data("ssh-rsa".utf8), signed(numbers.publicExponent), signed(numbers.modulus)] {
      for shift in [24, 16, 8, 0] { blob.append(UInt8(truncatingIfNeeded: field.count >> shift)) }
      blob.append(field)
    }
    guard let publicKey = SSHPublicKey("ssh-rsa " + blob.base64EncodedString()) else {
      throw ControlError(.internalError, "The key pair could not be made; try again")
    }
    return NewSSHKeyPair(publicKey: publicKey, privateKey: key.pemRepresentation)
  }

  /// A positive number begins with a bit that is not set.
  private static func signed(_ number: Data) -> Data {
    let digits = Data(number.drop { $0 == 0 })
    return digits.first.map { $0 >= 0x80 } == true ? Data([0]) + digits : digits
  }
}

extension String {
  fileprivate var trimmed: String {
    var text = self[...]
    while text.first?.isWhitespace == true { text.removeFirst() }
    while text.last?.isWhitespace == true { text.removeLast() }
    return String(text)
  }
}
