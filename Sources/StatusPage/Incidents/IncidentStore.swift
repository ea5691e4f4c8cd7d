import FoundationEssentials

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
    let file = DurableFile(path: path)
    let cause: String
    do throws(StatusPageError) {
      guard let data = try file.read() else { return Loaded() }
      do {
        let contents = try JSONDecoder().decode(Contents.self, from: data)
        if contents.version == 1 { return Loaded(archive: contents.archive) }
        cause = "version \(contents.version)"
      } catch { cause = "\(error)" }
    } catch {
      guard error.code == .damaged else { throw error }
      cause = "\(error)"
    }
    let aside = try file.setAside(now: now)
    return Loaded(
      damage: StatusPageError(
        code: .damaged, message: "\(path) was damaged; it is kept as \(aside), and the history starts empty",
        cause: String(cause.prefix(500))))
  }

  package func save(_ archive: IncidentArchive) throws(StatusPageError) {
    try DurableFile(path: path).save(Contents(archive: archive))
  }
}
