import ArgumentParser
import Ledger
import Logging

/// Which ledger the hidden subcommands for tests and benchmarks write into.
struct LedgerArguments: ParsableArguments {
  @Argument var path: String
  @Flag(help: "PATH is the connection string of a PostgreSQL database, to be written as soon as its lease is had.")
  var postgresql = false

  func open(create: Bool, retention: Retention = .standard, lost: @escaping @Sendable () -> Void = {}) async throws
    -> Ledger
  {
    let logger = Logger(label: "ledger") { _ in SwiftLogNoOpLogHandler() }
    guard postgresql else { return try Ledger.open(at: path, create: create, retention: retention, logger: logger) }
    let access = try PostgreSQLAccess(path)
    try access.prepare(create: create)
    let lease = try await Lease.wait(access, holder: "daruma", logger: logger)
    Task {
      await lease.over()
      lost()
    }
    return try Ledger.open(PostgreSQLStorage(access, lease: lease), retention: retention, logger: logger)
  }
}
