internal import FoundationEssentials
import Glibc
import Synchronization

/// The file that a ledger's keys are in, apart from its database. What it holds is what is wanted: secrets are to be
/// sealed under its newest key.
package final class KeyFile: Sendable {
  package let path: String
  private let content = Mutex(Content())

  private struct Content {
    var keyring: Keyring?
    var stamp: Stamp?
    /// The proofs of the keys that are not to be lost.
    var needed: [Int: [UInt8]] = [:]
  }

  /// Another one whenever somebody wrote the file.
  private struct Stamp: Equatable {
    let inode: ino_t
    let size: off_t
    let seconds: Int
    let nanoseconds: Int
    let mode: mode_t
    let owner: uid_t

    init(_ status: stat) {
      inode = status.st_ino
      size = status.st_size
      seconds = status.st_mtim.tv_sec
      nanoseconds = status.st_mtim.tv_nsec
      mode = status.st_mode
      owner = status.st_uid
    }
  }

  private static let sizeLimit = 65_536

  package init(_ path: String) { self.path = path }

  /// The number of the newest key; 0 when there is none.
  package var newest: Int { content.withLock { $0.keyring?.newest ?? 0 } }
  package var numbers: Set<Int> { content.withLock { Set($0.keyring?.keys.keys ?? [:].keys) } }

  /// Looks again. Returns false, and knows what it knew, when there is no file. A file that is damaged, open to others or
  /// somebody else's is the error `key`, and changes nothing either.
  package func read() throws(LedgerError) -> Bool {
    try content.withLock { content throws(LedgerError) in try read(&content) }
  }

  private func read(_ content: inout Content) throws(LedgerError) -> Bool {
    let descriptor = Glibc.open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK)
    guard descriptor >= 0 else {
      if errno == ENOENT { return false }
      throw LedgerError(.key, "\(path) cannot be opened: \(systemError())")
    }
    defer { Glibc.close(descriptor) }
    var status = stat()
    guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
      throw LedgerError(.key, "\(path) is not a file; put the file with the keys there")
    }
    guard Stamp(status) != content.stamp else { return true }
    guard status.st_uid == geteuid() else {
      throw LedgerError(
        .key, "\(path) holds the keys of all secrets and belongs to user \(status.st_uid); run chown \(geteuid()) on it"
      )
    }
    guard status.st_mode & 0o077 == 0 else {
      throw LedgerError(.key, "\(path) holds the keys of all secrets and is open to other users; run chmod 600 on it")
    }
    var bytes = [UInt8](repeating: 0, count: Self.sizeLimit + 1)
    let count = Glibc.read(descriptor, &bytes, bytes.count)
    guard count >= 0 else { throw LedgerError(.key, "\(path) cannot be read: \(systemError())") }
    guard count <= Self.sizeLimit, let keyring = Keyring(String(decoding: bytes.prefix(count), as: UTF8.self)) else {
      throw LedgerError(.key, "\(path) is damaged; put back a copy of it")
    }
    for (number, proof) in content.needed where keyring.keys[number]?.proof != proof {
      throw LedgerError(.key, "\(path) no longer has key \(number); put it back")
    }
    content.keyring = keyring
    content.stamp = Stamp(status)
    return true
  }

  /// From here on a file without these keys is not believed.
  func need(_ proofs: [Int: [UInt8]]) { content.withLock { $0.needed = proofs } }

  /// Looks again when it is not known. `nil` when the file does not have it either.
  func key(_ number: Int) throws(LedgerError) -> Keyring.Key? {
    if let key = content.withLock({ $0.keyring?.keys[number] }) { return key }
    _ = try read()
    return content.withLock { $0.keyring?.keys[number] }
  }

  /// Makes a key that is newer than all others, and the file where there is none. It is on the disk when this returns.
  package func add() throws(LedgerError) { try change { $0.add() } }

  func drop(_ numbers: Set<Int>) throws(LedgerError) { try change { $0.drop(numbers) } }

  /// One at a time, whichever process. The file is replaced as a whole or not at all.
  private func change(_ body: (inout Keyring) -> Void) throws(LedgerError) {
    let folder = path.lastIndex(of: "/").map { String(path[...$0]) } ?? "."
    let place = Glibc.open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard place >= 0 else { throw LedgerError(.key, "\(folder) cannot be opened: \(systemError())") }
    defer { Glibc.close(place) }
    guard flock(place, LOCK_EX) == 0 else { throw LedgerError(.key, "\(folder) cannot be locked: \(systemError())") }
    try content.withLock { content throws(LedgerError) in
      _ = try read(&content)
      var keyring = content.keyring ?? Keyring()
      body(&keyring)
      try write(Array(keyring.text.utf8))
      guard fsync(place) == 0 else { throw LedgerError(.key, "\(folder) cannot be flushed: \(systemError())") }
      _ = try read(&content)
    }
  }

  private func write(_ bytes: [UInt8]) throws(LedgerError) {
    let draft = path + ".new"
    unlink(draft)
    let descriptor = Glibc.open(draft, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0o600)
    guard descriptor >= 0 else { throw LedgerError(.key, "\(draft) cannot be created: \(systemError())") }
    let isWritten =
      fchmod(descriptor, 0o600) == 0 && Glibc.write(descriptor, bytes, bytes.count) == bytes.count
      && fsync(descriptor) == 0 && rename(draft, path) == 0
    let code = errno
    Glibc.close(descriptor)
    guard isWritten else {
      unlink(draft)
      throw LedgerError(code == ENOSPC ? .diskFull : .key, "\(path) cannot be written: \(systemError(code))")
    }
  }
}
