package import FoundationEssentials
import Glibc

/// Puts a ledger in SQLite into the place of another, which is moved aside. Killed at any moment, it leaves the old one or
/// the new one: until the new one's folder gets its second name nothing is touched, from then on every opening of the
/// ledger first does what is left to do.
package struct LedgerReplacement: ~Copyable {
  private let path: String
  private let lock: HeadFile

  /// Takes the lock of the ledger at `path`, be there one or not, and does away with what an earlier attempt left.
  package init(of path: String) throws(LedgerError) {
    try Self.finish(at: path)
    let lock = try HeadFile(of: path)
    try? FileManager.default.removeItem(atPath: Self.making(path))
    guard mkdir(Self.making(path), 0o700) == 0 else { throw .writing(Self.making(path)) }
    self.path = path
    self.lock = lock
  }

  /// Where the new ledger is to be made, and closed, before `commit`.
  package var draft: String { Self.draft(path) }

  private static func making(_ path: String) -> String { path + "-restoring" }
  private static func decided(_ path: String) -> String { path + "-restored" }
  private static func draft(_ path: String) -> String { making(path) + "/ledger" }

  /// Returns the folder that the old ledger was moved to. Nothing is left of this afterwards.
  package consuming func commit(now: Date = Date()) throws(LedgerError) -> String {
    unlink(draft + "-shm")
    guard ["-wal", "-appended"].allSatisfy({ access(draft + $0, F_OK) != 0 }) else {
      throw .unusable("\(draft) was not closed orderly")
    }
    let aside = "\(path)-before-restore-\(Int(now.timeIntervalSince1970))-\(getpid())"
    let note = Self.making(path) + "/aside"
    let descriptor = Glibc.open(note, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
    guard descriptor >= 0 else { throw .writing(note) }
    let bytes = Array(aside.utf8)
    let isWritten = Glibc.write(descriptor, bytes, bytes.count) == bytes.count && fsync(descriptor) == 0
    Glibc.close(descriptor)
    guard isWritten else { throw .writing(note) }
    try flushFolder(of: note)
    guard rename(Self.making(path), Self.decided(path)) == 0 else { throw .writing(Self.decided(path)) }
    try flushFolder(of: path)
    try Self.move(path)
    lock.release()
    return aside
  }

  /// Gives up. The ledger in place stays as it is.
  package consuming func abandon() {
    try? FileManager.default.removeItem(atPath: Self.making(path))
    // The lock's own file, where there was nothing to lock.
    var status = stat()
    let head = HeadFile.path(of: path)
    if access(path, F_OK) != 0, stat(head, &status) == 0, status.st_size == 0 { unlink(head) }
    lock.release()
  }

  /// Does what was decided and not finished, if anything was.
  package static func finish(at path: String) throws(LedgerError) {
    guard access(decided(path), F_OK) == 0 else { return }
    let lock = try HeadFile(of: path)
    defer { lock.release() }
    guard access(decided(path), F_OK) == 0 else { return }
    try move(path)
  }

  private static func move(_ path: String) throws(LedgerError) {
    let decided = decided(path)
    guard let note = try? String(contentsOfFile: decided + "/aside", encoding: .utf8), !note.isEmpty else {
      // The note goes last.
      guard rmdir(decided) == 0 else { throw .damaged("\(decided) does not say where the old ledger goes") }
      return
    }
    guard mkdir(note, 0o700) == 0 || errno == EEXIST else { throw .writing(note) }
    if access(decided + "/ledger", F_OK) == 0 {
      for suffix in ["-appended", "-wal", "-shm", ""] { try move(path + suffix, to: note + "/ledger.sqlite" + suffix) }
      try move(decided + "/ledger", to: path)
    }
    if access(decided + "/ledger-head", F_OK) == 0 {
      let old = note + "/ledger.sqlite-head"
      // Where it was moved before, this one is only the lock.
      if access(old, F_OK) != 0 { try move(path + "-head", to: old) }
      try move(decided + "/ledger-head", to: path + "-head")
    }
    try flushFolder(of: note + "/")
    try flushFolder(of: path)
    unlink(decided + "/aside")
    guard rmdir(decided) == 0 else { throw .writing(decided) }
    try flushFolder(of: path)
  }

  private static func move(_ path: String, to target: String) throws(LedgerError) {
    guard rename(path, target) == 0 || errno == ENOENT else { throw .writing(target) }
  }
}
