import Foundation
import Kernel

/// The built-in template, built on this machine from Debian's packages the first time.
enum Template {
  static func build(in folder: StateFolder) throws {
    let target = folder.templates + "/tiny"
    if FileManager.default.fileExists(atPath: target + "/template.json") { return }
    // Built once for all clouds of this machine; a cloud's own folder then gets copies.
    let cache = ProcessInfo.processInfo.environment["DARUMA_TINY_TEMPLATE"] ?? "/var/cache/daruma/tiny"
    if !FileManager.default.fileExists(atPath: cache + "/template.json") {
      guard let root = ProcessInfo.processInfo.environment["DARUMA_ROOT"] else {
        throw CommandFailure("The template tiny is not built yet; start through ./daruma, which knows how")
      }
      let process = Process()
      process.executableURL = URL(fileURLWithPath: root + "/Scripts/build-tiny-template")
      process.arguments = [cache]
      process.standardOutput = FileHandle.nullDevice
      try process.run()
      process.waitUntilExit()
      guard process.terminationStatus == 0 else {
        throw CommandFailure("Building the template tiny failed; run Scripts/build-tiny-template \(cache) to see why")
      }
    }
    let partial = target + ".partial"
    try? FileManager.default.removeItem(atPath: partial)
    try FileManager.default.copyItem(atPath: cache, toPath: partial)
    try FileManager.default.moveItem(atPath: partial, toPath: target)
  }
}
