internal import CloudModel
internal import FoundationEssentials

/// Which revisions removed what is or was gone, as far back as the history goes: the beginning of the history of a
/// resource that is not there to name its last revision. What is bookkeeping is left out.
///
/// The checkpoint holds it beside the resources, under kinds of its own. It is no part of what is proven there: each
/// number leads to a revision, which shows whether it is true.
struct Removals: Sendable {
  private struct Removed {
    let kind: String
    /// Ascending; more than one when it came back meanwhile.
    var revisions: [UInt64]
  }

  private var removed: [UUID: Removed] = [:]
  /// The oldest first, from `first` on.
  private var order: [(revision: UInt64, id: UUID)] = []
  private var first = 0
  /// What the checkpoint does not hold yet.
  private var unsaved: Set<UUID> = []

  private static let mark = "-"
  private static let lasting = Set(CloudState.kinds.filter { !$0.isBookkeeping }.map { $0.kind })

  static func holds(_ record: ResourceRecord) -> Bool { record.kind.hasPrefix(mark) }

  /// The last revision before `limit` that removed the resource.
  func last(of id: UUID, before limit: UInt64 = .max) -> UInt64? { removed[id]?.revisions.last { $0 < limit } }

  /// Whether the change is a removal that is remembered.
  static func lists(_ change: StoredChange) -> Bool { change.body == nil && lasting.contains(change.kind) }

  /// Revisions come in order.
  mutating func add(_ number: UInt64, _ changes: [StoredChange]) {
    for change in changes where Self.lists(change) { add(number, change) }
  }

  private mutating func add(_ number: UInt64, _ change: StoredChange) {
    if let last = removed[change.id]?.revisions.last, last >= number { return }
    removed[change.id, default: Removed(kind: change.kind, revisions: [])].revisions.append(number)
    order.append((number, change.id))
    unsaved.insert(change.id)
  }

  // MARK: - In the checkpoint

  /// What is to be stored with the resources `ids`.
  func records(with ids: some Sequence<UUID>) -> [ResourceRecord] {
    if unsaved.isEmpty { return [] }
    return ids.filter(unsaved.contains).compactMap { id in
      guard let removed = removed[id], let last = removed.revisions.last else { return nil }
      var body: [UInt8] = []
      for revision in removed.revisions { body.appendVarint(revision) }
      let kind = Self.mark + removed.kind
      return ResourceRecord(
        kind: kind, id: id, revision: last, body: body,
        proof: .proof(kind: kind, id: id, revision: last, body: body[...]))
    }
  }

  /// What is to be taken out of the checkpoint, `limit` at most: nothing leads to revisions up to `anchor` any more.
  func stale(_ anchor: UInt64, _ limit: Int) -> [ResourceRecord] {
    order[first...].prefix(limit).prefix { $0.revision <= anchor }.compactMap { _, id in
      guard let removed = removed[id], removed.revisions.allSatisfy({ $0 <= anchor }) else { return nil }
      return ResourceRecord(kind: Self.mark + removed.kind, id: id, revision: 0, body: nil, proof: .zero)
    }
  }

  /// `records` and `stale` were written.
  mutating func saved(_ records: [ResourceRecord], _ anchor: UInt64, _ limit: Int) {
    for record in records { unsaved.remove(record.id) }
    for (revision, id) in order[first...].prefix(limit).prefix(while: { $0.revision <= anchor }) {
      first += 1
      removed[id]?.revisions.removeAll { $0 <= revision }
      if removed[id]?.revisions.isEmpty == true {
        removed[id] = nil
        unsaved.remove(id)
      }
    }
    if first > order.count / 2 {
      order.removeFirst(first)
      first = 0
    }
  }

  // MARK: - Loading

  /// Takes in what the checkpoint holds, and what later revisions removed, in any order.
  init(_ records: [ResourceRecord], _ later: [(number: UInt64, change: StoredChange)]) throws(LedgerError) {
    for record in records {
      let body = Body(record.body ?? [])
      var position = 0
      var revisions: [UInt64] = []
      while position < body.bytes.count {
        guard let revision = try? body.varint(&position) else {
          throw .damaged("\(record.kind) \(record.id) cannot be decoded")
        }
        revisions.append(revision)
      }
      removed[record.id] = Removed(kind: String(record.kind.dropFirst()), revisions: revisions)
      order += revisions.map { ($0, record.id) }
    }
    order.sort { $0.revision < $1.revision }
    let known = order.count
    for (number, change) in later.sorted(by: { $0.number < $1.number }) { add(number, change) }
    // The checkpoint may hold some that are newer than its number.
    if known > 0, order.count > known { order.sort { $0.revision < $1.revision } }
  }

  init() {}
}
