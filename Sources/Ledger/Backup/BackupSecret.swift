internal import CloudModel
internal import Crypto
internal import FoundationEssentials
import Glibc
internal import _CryptoExtras

/// What backups are encrypted with. It is in none of them: whoever loses it has lost them.
package enum BackupSecret: Sendable {
  /// 32 bytes.
  case key([UInt8])
  case passphrase(String)

  /// A file with 64 hexadecimal digits, of which nobody but its owner can read anything.
  package static func key(inFile path: String) throws(LedgerError) -> BackupSecret {
    let text = try content(of: path)
    let digits = Array(text.utf8)
    guard digits.count == 64, text.allSatisfy(\.isHexDigit) else {
      throw LedgerError(.invalid, "\(path) does not hold 64 hexadecimal digits; make one with `openssl rand -hex 32`")
    }
    var bytes: [UInt8] = []
    for index in stride(from: 0, to: 64, by: 2) {
      let pair = String(decoding: digits[index..<index + 2], as: UTF8.self)
      guard let byte = UInt8(pair, radix: 16) else {
        throw LedgerError(
          .invalid, "\(path) does not hold 64 hexadecimal digits; make one with `openssl rand -hex 32`")
      }
      bytes.append(byte)
    }
    return .key(bytes)
  }

  /// The file's first line.
  package static func passphrase(inFile path: String) throws(LedgerError) -> BackupSecret {
    try passphrase(content(of: path), from: path)
  }

  package static func passphrase(_ text: String, from place: String) throws(LedgerError) -> BackupSecret {
    let line = text.split(separator: "\n", maxSplits: 1, omittingEmptySubsequences: false).first ?? ""
    guard line.utf8.count >= 8 else {
      throw LedgerError(.invalid, "the passphrase in \(place) is shorter than 8 characters")
    }
    return .passphrase(String(line))
  }

  private static func content(of path: String) throws(LedgerError) -> String {
    let descriptor = Glibc.open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY)
    guard descriptor >= 0 else { throw LedgerError(.invalid, "\(path) cannot be opened: \(systemError())") }
    defer { Glibc.close(descriptor) }
    var status = stat()
    guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG, status.st_size <= 4096 else {
      throw LedgerError(.invalid, "\(path) is not a file of at most 4096 bytes")
    }
    guard status.st_mode & 0o077 == 0 else {
      throw LedgerError(.invalid, "\(path) is a secret and open to other users; run chmod 600 on it")
    }
    var bytes = [UInt8](repeating: 0, count: 4096)
    let count = Glibc.read(descriptor, &bytes, bytes.count)
    guard count >= 0 else { throw LedgerError(.invalid, "\(path) cannot be read: \(systemError())") }
    guard let text = String(validating: bytes.prefix(count), as: UTF8.self) else {
      throw LedgerError(.invalid, "\(path) is not UTF-8")
    }
    return text.hasSuffix("\n") ? String(text.dropLast()) : text
  }

  var cipher: FrameHeader.Cipher {
    switch self {
    case .key: .key
    case .passphrase: .passphrase
    }
  }

  /// The key of the one file whose header has this salt.
  func fileKey(salt: [UInt8]) throws(LedgerError) -> SymmetricKey {
    let master: SymmetricKey
    switch self {
    case .key(let bytes): master = SymmetricKey(data: bytes)
    case .passphrase(let text):
      do {
        master = try KDF.Scrypt.deriveKey(
          from: Data(text.utf8), salt: salt, outputByteCount: 32, rounds: 1 << 15, blockSize: 8, parallelism: 1)
      } catch { throw LedgerError(.invalid, "no key can be made of the passphrase", underlying: error) }
    }
    return HKDF<SHA256>.deriveKey(
      inputKeyMaterial: master, salt: salt, info: Array("daruma backup".utf8), outputByteCount: 32)
  }
}

/// Seals and opens the frames of one file.
struct FrameCipher: Sendable {
  private let key: SymmetricKey

  /// `nil` for a file in the clear.
  init?(_ header: FrameHeader, _ secret: BackupSecret?, _ name: String) throws(LedgerError) {
    switch (header.cipher, secret) {
    case (.none, _): return nil
    case (.key, .key?), (.passphrase, .passphrase?): break
    case (.key, _): throw LedgerError(.invalid, "\(name) is encrypted with a key; name its file with --key-file")
    case (.passphrase, _):
      throw LedgerError(.invalid, "\(name) is encrypted with a passphrase; give it with --passphrase-file")
    }
    guard let secret else { return nil }
    key = try secret.fileKey(salt: header.salt)
  }

  private static func nonce(_ number: UInt64) throws -> AES.GCM.Nonce {
    var bytes: [UInt8] = [0, 0, 0, 0]
    bytes.appendBigEndian(number, count: 8)
    return try AES.GCM.Nonce(data: bytes)
  }

  private static func context(_ previous: Checksum, _ type: FrameType) -> [UInt8] { previous.bytes + [type.rawValue] }

  func seal(_ payload: [UInt8], _ type: FrameType, _ number: UInt64, after previous: Checksum) throws -> [UInt8] {
    let box = try AES.GCM.seal(
      payload, using: key, nonce: Self.nonce(number), authenticating: Self.context(previous, type))
    return Array(box.ciphertext) + Array(box.tag)
  }

  /// `nil` when this is not the key.
  func open(_ sealed: [UInt8], _ type: FrameType, _ number: UInt64, after previous: Checksum) -> [UInt8]? {
    guard sealed.count >= 16, let nonce = try? Self.nonce(number),
      let box = try? AES.GCM.SealedBox(nonce: nonce, ciphertext: sealed.dropLast(16), tag: sealed.suffix(16)),
      let payload = try? AES.GCM.open(box, using: key, authenticating: Self.context(previous, type))
    else { return nil }
    return Array(payload)
  }
}
