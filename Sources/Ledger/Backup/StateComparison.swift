package import CloudModel

/// In how many resources two states differ, by kind.
package struct StateComparison: Sendable {
  package struct Count: Sendable, Equatable {
    package var added = 0
    package var removed = 0
    package var changed = 0
  }

  /// Kinds that do not differ are not in it.
  package let kinds: [String: Count]

  package init(from before: CloudState, to after: CloudState) {
    func count<R: Resource>(_ type: R.Type) -> Count {
      let (old, new) = (R.table(in: before), R.table(in: after))
      var count = Count()
      for resource in new.all {
        if let earlier = old[resource.id] {
          if earlier != resource { count.changed += 1 }
        } else {
          count.added += 1
        }
      }
      for id in old.ids where new[id] == nil { count.removed += 1 }
      return count
    }
    var kinds: [String: Count] = [:]
    for type in CloudState.kinds {
      let count = count(type)
      if count != Count() { kinds[type.kind] = count }
    }
    self.kinds = kinds
  }
}

extension CloudState {
  /// How many resources there are of each kind that there is any of.
  package var counts: [String: Int] {
    func count<R: Resource>(_ type: R.Type) -> Int { R.table(in: self).count }
    var counts: [String: Int] = [:]
    for type in Self.kinds {
      let count = count(type)
      if count > 0 { counts[type.kind] = count }
    }
    return counts
  }
}

extension Ledger {
  /// What the ledger that `source` names holds now, proven, and without taking it over.
  package static func look(at source: LedgerSource, keys: KeyFile? = nil) throws(LedgerError) -> Snapshot {
    let proof = Proof(name: source.name, known: nil, secrets: Secrets(keys))
    try source.copy(proof)
    let proven = try proof.finish()
    let head = proven.standing.head
    return Snapshot(ledger: head.ledger, epoch: head.epoch, revision: head.revision, state: proven.state)
  }
}
