internal import FoundationEssentials
import Glibc
import Synchronization

/// The last revision that a caller was told of, kept beside the database: whoever loses the write-ahead log or brings
/// back an old copy of the database is found out. The file is also the lock of the one writer.
///
/// It is written after each commit without waiting for the disk, so after a power failure it may be behind the database,
/// never ahead of it. Two places are written by turns, so that a write that is cut short leaves the one before.
final class HeadFile: Sendable {
  let path: String
  private let file: Mutex<File>

  private struct File {
    /// Negative once it was given back.
    var descriptor: Int32
    /// Where to write next.
    var place: off_t = 0
  }

  private static let places: [off_t] = [0, 512]

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
    var (locked, named) = (stat(), stat())
    guard fstat(descriptor, &locked) == 0, stat(path, &named) == 0, locked.st_ino == named.st_ino else {
      Glibc.close(descriptor)
      throw LedgerError(.locked, "\(database) was just replaced, perhaps by a restore; try again")
    }
    self.path = path
    file = Mutex(File(descriptor: descriptor))
  }

  deinit { release() }

  /// Closing gives the lock back.
  func release() {
    file.withLock { file in
      if file.descriptor >= 0 { Glibc.close(file.descriptor) }
      file.descriptor = -1
    }
  }

  /// `nil` when nothing was ever written.
  func read() throws(LedgerError) -> Head? {
    try file.withLock { file throws(LedgerError) in
      var found: (head: Head, place: off_t)?
      var size = 0
      for place in Self.places {
        var bytes = [UInt8](repeating: 0, count: Head.byteCount)
        let count = pread(file.descriptor, &bytes, bytes.count, place)
        guard count >= 0 else { throw .damaged("\(path) cannot be read: \(systemError())") }
        size += count
        guard let head = Head(Data(bytes.prefix(count))) else { continue }
        if let other = found?.head, (other.epoch, other.revision) > (head.epoch, head.revision) { continue }
        found = (head, place)
      }
      guard let found else {
        if size == 0 { return nil }
        throw .damaged("\(path) is altered or truncated")
      }
      file.place = Self.places.first { $0 != found.place } ?? 0
      return found.head
    }
  }

  func write(_ head: Head) throws(LedgerError) {
    try file.withLock { file throws(LedgerError) in
      let data = head.data
      let written = data.withUnsafeBytes { pwrite(file.descriptor, $0.baseAddress, $0.count, file.place) }
      guard written == data.count else {
        throw LedgerError(errno == ENOSPC ? .diskFull : .failed, "\(path) cannot be written: \(systemError())")
      }
      file.place = Self.places.first { $0 != file.place } ?? 0
    }
  }

  func flush() throws(LedgerError) {
    let result = file.withLock { fsync($0.descriptor) }
    guard result == 0 else { throw LedgerError(.failed, "\(path) cannot be flushed: \(systemError())") }
  }
}

func systemError(_ code: Int32 = errno) -> String { String(cString: strerror(code)) }
