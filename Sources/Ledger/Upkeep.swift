internal import FoundationEssentials
import Synchronization

/// What appending and upkeep share. Each calls the storage only while it holds this, so they pass by turns.
struct Written {
  var standing: Standing
  /// What was appended and upkeep has not seen yet.
  fileprivate var recent: [Batch] = []
  /// The revisions whose share of the work is still to be done.
  fileprivate var owed: UInt64 = 0
  /// How many have to be.
  private static let pace: UInt64 = 16

  init(_ standing: Standing) { self.standing = standing }

  /// Whether it is time for `Upkeep.workOff`.
  enum Debt { case none, due, overdue }

  mutating func appended(_ batch: Batch, _ retention: Retention) -> Debt {
    standing.head = batch.standing.head
    recent.append(batch)
    owed += UInt64(batch.records.count)
    let pace = min(Self.pace, retention.window)
    return owed < pace ? .none : owed < 8 * pace ? .due : .overdue
  }
}

/// What the checkpoint lacks and what is to be forgotten.
struct Upkeep {
  private var unfolded: Unfolded
  private var removals: Removals
  private let retention: Retention
  private let now: @Sendable () -> Date
  /// The last revision when `goOn` was scheduled.
  private var scheduled: UInt64?
  /// Nothing is tried before, after the disk was full.
  private var patience = Date.distantPast
  private var nextLook = Date.distantPast

  init(_ proven: Proven, _ retention: Retention, _ now: @escaping @Sendable () -> Date) {
    unfolded = Unfolded(proven.unfolded, last: proven.standing.head.revision, window: retention.window)
    removals = proven.removals
    self.retention = retention
    self.now = now
  }

  private mutating func takeIn(_ written: borrowing Mutex<Written>) {
    let recent = written.withLock { written in
      defer { written.recent = [] }
      return written.recent
    }
    for batch in recent {
      unfolded.add(batch.changes)
      for (record, changes) in zip(batch.records, batch.changes) { removals.add(record.number, changes) }
    }
  }

  /// The last revision before `limit` that removed the resource.
  mutating func removal(of id: UUID, before limit: UInt64, _ written: borrowing Mutex<Written>) -> UInt64? {
    takeIn(written)
    return removals.last(of: id, before: limit)
  }

  mutating func workOff(_ written: borrowing Mutex<Written>, _ storage: any Storage) throws(LedgerError) {
    let owed = written.withLock { written in
      defer { written.owed = 0 }
      return written.owed
    }
    if owed > 0 { try work(for: Int(owed), isIdle: false, written, storage) }
  }

  /// Whether something is left to do, when nothing is written, that nobody is scheduled for.
  mutating func schedules(_ written: borrowing Mutex<Written>) -> Bool {
    guard scheduled == nil, unfolded.readyCount > 0 || isFoldingDue(written, isIdle: true) else { return false }
    scheduled = written.withLock { $0.standing.head.revision }
    return true
  }

  /// To be called, if `schedules`, a while later. Who writes all the time has his writing bear the folding.
  mutating func goOn(_ written: borrowing Mutex<Written>, _ storage: any Storage) throws(LedgerError) {
    let isIdle = scheduled == written.withLock { $0.standing.head.revision }
    scheduled = nil
    guard unfolded.readyCount > 0 || isFoldingDue(written, isIdle: isIdle) else { return }
    try work(for: isIdle ? 512 : 128, isIdle: isIdle, written, storage)
  }

  private func isFoldingDue(_ written: borrowing Mutex<Written>, isIdle: Bool) -> Bool {
    let standing = written.withLock { $0.standing }
    return unfolded.isDue(standing.checkpoint, of: standing.head.revision, isIdle: isIdle)
  }

  /// What `revisions` more of them have to bear: a piece of what is being folded, or all of a few parts that are small.
  private mutating func work(
    for revisions: Int, isIdle: Bool, _ written: borrowing Mutex<Written>, _ storage: any Storage
  ) throws(LedgerError) {
    takeIn(written)
    guard Date() >= patience else { return }
    do throws(LedgerError) {
      var left = revisions
      repeat {
        if isFoldingDue(written, isIdle: isIdle) { unfolded.begin() }
        try foldPiece(left * unfolded.pace, written, storage)
        left -= Int(unfolded.stride)
      } while left > 0 && isFoldingDue(written, isIdle: isIdle)
      try trimPiece(max(256, UInt64(revisions) * 2), written, storage)
    } catch {
      patience = Date().addingTimeInterval(1)
      throw error
    }
  }

