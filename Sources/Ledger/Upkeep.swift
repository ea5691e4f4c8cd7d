internal import FoundationEssentials

/// What only the writer touches: where the ledger stands, what the checkpoint lacks and what is to be forgotten.
struct Upkeep {
  private(set) var standing: Standing
  private var unfolded: Unfolded
  private(set) var removals: Removals
  private let retention: Retention
  private let now: @Sendable () -> Date
  private(set) var isSorting = false
  var isScheduled = false
  /// Nothing is tried before, after the disk was full.
  private var patience = Date.distantPast
  private var nextLook = Date.distantPast
  /// The revisions whose share of the work is still to be done.
  private var owed = 0
  /// How many have to be. A piece costs a commit of its own, whatever its size; but while it is written no revision is, and
  /// soon nothing is left to draft.
  private static let pace = 16

  init(_ proven: Proven, _ retention: Retention, _ now: @escaping @Sendable () -> Date) {
    standing = proven.standing
    unfolded = proven.unfolded
    removals = proven.removals
    self.retention = retention
    self.now = now
  }

  /// Returns whether it is time for `workOff`.
  mutating func appended(_ batch: Batch) -> Bool {
    standing.head = batch.standing.head
    for (record, changes) in zip(batch.records, batch.changes) {
      unfolded.add(record, changes)
      removals.add(record.number, changes)
    }
    owed += batch.records.count
    return owed >= min(Self.pace, Int(retention.window))
  }

  mutating func workOff(_ storage: any Storage) throws(LedgerError) {
    defer { owed = 0 }
    try work(for: owed, storage)
  }

  /// What is to be sorted and given to `fold`, if it is time; when nothing else is to be done, earlier.
  mutating func beginsFolding(isIdle: Bool) -> [Unfolded.Change]? {
    let waits = isIdle ? retention.window / 10 + 1 : retention.window
    guard !isSorting, unfolded.readyCount == 0, standing.head.revision - standing.checkpoint >= waits else {
      return nil
    }
    isSorting = true
    return unfolded.gathered()
  }

  mutating func fold(_ sorted: [Unfolded.Change]) {
    isSorting = false
    unfolded.fold(sorted)
  }

  /// Whether something is left to do that nobody is scheduled for.
  mutating func schedules() -> Bool {
    guard !isScheduled, unfolded.readyCount > 0 else { return false }
    isScheduled = true
    return true
  }

  /// One piece: what `revisions` more of them have to bear, so that folding is done before there is a window more.
  mutating func work(for revisions: Int, _ storage: any Storage) throws(LedgerError) {
    guard Date() >= patience else { return }
    do throws(LedgerError) {
      try foldPiece(revisions * (unfolded.share / Int(retention.window) + 1), storage)
      try trimPiece(max(256, UInt64(revisions) * 2), storage)
    } catch {
      patience = Date().addingTimeInterval(1)
      throw error
    }
  }

  private mutating func foldPiece(_ count: Int, _ storage: any Storage) throws(LedgerError) {
    let piece = unfolded.next(count)
    guard !piece.isEmpty else { return }
    var next = standing
    var records: [ResourceRecord] = []
    records.reserveCapacity(piece.count)
    for change in piece {
      let (kind, id) = (change.key.kind, change.key.id)
      if change.folded > 0 { next.digest.toggle(.presence(kind: kind, id: id, revision: change.folded)) }
      var record = ResourceRecord(kind: kind, id: id, revision: change.revision, body: nil, proof: .zero)
      if let body = change.body {
        next.digest.toggle(.presence(kind: kind, id: id, revision: change.revision))
        record.body = Array(body)
        record.proof = .proof(kind: kind, id: id, revision: change.revision, body: body)
      }
      records.append(record)
    }
    if piece.count == unfolded.readyCount { next.checkpoint = unfolded.checkpoint }
    let saved = removals.records(with: piece.map(\.key.id))
    let (anchor, limit) = (standing.anchor.number, max(count, 256))
    try storage.fold(records + saved + removals.stale(anchor, limit), next)
    removals.saved(saved, anchor, limit)
    standing = next
    unfolded.drop(piece.count)
  }

  /// Everything, when nothing is written any more.
  mutating func foldAll(_ storage: any Storage) throws(LedgerError) {
    while unfolded.readyCount > 0 { try foldPiece(4096, storage) }
    unfolded.fold(unfolded.gathered().sorted { $0.key < $1.key })
    while unfolded.readyCount > 0 { try foldPiece(4096, storage) }
    while try trimPiece(4096, storage) {}
  }

  /// Deletes up to `count` revisions that are no longer to be kept. Returns whether there may be more.
  @discardableResult
  private mutating func trimPiece(_ count: UInt64, _ storage: any Storage) throws(LedgerError) -> Bool {
    let oldest = standing.anchor.number
    let limit = min(standing.checkpoint, oldest + count)
    guard limit > oldest else { return false }
    let surplus = standing.head.revision - oldest
    if surplus > retention.count {
      let last = min(limit, standing.head.revision - retention.count)
      guard last > oldest else { return false }
      return try trim(try storage.read([last]).last, storage)
    }
    guard now() >= nextLook else { return false }
    let past = now().addingTimeInterval(-Double(retention.age.components.seconds)).timeIntervalSinceReferenceDate
    let old = try storage.read(oldest + 1...min(limit, oldest + 256)).prefix { $0.time < past }
    guard try trim(old.last, storage) else {
      nextLook = now().addingTimeInterval(10)
      return false
    }
    return true
  }

  private mutating func trim(_ last: RevisionRecord?, _ storage: any Storage) throws(LedgerError) -> Bool {
    guard let last else { return false }
    var next = standing
    next.anchor = Standing.Anchor(number: last.number, chain: last.chain)
    try storage.trim(next)
    standing = next
    return true
  }
}
