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

  private static func derive(_ password: String, _ salt: Data) throws -> Data {
    try KDF.Scrypt.deriveKey(
      from: Data(password.utf8), salt: salt, outputByteCount: 32, rounds: rounds, blockSize: blockSize, parallelism: 1
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
