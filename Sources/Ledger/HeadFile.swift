internal import Crypto
package import FoundationEssentials
import Glibc

/// The last revision that a caller was told of, kept beside the database: whoever loses the write-ahead log or brings
/// back an old copy of the database is found out. The file is also the lock of the one writer.
///
/// It is written after each commit without waiting for the disk, so after a power failure it may be behind the database,
/// never ahead of it.
final class HeadFile: Sendable {
  let path: String
  private let descriptor: Int32

  static func path(of database: String) -> String { database + "-head" }

  /// Creates the file, empty, when it is absent.
  init(of database: String) throws(LedgerError) {
    let path = Self.path(of: database)
    let descriptor = Glibc.open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0o600)
    guard descriptor >= 0 else { throw .damaged("\(path) cannot be opened: \(systemError())") }
    guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
      let reason = errno == EWOULDBLOCK ? "\(database) is open already; only one process may" : systemError()
      Glibc.close(descriptor)
      throw LedgerError(.locked, reason)
    }
    self.path = path
    self.descriptor = descriptor
  }

  /// Closing gives the lock back.
  deinit { Glibc.close(descriptor) }

  /// `nil` when nothing was ever written.
  func read() throws(LedgerError) -> Head? {
    var bytes = [UInt8](repeating: 0, count: Head.byteCount + 1)
    let count = pread(descriptor, &bytes, bytes.count, 0)
    guard count >= 0 else { throw .damaged("\(path) cannot be read: \(systemError())") }
    if count == 0 { return nil }
    guard let head = Head(Data(bytes.prefix(count))) else { throw .damaged("\(path) is altered or truncated") }
    return head
  }

  func write(_ head: Head) throws(LedgerError) {
    let data = head.data
    let written = data.withUnsafeBytes { pwrite(descriptor, $0.baseAddress, $0.count, 0) }
    guard written == data.count else {
      throw LedgerError(errno == ENOSPC ? .diskFull : .failed, "\(path) cannot be written: \(systemError())")
    }
  }

  func flush() throws(LedgerError) {
    guard fsync(descriptor) == 0 else { throw LedgerError(.failed, "\(path) cannot be flushed: \(systemError())") }
  }
}

/// Where a ledger stands.
package struct Head: Hashable, Sendable {
  package var ledger: UUID
  package var epoch: UInt64
  package var revision: UInt64
  package var chain: Checksum

  static let byteCount = 8 + 16 + 8 + 8 + Checksum.byteCount + Checksum.byteCount
  private static let magic = Array("DARUMA01".utf8)

  package init(ledger: UUID, epoch: UInt64, revision: UInt64, chain: Checksum) {
    self.ledger = ledger
    self.epoch = epoch
    self.revision = revision
    self.chain = chain
  }

  init?(_ data: Data) {
    guard data.count == Self.byteCount, data.starts(with: Self.magic) else { return nil }
    func number(at offset: Int) -> UInt64 { data[offset..<offset + 8].reduce(0) { $0 << 8 | UInt64($1) } }
    guard let ledger = UUID(bytes: data[8..<24]), let chain = Checksum(data[40..<72]) else { return nil }
    self.init(ledger: ledger, epoch: number(at: 24), revision: number(at: 32), chain: chain)
    guard self.data == data else { return nil }
  }

  var data: Data {
    var data = Data(Self.magic)
    data.append(ledger.data)
    for number in [epoch, revision] {
      Swift.withUnsafeBytes(of: number.bigEndian) { data.append(contentsOf: $0) }
    }
    data.append(chain.data)
    data.append(seal.data)
    return data
  }

  /// Holds the fields together; also in the database's `meta`.
  var seal: Checksum {
    Checksum { hash in
      hash.add(Array("head".utf8))
      hash.add(ledger)
      hash.add(epoch)
      hash.add(revision)
      hash.update(data: chain.data)
    }
  }
}

func systemError(_ code: Int32 = errno) -> String { String(cString: strerror(code)) }
