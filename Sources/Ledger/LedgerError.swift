internal import GRDBSQLite

/// Why the ledger refused. `message` says what is wrong and what to do.
package struct LedgerError: Error, Sendable, CustomStringConvertible {
  package enum Code: String, Sendable {
    /// The files are not, or no longer, the ledger that was written. Nothing was changed.
    case damaged
    /// There is no database and creating one was not asked for.
    case absent
    /// A key that secrets are stored under is missing, another one, or open to others. Nothing was changed.
    case key
    /// Another process, or another part of this one, has the ledger open.
    case locked
    /// Written by a later version.
    case tooNew
    /// Nothing was written; the same write may be tried again once there is room.
    case diskFull
    case closed
    /// The disk did not confirm a write. Reads go on, writes are refused until the ledger is opened anew.
    case failed
    /// Another process has taken the ledger over; this one takes no more writes.
    case fenced
    /// The database's server does not answer, or refuses for now.
    case unreachable
    /// Too many writes are waiting.
    case overloaded
    /// What was asked for is too far back: read the snapshot and go on from its revision.
    case behind
    /// A value that the ledger cannot store.
    case invalid
  }

  package let code: Code
  package let message: String
  package let underlying: (any Error)?

  package init(_ code: Code, _ message: String, underlying: (any Error)? = nil) {
    self.code = code
    self.message = message
    self.underlying = underlying
  }

  package var description: String {
    guard let underlying else { return "\(code.rawValue): \(message)" }
    return "\(code.rawValue): \(message) (\(underlying))"
  }
}

extension LedgerError {
  static func damaged(_ message: String, underlying: (any Error)? = nil) -> LedgerError {
    LedgerError(.damaged, "\(message); restore the ledger from a backup", underlying: underlying)
  }

  /// What `error` means when it is met while the ledger at `path` is opened or read.
  static func opening(_ path: String, _ error: any Error) -> LedgerError {
    if let error = error as? LedgerError { return error }
    switch (error as? SQLite.Failure)?.primaryCode {
    case SQLITE_BUSY, SQLITE_LOCKED:
      return LedgerError(.locked, "\(path) is open in another process", underlying: error)
    case SQLITE_FULL:
      return LedgerError(.diskFull, "there is no room for \(path)", underlying: error)
    case SQLITE_NOTADB:
      return .damaged("\(path) is not a ledger", underlying: error)
    case SQLITE_CANTOPEN, SQLITE_PERM, SQLITE_READONLY, SQLITE_AUTH:
      return .damaged("\(path) cannot be opened", underlying: error)
    default:
      return .damaged("\(path) cannot be read", underlying: error)
    }
  }
}
