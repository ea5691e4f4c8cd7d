internal import CloudModel
internal import Crypto
internal import FoundationEssentials
import Glibc

/// Writes frames to an open file. After an error nothing more can be written.
struct FrameWriter: Sendable {
  private let descriptor: Int32
  private let name: String
  private let cipher: FrameCipher?
  private var number: UInt64 = 0
  /// Of the last frame.
  private(set) var chain: Checksum
  private(set) var byteCount = 0
  private var buffer: [UInt8] = []

  private static let bufferLimit = 1 << 20

  /// `standing` says of which ledger, and where in it.
  init(
    _ descriptor: Int32, _ name: String, _ content: FrameHeader.Content, _ standing: Standing, _ secret: BackupSecret?,
    now: Date = Date()
  ) throws(LedgerError) {
    let salt = (0..<32).map { _ in UInt8.random(in: .min ... .max) }
    let header = FrameHeader(
      content: content, cipher: secret?.cipher ?? .none, salt: salt, ledger: standing.head.ledger,
      epoch: standing.head.epoch, revision: standing.head.revision, created: now.timeIntervalSinceReferenceDate)
    self.descriptor = descriptor
    self.name = name
    cipher = try FrameCipher(header, secret, name)
    chain = .start(of: header)
    try put(header.bytes)
    try write(.standing, standing.encoded)
  }

  mutating func write(_ type: FrameType, _ payload: [UInt8]) throws(LedgerError) {
    var stored = payload
    if let cipher {
      do {
        stored = try cipher.seal(payload, type, number, after: chain)
      } catch { throw LedgerError(.failed, "\(name) cannot be encrypted", underlying: error) }
    }
    guard let length = UInt32(exactly: stored.count) else {
      throw LedgerError(.invalid, "a piece of 4 GiB does not fit into \(name)")
    }
    chain = .frame(after: chain, number, type.rawValue, stored)
    number += 1
    var head: [UInt8] = []
    head.appendBigEndian(UInt64(length), count: 4)
    head.append(type.rawValue)
    try put(head)
    try put(stored)
    try put(chain.bytes)
  }

  private mutating func put(_ bytes: [UInt8]) throws(LedgerError) {
    byteCount += bytes.count
    buffer += bytes
    if buffer.count >= Self.bufferLimit { try hand() }
  }

  /// Gives what is buffered to the system.
  private mutating func hand() throws(LedgerError) {
    var written = 0
    while written < buffer.count {
      let count = buffer.withUnsafeBytes {
        Glibc.write(descriptor, $0.baseAddress?.advanced(by: written), $0.count - written)
      }
      if count < 0 && errno == EINTR { continue }
      guard count > 0 else { throw .writing(name) }
      written += count
    }
    buffer.removeAll(keepingCapacity: true)
  }

  /// Returns when all is on the disk. What cannot be flushed, such as a pipe, is only written.
  mutating func flush() throws(LedgerError) {
    try hand()
    if fdatasync(descriptor) != 0 && errno != EINVAL && errno != EROFS { throw .writing(name) }
  }
}

extension LedgerError {
  /// What the last system error means that was met while `name` was written.
  static func writing(_ name: String) -> LedgerError {
    let code = errno
    let isFull = code == ENOSPC || code == EDQUOT
    return LedgerError(
      isFull ? .diskFull : .failed,
      isFull ? "there is no room for \(name)" : "\(name) cannot be written: \(systemError(code))")
  }
}
