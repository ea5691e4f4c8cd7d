internal import FoundationEssentials
import Glibc
import Synchronization

/// The last revision that is in the database, kept beside it: whoever loses SQLite's log or brings back an old copy of the
/// database is found out. It also says whether there has to be an `AppendLog` with what came after. The file is the lock of
/// the one writer, too.
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
  /// Where a head says whether the opening of an `AppendLog` follows it: the last letter of its mark.
  private static let flag = 7
  private static let appending = UInt8(ascii: "2")
  private static let openingLength = 16

  struct Content {
    var head: Head
    /// Of the log with what came after; `nil` once the ledger was closed.
    var opening: UUID?
  }

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
  func read() throws(LedgerError) -> Content? {
    try file.withLock { file throws(LedgerError) in
      var found: (content: Content, place: off_t)?
      var size = 0
      for place in Self.places {
        var bytes = [UInt8](repeating: 0, count: Head.byteCount + Self.openingLength)
        let count = pread(file.descriptor, &bytes, bytes.count, place)
        guard count >= 0 else { throw .damaged("\(path) cannot be read: \(systemError())") }
        size += count
        let isAppending = bytes[Self.flag] == Self.appending
        if isAppending { bytes[Self.flag] = Head.mark }
        let opening = isAppending ? UUID(bytes: Data(bytes.suffix(Self.openingLength))) : nil
        guard let head = Head(Data(bytes.prefix(min(count, Head.byteCount)))) else { continue }
        if let other = found?.content.head, (other.epoch, other.revision) > (head.epoch, head.revision) { continue }
        found = (Content(head: head, opening: opening), place)
      }
      guard let found else {
        if size == 0 { return nil }
        throw .damaged("\(path) is altered or truncated")
      }
      file.place = Self.places.first { $0 != found.place } ?? 0
      return found.content
    }
  }

  /// Says it at both places, and that on the disk.
  func mark(_ head: Head, _ opening: UUID?) throws(LedgerError) {
    for _ in Self.places {
      try write(head, opening)
      try flush()
    }
  }

  func write(_ head: Head, _ opening: UUID?) throws(LedgerError) {
    try file.withLock { file throws(LedgerError) in
      var data = head.data
      if let opening {
        data[Self.flag] = Self.appending
        data.append(opening.data)
      }
      let written = data.withUnsafeBytes { pwrite(file.descriptor, $0.baseAddress, $0.count, file.place) }
      guard written == data.count else {
        throw LedgerError(errno == ENOSPC ? .diskFull : .failed, "\(path) cannot be written: \(systemError())")
      }
      file.place = Self.places.first { $0 != file.place } ?? 0
    }
  }

  private func flush() throws(LedgerError) {
    let result = file.withLock { fsync($0.descriptor) }
    guard result == 0 else { throw LedgerError(.failed, "\(path) cannot be flushed: \(systemError())") }
  }
}

func systemError(_ code: Int32 = errno) -> String { String(cString: strerror(code)) }
