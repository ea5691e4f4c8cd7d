import CloudModel
import FoundationEssentials
import Ledger

/// The rows of a table in the order of lists, oldest first, kept from call to call: sorting 100,000 rows takes longer
/// than all else that a page of them needs.
actor CreationOrder<R: Resource> {
  /// Where a row stands. `created` never changes.
  struct Place: Comparable, Sendable {
    let created: Date
    let id: ID<R>

    static func < (left: Place, right: Place) -> Bool {
      (left.created, left.id) < (right.created, right.id)
    }
  }

  /// How many revisions are followed one by one. Of more of them not all are in memory, and sorting is quicker.
  private static var reach: UInt64 { 1000 }

  private struct Known {
    var epoch: UInt64
    var revision: UInt64
    var places: [Place]
  }

  private let created: @Sendable (R) -> Date
  private var known: Known?

  init(_ created: @escaping @Sendable (R) -> Date) {
    self.created = created
  }

  /// The present state, and the order of the table's rows in it.
  func present(in ledger: any LedgerView) async throws -> (state: CloudState, places: [Place]) {
    let snapshot = ledger.snapshot
    let order = try await order(at: snapshot, ledger)
    // Another call may have got further meanwhile.
    if known.map({ $0.epoch != order.epoch || $0.revision < order.revision }) ?? true { known = order }
    return (snapshot.state, order.places)
  }

  private func order(at snapshot: Snapshot, _ ledger: any LedgerView) async throws -> Known {
    guard var order = known, order.epoch == snapshot.epoch, order.revision <= snapshot.revision,
      snapshot.revision - order.revision <= Self.reach
    else { return sorted(snapshot) }
    var steps = ledger.revisions(after: order.revision).makeAsyncIterator()
    while order.revision < snapshot.revision {
      guard let step = try await steps.next() else { return sorted(snapshot) }
      for change in step.revision.changes where change.kind == R.kind {
        guard follow(change, in: &order.places) else { return sorted(snapshot) }
      }
      order.revision = step.revision.number
    }
    return order
  }

  private func sorted(_ snapshot: Snapshot) -> Known {
    let places = R.table(in: snapshot.state).all.map { Place(created: created($0), id: $0.id) }
    return Known(epoch: snapshot.epoch, revision: snapshot.revision, places: places.sorted())
  }

  /// Returns whether what the change tells was enough.
  private func follow(_ change: ResourceChange, in places: inout [Place]) -> Bool {
    let (before, after) = (change.before as? R, change.after as? R)
    switch (before, after) {
    case (_?, _?): return true
    case (nil, let row?) where change.previous == 0:
      let place = Place(created: created(row), id: row.id)
      places.insert(place, at: position(of: place, in: places))
      return true
    case (let row?, nil):
      let place = Place(created: created(row), id: row.id)
      let position = position(of: place, in: places)
      guard position < places.count, places[position] == place else { return false }
      places.remove(at: position)
      return true
    default: return false
    }
  }

  /// The first position whose place is not before `place`.
  private func position(of place: Place, in places: [Place]) -> Int {
    if let last = places.last, last < place { return places.count }
    var (low, high) = (0, places.count)
    while low < high {
      let middle = (low + high) / 2
      if places[middle] < place { low = middle + 1 } else { high = middle }
    }
    return low
  }
}
