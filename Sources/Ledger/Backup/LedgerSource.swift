package import FoundationEssentials

/// A ledger that is copied by a process that does not lead it, while another one may write it.
package enum LedgerSource: Sendable {
  /// The database's path.
  case sqlite(String)
  case postgresql(PostgreSQLAccess)

  package var name: String {
    switch self {
    case .sqlite(let path): path
    case .postgresql(let access): access.name
    }
  }

  /// Everything of one moment.
  func copy(_ loading: any Loading) throws(LedgerError) {
    switch self {
    case .sqlite(let path): try SQLiteReading(path: path).copy(loading)
    case .postgresql(let access): try PostgreSQLReading(access: access).run(loading)
    }
  }
}

/// What a ledger can be made of again.
package protocol LedgerCopy: Sendable {
  /// What messages call it.
  var name: String { get }
  /// Which one it is.
  var ledger: UUID { get }

  /// Reads all of it into `loading`. Whatever is missing, altered or out of its place is an error.
  func load(_ loading: any Loading) throws(LedgerError)
}
