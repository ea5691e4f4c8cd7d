import Addresses
import CloudModel
import FoundationEssentials
import Glibc
import Logging
import Synchronization
import Testing

@testable import Ledger

/// A folder of its own that disappears with the test.
final class Folder: Sendable {
  let path: String
  var ledger: String { path + "/ledger" }
  var keys: String { path + "/secrets.key" }

  init() {
    path = "/tmp/daruma-ledger-\(UUID().uuidString)"
    mkdir(path, 0o700)
  }

  deinit { try? FileManager.default.removeItem(atPath: path) }

  func open(
    keys: KeyFile? = nil, create: Bool = false, restore: Bool = false, retention: Retention = .standard,
    sources: Sources = .system
  ) throws(LedgerError) -> Ledger {
    try Ledger.open(
      at: ledger, keys: keys, create: create, restore: restore, retention: retention, sources: sources, logger: quiet)
  }

  /// Every file with its content, but for the log's shared memory.
  func content() throws -> [String: Data] {
    var content: [String: Data] = [:]
    for name in try FileManager.default.contentsOfDirectory(atPath: path) where !name.hasSuffix("-shm") {
      content[name] = try Data(contentsOf: URL(filePath: "\(path)/\(name)"))
    }
    return content
  }

  func write(_ content: [String: Data]) throws {
    for (name, data) in content {
      let file = "\(path)/\(name)"
      try data.write(to: URL(filePath: file))
      chmod(file, 0o600)
    }
  }
}

let quiet = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
let test = Cause(actor: "system/test", command: "test")
let epoch = Date(timeIntervalSince1970: 1_700_000_000.125)

func offering(_ name: String, cpus: Int = 1, id: ID<ServiceOffering> = ID(UUID())) -> ServiceOffering {
  ServiceOffering(
    id: id, name: name, displayText: name, cpuNumber: cpus, cpuSpeedMHz: 1000, memoryMiB: 512, created: epoch)
}

func domain(_ path: String) -> Domain {
  Domain(id: ID(UUID()), name: path, path: path, created: epoch)
}

extension Ledger {
  @discardableResult
  func put<R: Resource>(_ resource: R) async throws -> Revision {
    try await transact(test) { try $0.put(resource) }.revision
  }

  func delete<R: Resource>(_ id: ID<R>) async throws {
    _ = try await transact(test) { try $0.remove(id) }
  }
}

/// Waits until `condition` holds; fails after twenty seconds.
func until(_ condition: () -> Bool) async throws {
  for _ in 0..<2000 {
    if condition() { return }
    try await Task.sleep(for: .milliseconds(10))
  }
  Issue.record("it did not come true")
}
