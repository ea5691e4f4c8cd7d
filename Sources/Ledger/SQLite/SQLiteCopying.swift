internal import FoundationEssentials
import Glibc

extension SQLiteReading {
  /// Reads everything of one moment while another process, or another connection of this one, may write. Neither waits for
  /// the other; the log cannot shrink meanwhile. `isOurs`: This process has the ledger open.
  func copy(_ loading: any Loading, isOurs: Bool = false) throws(LedgerError) {
    // Closing any descriptor of the file would take the locks of this process's own connections away.
    if !isOurs {
      guard access(path, F_OK) == 0 else { throw LedgerError(.absent, "there is no ledger at \(path)") }
      try checkFile()
    }
    do {
      let database = try Schema.reader(path)
      defer { try? database.close() }
      try database.execute("BEGIN")
      try checkSchema(database)
      guard let (standing, seal) = try Schema.standing(database), seal == standing.seal else {
        throw LedgerError.damaged("the head of \(path) is altered")
      }
      let tail = try AppendLogReading(of: path)?.tail(after: standing.head, isStill: false) ?? []
      try loading.begin(standing.advanced(by: tail))
      for piece in try pieces(database, standing) {
        if case .structure = piece { continue }
        try read(piece, database, loading)
      }
      if !tail.isEmpty { try loading.take(tail) }
      try database.execute("COMMIT")
    } catch { throw .opening(path, error) }
  }
}