  private mutating func foldPiece(
    _ count: Int, _ written: borrowing Mutex<Written>, _ storage: any Storage
  ) throws(LedgerError) {
    let piece = unfolded.next(count)
    guard !piece.isEmpty else { return }
    // What takes long is done while others append.
    var digest = Checksum.zero
    var records: [ResourceRecord] = []
    records.reserveCapacity(piece.count)
    for place in piece.indices { if let record = piece[place].record(&digest) { records.append(record) } }
    let checkpoint = piece.count == unfolded.readyCount ? unfolded.checkpoint : nil
    let saved = removals.records(with: piece.map(\.key.id))
    let (anchor, limit) = (written.withLock { $0.standing.anchor.number }, max(count, 256))
    records += saved + removals.stale(anchor, limit)
    try written.withLock { written throws(LedgerError) in
      var next = written.standing
      next.digest.toggle(digest)
      next.checkpoint = checkpoint ?? next.checkpoint
      try storage.fold(records, next)
      written.standing = next
    }
    removals.saved(saved, anchor, limit)
    unfolded.drop(piece.count)
  }

  /// Everything, when nothing is written any more.
  mutating func foldAll(_ written: borrowing Mutex<Written>, _ storage: any Storage) throws(LedgerError) {
    takeIn(written)
    repeat {
      while unfolded.readyCount > 0 { try foldPiece(4096, written, storage) }
      unfolded.begin()
    } while unfolded.readyCount > 0
    while try trimPiece(4096, written, storage) {}
  }

  /// Deletes up to `count` revisions that are no longer to be kept. Returns whether there may be more.
  @discardableResult
  private mutating func trimPiece(
    _ count: UInt64, _ written: borrowing Mutex<Written>, _ storage: any Storage
  ) throws(LedgerError) -> Bool {
    let standing = written.withLock { $0.standing }
    let oldest = standing.anchor.number
    let limit = min(standing.checkpoint, oldest + count)
    guard limit > oldest else { return false }
    let surplus = standing.head.revision - oldest
    if surplus > retention.count {
      let last = min(limit, standing.head.revision - retention.count)
      guard last > oldest else { return false }
      return try trim(try storage.read([last]).last, written, storage)
    }
    guard now() >= nextLook else { return false }
    let past = now().addingTimeInterval(-Double(retention.age.components.seconds)).timeIntervalSinceReferenceDate
    let old = try storage.read(oldest + 1...min(limit, oldest + 256)).prefix { $0.time < past }
    guard try trim(old.last, written, storage) else {
      nextLook = now().addingTimeInterval(10)
      return false
    }
    return true
  }

  private func trim(
    _ last: RevisionRecord?, _ written: borrowing Mutex<Written>, _ storage: any Storage
  ) throws(LedgerError) -> Bool {
    guard let last else { return false }
    try written.withLock { written throws(LedgerError) in
      var next = written.standing
      next.anchor = Standing.Anchor(number: last.number, chain: last.chain)
      try storage.trim(next)
      written.standing = next
    }
    return true
  }
}

extension Unfolded.Change {
  /// What the checkpoint is to hold, and makes of its digest; `nil` when the resource came and went.
  fileprivate func record(_ digest: inout Checksum) -> ResourceRecord? {
    let (kind, id) = (key.kind, key.id)
    if folded > 0 { digest.toggle(.presence(kind: kind, id: id, revision: folded)) }
    guard let body else {
      return folded == 0 ? nil : ResourceRecord(kind: kind, id: id, revision: revision, body: nil, proof: .zero)
    }
    digest.toggle(.presence(kind: kind, id: id, revision: revision))
    return ResourceRecord(
      kind: kind, id: id, revision: revision, body: body,
      proof: .proof(kind: kind, id: id, revision: revision, body: body[...]))
  }
}
