import _CryptoExtras
import Crypto
import FoundationEssentials

/// Password hashes: scrypt (RFC 7914), stored as `scrypt$N$r$p$salt$hash`.
enum Password {
  private static let rounds = 1 << 14
  private static let blockSize = 8

  static func hash(_ password: String) throws -> String {
    let salt = SymmetricKey(size: .bits128).withUnsafeBytes { Data($0) }
    let key = try derive(password, salt)
    return "scrypt$\(rounds)$\(blockSize)$1$\(salt.base64EncodedString())$\(key.base64EncodedString())"
  }

  /// The hash of a password that nobody has.
  static let nobodys = "scrypt$\(rounds)$\(blockSize)$1$AAAAAAAAAAAAAAAAAAAAAA==$"

  /// Whether `password` is the one that `hash` was made of. Takes as long when it is not.
  static func matches(_ password: String, _ hash: String) -> Bool {
    let parts = hash.split(separator: "$", omittingEmptySubsequences: false)
    guard parts.count == 6, parts[0] == "scrypt", let rounds = Int(parts[1]), let blockSize = Int(parts[2]),
      let parallelism = Int(parts[3]), let salt = Data(base64Encoded: String(parts[4])),
      let wanted = Data(base64Encoded: String(parts[5])),
      let key = try? derive(password, salt, rounds, blockSize, parallelism)
    else { return false }
    return key.count == wanted.count && zip(key, wanted).reduce(0) { $0 | ($1.0 ^ $1.1) } == 0
  }

  private static func derive(
    _ password: String, _ salt: Data, _ rounds: Int = rounds, _ blockSize: Int = blockSize, _ parallelism: Int = 1
  ) throws -> Data {
    try KDF.Scrypt.deriveKey(
      from: Data(password.utf8), salt: salt, outputByteCount: 32, rounds: rounds, blockSize: blockSize,
      parallelism: parallelism
    ).withUnsafeBytes { Data($0) }
  }
}

/// Random keys that sign requests: 512 bits, URL-safe.
enum SecretKey {
  static func generate() -> String {
    let bytes = SymmetricKey(size: .init(bitCount: 512)).withUnsafeBytes { Data($0) }
    return bytes.base64EncodedString()
      .replacing("+", with: "-").replacing("/", with: "_").replacing("=", with: "")
  }
}
