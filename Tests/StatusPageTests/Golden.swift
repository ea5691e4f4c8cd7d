import FoundationEssentials
import Testing

/// Compares with the file of that name in `Goldens`, or rewrites it with `DARUMA_REWRITE_GOLDENS=1`.
func expectGolden(_ name: String, _ text: String) throws {
  let url = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "Goldens/\(name)")
  if ProcessInfo.processInfo.environment["DARUMA_REWRITE_GOLDENS"] == "1" {
    try Data(text.utf8).write(to: url)
  }
  #expect(try String(contentsOf: url, encoding: .utf8) == text, "\(name) differs")
}

func inFolder<Answer>(_ body: (String) async throws -> Answer) async throws -> Answer {
  let folder = FileManager.default.temporaryDirectory.appending(path: "status-\(UUID().uuidString)")
  try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
  defer { try? FileManager.default.removeItem(at: folder) }
  return try await body(folder.path)
}
