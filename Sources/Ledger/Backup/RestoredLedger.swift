internal import CloudModel
package import FoundationEssentials
package import Logging

/// A ledger that was made again of a copy, in a new epoch and at a place of its own. It has all that the copy has; going
/// back to an earlier moment is one more revision after that.
package struct RestoredLedger: Sendable {
  package let ledger: Ledger
  /// The last revision of the copy.
  package let last: UInt64

  /// At `path`, where nothing is. Everything is proven, as at any start.
  ///
  /// - Parameters:
  ///   - epoch: The new epoch is higher than this and than the copy's.
  ///   - keys: What the copy's secrets are sealed under.
  package init(
    of copy: any LedgerCopy, at path: String, keys: KeyFile? = nil, above epoch: UInt64, logger: Logger
  ) throws(LedgerError) {
    try self.init(of: copy) { ledger throws(LedgerError) in
      try SQLiteStorage(path: path, create: true, restore: false) { ledger }
    } open: { () throws(LedgerError) in
      try Ledger.open(
        at: path, keys: keys, restore: true, above: epoch, retention: .everything, logger: logger)
    }
  }

  /// In an empty PostgreSQL database.
  package init(
    of copy: any LedgerCopy, in access: PostgreSQLAccess, keys: KeyFile? = nil, above epoch: UInt64, logger: Logger
  ) throws(LedgerError) {
    func storage() throws(LedgerError) -> PostgreSQLStorage {
      guard let lease = try Lease.take(access, holder: "restore", logger: logger) else {
        throw LedgerError(.locked, "a manager leads over \(access.name); give an empty database")
      }
      return PostgreSQLStorage(access, lease: lease)
    }
    try self.init(of: copy) { ledger throws(LedgerError) in
      do throws(LedgerError) {
        try access.prepare()
      } catch  where error.code == .absent {
        try access.prepare(create: true) { ledger }
        return try storage()
      }
      throw LedgerError(.invalid, "\(access.name) holds a ledger; give an empty database")
    } open: { () throws(LedgerError) in
      try Ledger.open(
        storage(), keys: keys, restore: true, above: epoch, retention: .everything, logger: logger)
    }
  }

  private init(
    of copy: any LedgerCopy, make: (UUID) throws(LedgerError) -> any Storage,
    open: () throws(LedgerError) -> Ledger
  ) throws(LedgerError) {
    let storage = try make(copy.ledger)
    do throws(LedgerError) {
      try copy.load(Refill(storage))
      try storage.close()
    } catch {
      try? storage.close()
      throw error
    }
    do throws(LedgerError) {
      self.ledger = try open()
    } catch {
      throw LedgerError(error.code, "\(copy.name) does not restore: \(error.message)", underlying: error.underlying)
    }
    last = self.ledger.snapshot.revision
  }

  /// The number of the last revision up to `moment`. Throws when that is before all or after all that is known.
  package func revision(at moment: RestorePoint, now: Date = Date()) throws(LedgerError) -> UInt64 {
    switch moment {
    case .end: return last
    case .revision(let number):
      guard number <= last else {
        throw LedgerError(.invalid, "there is no revision \(number); the backup ends at revision \(last)")
      }
      guard number + 1 >= ledger.oldest else { throw tooFarBack("revision \(number)") }
      return number
    case .instant(let instant):
      let text = instant.formatted(.iso8601)
      guard instant <= now else { throw LedgerError(.invalid, "\(text) is in the future") }
      var end = last
      while end >= ledger.oldest {
        let start = end - min(end - ledger.oldest, 255)
        let records = try ledger.storage.read(start...end)
        if let found = records.last(where: { $0.time <= instant.timeIntervalSinceReferenceDate }) {
          return found.number
        }
        guard start > ledger.oldest else { break }
        end = start - 1
      }
      throw tooFarBack(text)
    }
  }

  private func tooFarBack(_ what: String) -> LedgerError {
    let first = (try? ledger.storage.read([ledger.oldest]))?.first
    let time = first.map { ", of \(Date(timeIntervalSinceReferenceDate: $0.time).formatted(.iso8601))" } ?? ""
    return LedgerError(
      .behind, "\(what) is before all that the backup knows; its first revision is \(ledger.oldest)\(time)")
  }

  /// What everything that was touched after `revision` was then.
  package func earlier(_ revision: UInt64) throws(LedgerError) -> Earlier {
    var resources: [ResourceKey: Earlier.Resource] = [:]
    var next = revision + 1
    while next <= last {
      let stop = min(last, next + 1023)
      for later in try ledger.history(from: next, to: stop) {
        // The keys stay those that what is stored is sealed under.
        for change in later.changes where change.kind != SealingKey.kind {
          let key = ResourceKey(kind: change.kind, id: change.id)
          guard resources[key] == nil else { continue }
          guard !change.isBeforeUnknown else { throw tooFarBack("what \(change.kind) \(change.id) was") }
          resources[key] = Earlier.Resource(value: change.before)
        }
      }
      next = stop + 1
    }
    return Earlier(revision: revision, last: last, resources: resources)
  }

  /// What `goBack` would do.
  package func preview(_ earlier: Earlier) throws -> Committed<Void> {
    let epoch = ledger.snapshot.epoch
    return try ledger.preview(Self.cause) { try earlier.apply(to: &$0, epoch: epoch) }
  }

  /// One revision, which makes the state what it was, and says so.
  package func goBack(to earlier: Earlier) async throws -> Committed<Void> {
    let epoch = ledger.snapshot.epoch
    return try await ledger.transact(Self.cause) { try earlier.apply(to: &$0, epoch: epoch) }
  }

  package static let cause = Cause(actor: "system/restore", command: "restore")
}

/// Resources as they were at an earlier revision.
package struct Earlier: Sendable {
  package let revision: UInt64
  let last: UInt64
  fileprivate let resources: [ResourceKey: Resource]

  fileprivate struct Resource: Sendable {
    /// `nil` when there was none.
    let value: (any CloudModel.Resource)?
  }

  fileprivate func apply(to draft: inout Draft, epoch: UInt64) throws {
    // First away, then back: what must be unique may have passed from one resource to another.
    for key in resources.keys { try RevisionContent.kinds[key.kind]?.remove(key.id, from: &draft) }
    for resource in resources.values { try resource.value?.put(into: &draft) }
    for restoration in Array(draft.state.restorations.ids) { try draft.remove(restoration) }
    try draft.put(
      Restoration(id: draft.newID(), epoch: epoch, last: last, moment: revision, created: draft.now))
  }
}

extension Resource {
  fileprivate func put(into draft: inout Draft) throws { try draft.put(self) }
  fileprivate static func remove(_ id: UUID, from draft: inout Draft) throws { try draft.remove(ID(id) as ID<Self>) }
}
