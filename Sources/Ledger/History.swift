internal import CloudModel
internal import FoundationEssentials

extension Ledger {
  /// The revisions `first` to `last`, both included, as far as they exist; the error `behind` when some of them are no
  /// longer kept. Reads the storage, in pieces that let writers pass.
  package func history(from first: UInt64, to last: UInt64) throws(LedgerError) -> [Revision] {
    try stored(from: first, to: last)
  }
}

extension Chronicle {
  /// What `history` of a ledger returns.
  func stored(from first: UInt64, to last: UInt64) throws(LedgerError) -> [Revision] {
    if isClosed { throw LedgerError(.closed, "the ledger is closed") }
    let last = min(last, snapshot.revision)
    let first = max(first, 1)
    var revisions: [Revision] = []
    var next = first
    while next <= last {
      let stop = min(last, next + 255)
      let records = try storage.read(next...stop)
      guard records.count == Int(stop - next) + 1 else {
        let oldest = oldest
        guard first < oldest else {
          throw .damaged("revisions between \(next) and \(stop) are missing in \(storage.name)")
        }
        throw LedgerError(
          .behind,
          "revision \(first) is no longer kept; the oldest is \(oldest). Read the snapshot and go on from there")
      }
      revisions += try decode(records)
      next = stop + 1
    }
    return revisions
  }

  private func decode(_ records: [RevisionRecord]) throws(LedgerError) -> [Revision] {
    var contents: [UInt64: RevisionContent] = [:]
    for record in records { contents[record.number] = try RevisionContent(record) }
    let own = contents
    let previous = Set(own.values.flatMap { $0.changes.map(\.previous) }).subtracting([0]).subtracting(own.keys)
    for record in try storage.read(previous.sorted()) { contents[record.number] = try RevisionContent(record) }
    var bodies: [UInt64: [ResourceKey: ArraySlice<UInt8>]] = [:]
    for (number, content) in contents {
      for change in content.changes { bodies[number, default: [:]][change.key] = change.body }
    }
    do {
      var revisions: [Revision] = []
      for record in records {
        guard let content = own[record.number] else { continue }
        let changes = try content.changes.map { change in
          let before =
            change.previous == 0
            ? nil : try bodies[change.previous]?[change.key] ?? folded(change.key, change.previous)
          return try resolved(change, before: before)
        }
        revisions.append(
          Revision(
            number: record.number, time: Date(timeIntervalSinceReferenceDate: record.time), cause: content.cause,
            changes: changes))
      }
      return revisions
    } catch let error as LedgerError {
      throw error
    } catch {
      throw .damaged("revisions of \(storage.name) cannot be decoded", underlying: error)
    }
  }

  /// The change with its values, given the body of what was there before.
  func resolved(_ change: StoredChange, before: ArraySlice<UInt8>?) throws -> ResourceChange {
    func resource(_ body: ArraySlice<UInt8>) throws -> any Resource {
      try RevisionContent.resource(kind: change.kind, id: change.id, body: body, secrets)
    }
    return ResourceChange(
      kind: change.kind, id: change.id, previous: change.previous, before: try before.map(resource),
      after: try change.body.map(resource))
  }

  /// A revision that was trimmed may be the one that the checkpoint still holds.
  func folded(_ key: ResourceKey, _ revision: UInt64) throws(LedgerError) -> ArraySlice<UInt8>? {
    guard let record = try storage.read(kind: key.kind, id: key.id), record.revision == revision else { return nil }
    return record.body?[...]
  }
}

extension CloudState {
  /// Takes a revision back.
  mutating func undo(_ revision: Revision) throws {
    guard !revision.changes.contains(where: \.isBeforeUnknown) else {
      throw LedgerError(.behind, "what was before revision \(revision.number) is no longer kept")
    }
    for change in revision.changes { _ = RevisionContent.kinds[change.kind]?.remove(change.id, from: &self) }
    for change in revision.changes { try change.before?.put(into: &self, 0) }
  }
}
