internal import CPostgres
import Glibc

/// How a ledger's PostgreSQL database is reached.
package struct PostgreSQLAccess: Sendable {
  /// What messages call the database.
  package let name: String
  private let conninfo: String
  private let allowsUnsafe: Bool

  /// - Parameters:
  ///   - conninfo: As libpq takes it, but without a password: that belongs into PGPASSFILE, PGPASSWORD or a service file,
  ///     where neither a list of processes nor a log shows it.
  ///   - allowsUnsafe: Believes a server that does not wait for its disk. For measurements.
  package init(_ conninfo: String, allowsUnsafe: Bool = false) throws(LedgerError) {
    // libpq's own words about it may quote it.
    guard let options = PQconninfoParse(conninfo, nil) else {
      throw LedgerError(.invalid, "the database's connection string is malformed; see libpq's manual, 34.1.1")
    }
    defer { PQconninfoFree(options) }
    var values: [String: String] = [:]
    var option = options
    while let keyword = option.pointee.keyword {
      if let value = option.pointee.val { values[String(cString: keyword)] = String(cString: value) }
      option += 1
    }
    guard values["password"] == nil, values["sslpassword"] == nil else {
      throw LedgerError(
        .invalid,
        "a password in the database's connection string can be seen by others; put it into ~/.pgpass, "
          + "PGPASSFILE or a service file")
    }
    if let file = values["passfile"] { try Self.requirePrivate(file) }
    self.conninfo = conninfo
    self.allowsUnsafe = allowsUnsafe
    let place = values["host"].map { " at \($0)" } ?? ""
    name = "the PostgreSQL database \(values["dbname"] ?? values["service"] ?? "of the environment")\(place)"
  }

  /// libpq itself only passes over a file that others can read.
  private static func requirePrivate(_ file: String) throws(LedgerError) {
    guard file.hasPrefix("/") else {
      throw LedgerError(.invalid, "the password file \(file) must be named by its whole path")
    }
    var status = stat()
    guard stat(file, &status) == 0 else {
      throw LedgerError(.invalid, "the password file \(file) cannot be read: \(String(cString: strerror(errno)))")
    }
    guard status.st_mode & S_IFMT == S_IFREG, status.st_mode & 0o077 == 0 else {
      throw LedgerError(.invalid, "the password file \(file) can be read by others; chmod it to 0600")
    }
  }

  /// A connection to a server that keeps what it confirms.
  func connect() throws -> PostgreSQL {
    let database = try PostgreSQL(conninfo)
    let settings = try database.rows(
      """
      SELECT set_config('synchronous_commit',
          CASE current_setting('synchronous_commit') WHEN 'remote_apply' THEN 'remote_apply' ELSE 'on' END, false),
        set_config('statement_timeout', '5s', false), set_config('lock_timeout', '1s', false),
        set_config('idle_in_transaction_session_timeout', '5s', false), set_config('search_path', 'daruma', false),
        set_config('default_transaction_isolation', 'read committed', false),
        current_setting('fsync'), current_setting('full_page_writes'), current_setting('server_version_num')::int8
      """)
    guard settings.number(0, 8) >= 130_000 else {
      throw LedgerError(.invalid, "\(name) is on a server older than PostgreSQL 13")
    }
    for (column, setting) in [(6, "fsync"), (7, "full_page_writes")] where !allowsUnsafe {
      guard settings.text(0, column) == "on" else {
        throw LedgerError(
          .invalid, "\(name) is on a server with \(setting) = off, which loses revisions; turn it on in postgresql.conf"
        )
      }
    }
    return database
  }

  /// What `error` means when it is met while the database is opened or read.
  func opening(_ error: any Error) -> LedgerError {
    if let error = error as? LedgerError { return error }
    guard let failure = error as? PostgreSQL.Failure else {
      return .damaged("\(name) cannot be read", underlying: error)
    }
    switch failure.state.prefix(2) {
    case "25": return LedgerError(.unreachable, "\(name) is read-only, perhaps a standby", underlying: error)
    case "28", "42": return LedgerError(.unreachable, "\(name) refuses; check role and rights", underlying: error)
    case "XX", "58": return .damaged("\(name) cannot be read", underlying: error)
    default: return LedgerError(.unreachable, "\(name) cannot be reached", underlying: error)
    }
  }
}
