internal import CloudModel
package import FoundationEssentials

extension Ledger {
  /// What became of one resource, newest first, as far as it is kept: the revisions that touched it, each with that change
  /// alone. Costs as much as the history is long.
  package func history(of id: UUID) throws(LedgerError) -> [Revision] { try stored(of: id) }
}

extension Chronicle {
  /// What `history` of a ledger returns. Each change names the revision before; removals are looked up.
  func stored(of id: UUID) throws(LedgerError) -> [Revision] {
    if isClosed { throw LedgerError(.closed, "the ledger is closed") }
    var links: [Link] = []
    var next = snapshot.state.revision(of: id) ?? removal(of: id, before: .max)
    while let number = next, number >= oldest {
      guard let link = try link(number, id) else { break }
      next = link.change.previous == 0 ? removal(of: id, before: number) : link.change.previous
      links.append(link)
    }
    return try revisions(links)
  }

  /// `nil` when the revision was trimmed meanwhile, perhaps by another manager.
  private func link(_ number: UInt64, _ id: UUID) throws(LedgerError) -> Link? {
    guard let record = try storage.read([number]).first else { return nil }
    let content = try RevisionContent(record)
    guard let change = content.changes.first(where: { $0.id == id }) else {
      throw .damaged("revision \(number) in \(storage.name) is not what changed \(id)")
    }
    return Link(record: record, cause: content.cause, change: change)
  }

  private func revisions(_ links: [Link]) throws(LedgerError) -> [Revision] {
    do {
      return try links.enumerated().map { position, link in
        let change = link.change
        let older = position + 1 < links.count ? links[position + 1] : nil
        let before =
          change.previous == 0
          ? nil
          : older?.record.number == change.previous ? older?.change.body : try folded(change.key, change.previous)
        return Revision(
          number: link.record.number, time: Date(timeIntervalSinceReferenceDate: link.record.time), cause: link.cause,
          changes: [try resolved(change, before: before)])
      }
    } catch let error as LedgerError {
      throw error
    } catch {
      throw .damaged("revisions of \(storage.name) cannot be decoded", underlying: error)
    }
  }
}

/// A revision that touched the resource, and how.
private struct Link {
  let record: RevisionRecord
  let cause: Cause
  let change: StoredChange
}

extension CloudState {
  /// The revision that wrote a resource of any kind that has a history.
  fileprivate func revision(of id: UUID) -> UInt64? {
    for kind in Self.kinds where !kind.isBookkeeping {
      if let revision = kind.revision(of: id, in: self) { return revision }
    }
    return nil
  }
}

extension Resource {
  fileprivate static func revision(of id: UUID, in state: CloudState) -> UInt64? { row(ID(id), in: state)?.revision }
}
