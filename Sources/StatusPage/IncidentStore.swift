import FoundationEssentials
import Glibc

/// What is wrong with the status page's file, and what to do.
package struct StatusPageError: Error, CustomStringConvertible, Sendable {
  package enum Code: String, Sendable { case unreadable, damaged, unwritable }
  package var code: Code
  package var message: String
  package var cause: String?

  package var description: String { cause.map { "\(message) (\($0))" } ?? message }
}

/// The incidents in one JSON file, replaced as a whole.
package struct IncidentStore: Sendable {
  package let path: String

  package init(path: String) { self.path = path }

  private struct Contents: Codable {
    var version = 1
    var archive: IncidentArchive
  }

  package struct Loaded: Sendable {
    package var archive = IncidentArchive()
    /// Set when a damaged file was kept aside and the history starts empty.
    package var damage: StatusPageError?
  }

  /// A missing file is an empty history. A damaged one is renamed to `<path>.damaged-<milliseconds>`.
  /// - Throws: `unreadable` when the file exists but cannot be read or set aside: then nothing may be overwritten.
  package func load(now: Moment) throws(StatusPageError) -> Loaded {
    var info = stat()
    guard stat(path, &info) == 0 else {
      if errno == ENOENT { return Loaded() }
      throw failure(.unreadable, "cannot look at \(path); give the daemon access to it")
    }
    let cause: String
    if info.st_size > Bounds.fileBytes {
      cause = "\(info.st_size) bytes"
    } else {
      let data: Data
      do { data = try Data(contentsOf: URL(filePath: path)) } catch {
        throw StatusPageError(
          code: .unreadable, message: "cannot read \(path); give the daemon access to it", cause: "\(error)")
      }
      do {
        let contents = try JSONDecoder().decode(Contents.self, from: data)
        if contents.version == 1 { return Loaded(archive: contents.archive) }
        cause = "version \(contents.version)"
      } catch { cause = "\(error)" }
    }
    let aside = "\(path).damaged-\(now.milliseconds)"
    guard rename(path, aside) == 0 else { throw failure(.unreadable, "cannot set the damaged \(path) aside") }
    return Loaded(
      damage: StatusPageError(
        code: .damaged, message: "\(path) was damaged; it is kept as \(aside), and the history starts empty",
        cause: String(cause.prefix(500))))
  }

  package func save(_ archive: IncidentArchive) throws(StatusPageError) {
    let data: Data
    do {
      let encoder = JSONEncoder()
      encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
      data = try encoder.encode(Contents(archive: archive))
    } catch {
      throw StatusPageError(code: .unwritable, message: "cannot encode the incidents", cause: "\(error)")
    }
    let temporary = path + ".new"
    let file = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0o640)
    guard file >= 0 else { throw failure(.unwritable, "cannot create \(temporary)") }
    var written = 0
    while written < data.count {
      let count = data.withUnsafeBytes { bytes -> Int in
        guard let base = bytes.baseAddress else { return -1 }
        return write(file, base + written, bytes.count - written)
      }
      if count < 0, errno == EINTR { continue }
      guard count > 0 else {
        let error = failure(.unwritable, "cannot write \(temporary); is the disk full?")
        close(file)
        throw error
      }
      written += count
    }
    guard fsync(file) == 0 else {
      let error = failure(.unwritable, "cannot sync \(temporary)")
      close(file)
      throw error
    }
    close(file)
    guard rename(temporary, path) == 0 else { throw failure(.unwritable, "cannot rename \(temporary) to \(path)") }
    // The rename itself is durable only with its directory.
    let slash = path.lastIndex(of: "/")
    let folder = slash.map { $0 == path.startIndex ? "/" : String(path[..<$0]) } ?? "."
    let directory = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard directory >= 0 else { throw failure(.unwritable, "cannot open \(folder)") }
    defer { close(directory) }
    guard fsync(directory) == 0 else { throw failure(.unwritable, "cannot sync \(folder)") }
  }

  private func failure(_ code: StatusPageError.Code, _ message: String) -> StatusPageError {
    let number = errno
    return StatusPageError(code: code, message: message, cause: String(cString: strerror(number)))
  }
}
