package import CloudModel
package import FoundationEssentials
package import Ledger

extension Control {
  /// The oldest revision that is kept.
  package var oldestRevision: UInt64 { ledger.oldest }

  /// Those of the revisions `first` to `last` that are kept, newest first.
  package func revisions(from first: UInt64, to last: UInt64) throws -> [Revision] {
    try ledger.history(from: max(first, ledger.oldest), to: last).reversed()
  }

  /// The last revision that is not younger than `instant`; the one before the oldest that is kept if all are.
  package func revision(at instant: Date) throws -> UInt64 {
    var (low, high) = (ledger.oldest - 1, ledger.snapshot.revision)
    while low < high {
      let middle = low + (high - low + 1) / 2
      guard let revision = try ledger.history(from: middle, to: middle).first else { return low }
      if revision.time <= instant { low = middle } else { high = middle - 1 }
    }
    return low
  }

  /// The revisions that touched a resource, newest first, each with that change alone.
  package func history(of resource: UUID) throws -> [Revision] { try ledger.history(of: resource) }
}

extension Resource {
  package func put(into state: inout CloudState) throws {
    let table = Self.table
    try state[keyPath: table].put(self)
  }

  func remove(from state: inout CloudState) {
    let table = Self.table
    state[keyPath: table].remove(id)
  }
}
