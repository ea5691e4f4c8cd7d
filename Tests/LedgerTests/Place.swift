import FoundationEssentials

@testable import Ledger

/// What tests of every storage keep their ledgers in.
enum Kept: CaseIterable, Sendable {
  case inSQLite, inPostgreSQL

  /// One without a ledger, which disappears with the test.
  func place() async throws -> any Place {
    switch self {
    case .inSQLite: Folder()
    case .inPostgreSQL: try PostgreSQLServer.shared.get().database()
    }
  }
}

protocol Place: Sendable {
  func open(
    keys: KeyFile?, create: Bool, restore: Bool, retention: Retention, sources: Sources
  ) throws(LedgerError) -> Ledger
  /// The storage alone, not loaded yet.
  func storage(create: Bool) throws(LedgerError) -> any Storage
  /// Gives a ledger up, so that what is opened next is what a crash would have left.
  func crash(_ ledger: Ledger) async throws
  /// All that is stored, by what it is called.
  func image() throws -> [String: Data]
}

extension Place {
  /// Opened once nobody holds it any more.
  func reopened(keys: KeyFile? = nil, retention: Retention = .standard) async throws -> Ledger {
    for _ in 0..<200 {
      do throws(LedgerError) {
        return try open(keys: keys, retention: retention)
      } catch {
        guard error.code == .locked else { throw error }
      }
      try await Task.sleep(for: .milliseconds(100))
    }
    return try open(keys: keys, retention: retention)
  }

  func open(
    keys: KeyFile? = nil, create: Bool = false, restore: Bool = false, retention: Retention = .standard,
    sources: Sources = .system
  ) throws(LedgerError) -> Ledger {
    try open(keys: keys, create: create, restore: restore, retention: retention, sources: sources)
  }
}

extension Folder: Place {
  func storage(create: Bool) throws(LedgerError) -> any Storage {
    try SQLiteStorage(path: ledger, create: create, restore: false, uuid: { UUID() })
  }

  func crash(_ ledger: Ledger) async throws {
    let content = try content()
    await ledger.close()
    try write(content)
  }

  func image() throws -> [String: Data] { try content() }
}
