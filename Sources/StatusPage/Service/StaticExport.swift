import FoundationEssentials
import Synchronization

/// The page as files that any web space can hold: `index.html` and `index.en.html`, a page for each incident, JSON, feeds and the badge.
package final class StaticExport: Sendable {
  let board: StatusBoard
  let folder: String
  private let written = Mutex<[String: String]>([:])

  package init(board: StatusBoard, folder: String) {
    self.board = board
    self.folder = folder
  }

  /// Writes what changed since the last time; every file is replaced as a whole.
  /// - Returns: how many files were written.
  @discardableResult
  package func write() throws(StatusPageError) -> Int {
    let files = board.files()
    for name in ["", "/api/v2/incidents", "/api/v2/scheduled-maintenances", "/incidents"] {
      do { try FileManager.default.createDirectory(atPath: folder + name, withIntermediateDirectories: true) } catch {
        throw StatusPageError(
          code: .unwritable, message: "cannot make \(folder)\(name); give the daemon access to it", cause: "\(error)")
      }
    }
    var count = 0
    for (name, text) in files.sorted(by: { $0.key < $1.key }) where written.withLock({ $0[name] }) != text {
      try DurableFile(path: "\(folder)/\(name)", mode: 0o644).write(Data(text.utf8))
      written.withLock { $0[name] = text }
      count += 1
    }
    return count
  }
}

extension StatusBoard {
  /// All files of the page by their paths.
  func files() -> [String: String] {
    state.withLock { state in
      let view = state.view
      var files: [String: String] = [:]
      for language in Language.allCases {
        let page = StatusHTML(view: view, language: language, links: PageLinks(up: "")).text
        files[PageLinks.file("index", language)] = page
        if language == .ja { files["index.html"] = page }
        for incident in view.incidents.prefix(50) {
          files["incidents/\(PageLinks.file(incident.id, language))"] =
            IncidentPage(view: view, incident: incident, language: language, links: PageLinks(up: "../")).text
        }
      }
      let json = SummaryJSON(view: view, language: .en)
      for resource in StatusResource.allCases where resource.path.hasPrefix("/api/") {
        files[String(resource.path.dropFirst())] = json.document(resource).text
      }
      files["history.rss"] = Feed(view: view, language: .en).rss
      files["history.atom"] = Feed(view: view, language: .en).atom
      files["badge.svg"] = Badge(view: view, language: .en).text
      return files
    }
  }
}
