import FoundationEssentials
import Kernel

extension CloudFile {
  static let firstManager = "manager"
  static let managerLimit = 9

  /// Names and ports of all managers: the cloud's port and those that follow it.
  var allManagers: [(name: String, port: Int)] {
    (0..<(managers ?? 1)).map { ($0 == 0 ? Self.firstManager : "\(Self.firstManager)-\($0 + 1)", port + $0) }
  }
}

extension StateFolder {
  /// Every manager that was started here, whatever `cloud.json` says now.
  var knownManagers: [String] {
    let suffix = ".process.json"
    let files = (try? FileManager.default.contentsOfDirectory(atPath: path)) ?? []
    return files.filter { $0.hasPrefix(CloudFile.firstManager) && $0.hasSuffix(suffix) }
      .map { String($0.dropLast(suffix.count)) }.sorted()
  }

  var runningManagers: [String] { knownManagers.filter { running($0) != nil } }

  func stopManager(_ name: String) throws {
    try running(name)?.terminate(grace: .seconds(5))
    for file in [record(name), refusal(of: name)] { try? FileManager.default.removeItem(atPath: file) }
  }
}
