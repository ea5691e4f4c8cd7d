internal import FoundationEssentials
import Synchronization

/// Writes what is loaded into a storage that holds a new ledger of the same id and nothing else.
final class Refill: Loading {
  private let storage: any Storage
  private let standing: Mutex<Standing?> = Mutex(nil)

  init(_ storage: any Storage) { self.storage = storage }

  func begin(_ standing: Standing) throws(LedgerError) {
    try storage.load(Nothing())
    try storage.begin(standing)
    self.standing.withLock { $0 = standing }
  }

  func take(_ resources: [ResourceRecord]) throws(LedgerError) {
    try write { standing throws(LedgerError) in try storage.fold(resources, standing) }
  }

  func take(_ revisions: [RevisionRecord]) throws(LedgerError) {
    try write { standing throws(LedgerError) in try storage.append(revisions, standing) }
  }

  /// One at a time, as a storage wants it.
  private func write(_ body: (Standing) throws(LedgerError) -> Void) throws(LedgerError) {
    try standing.withLock { standing throws(LedgerError) in
      guard let standing else { throw .unusable("\(storage.name) does not know which ledger it is to hold") }
      try body(standing)
    }
  }
}

/// Looks at nothing.
private struct Nothing: Loading {
  func begin(_ standing: Standing) {}
  func take(_ resources: [ResourceRecord]) {}
  func take(_ revisions: [RevisionRecord]) {}
}
