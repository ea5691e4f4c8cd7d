import FoundationEssentials
import Glibc

/// A file that is replaced as a whole: what is there is always one of the values that were written, complete.
struct DurableFile {
  var path: String
  var mode: mode_t = 0o640

  /// - Returns: nil if there is no file.
  func read(limit: Int = Bounds.fileBytes) throws(StatusPageError) -> Data? {
    let file = open(path, O_RDONLY | O_CLOEXEC)
    guard file >= 0 else {
      if errno == ENOENT { return nil }
      throw failure(.unreadable, "cannot open \(path); give the daemon access to it")
    }
    defer { close(file) }
    var data = Data()
    var piece = [UInt8](repeating: 0, count: 1 << 16)
    while true {
      let count = Glibc.read(file, &piece, piece.count)
      if count < 0, errno == EINTR { continue }
      guard count >= 0 else { throw failure(.unreadable, "cannot read \(path); give the daemon access to it") }
      if count == 0 { return data }
      data.append(contentsOf: piece[..<count])
      guard data.count <= limit else {
        throw StatusPageError(code: .damaged, message: "\(path) is too large", cause: "more than \(limit) bytes")
      }
    }
  }

  func write(_ data: Data) throws(StatusPageError) {
    let temporary = path + ".new"
    let file = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, mode)
    guard file >= 0 else { throw failure(.unwritable, "cannot create \(temporary)") }
    var written = 0
    while written < data.count {
      let count = data.withUnsafeBytes { bytes -> Int in
        guard let base = bytes.baseAddress else { return -1 }
        return Glibc.write(file, base + written, bytes.count - written)
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

  /// Keeps a damaged file under another name.
  func setAside(now: Moment) throws(StatusPageError) -> String {
    let aside = "\(path).damaged-\(now.milliseconds)"
    guard rename(path, aside) == 0 else { throw failure(.unreadable, "cannot set the damaged \(path) aside") }
    return aside
  }

  private func failure(_ code: StatusPageError.Code, _ message: String) -> StatusPageError {
    let number = errno
    return StatusPageError(code: code, message: message, cause: String(cString: strerror(number)))
  }
}

extension DurableFile {
  /// A value as JSON. A damaged file is set aside, and counts as none.
  func load<Value: Decodable>(_ type: Value.Type, now: Moment) throws(StatusPageError) -> Value? {
    guard let data = try read() else { return nil }
    do { return try JSONDecoder().decode(type, from: data) } catch {
      _ = try setAside(now: now)
      return nil
    }
  }

  func save(_ value: some Encodable) throws(StatusPageError) {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    let data: Data
    do { data = try encoder.encode(value) } catch {
      throw StatusPageError(code: .unwritable, message: "cannot encode what belongs into \(path)", cause: "\(error)")
    }
    try write(data)
  }
}
