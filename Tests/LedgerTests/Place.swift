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
  func open(create: Bool, restore: Bool, retention: Retention, sources: Sources) throws(LedgerError) -> Ledger
  /// The storage alone, not loaded yet.
  func storage(create: Bool) throws(LedgerError) -> any Storage
  /// Gives a ledger up, so that what is opened next is what a crash would have left.
  func crash(_ ledger: Ledger) async throws
}

extension Place {
  func open(
    create: Bool = false, restore: Bool = false, retention: Retention = .standard, sources: Sources = .system
  ) throws(LedgerError) -> Ledger {
    try open(create: create, restore: restore, retention: retention, sources: sources)
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
}
