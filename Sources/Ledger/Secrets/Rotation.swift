internal import CloudModel

/// Which keys a ledger's secrets are under.
package struct SealingStanding: Hashable, Sendable, Codable {
  /// Everything current is sealed under the key of this number.
  package var sealing: Int
  /// What the history and the checkpoint may still be sealed under.
  package var kept: [Int]
}

/// Each step is a revision, or a change of the key file, of its own and takes up where the ones before it have led:
/// wherever it was interrupted, the next call goes on.
extension Ledger {
  private static let piece = 64

  /// Brings what is stored to where the key file wants it: takes the file's newest key up, seals anew what is under
  /// older ones, and forgets keys that nothing is under any more. Does nothing when it is so already.
  package func tendKeys() async throws -> SealingStanding {
    try await takeUpKeys()
    try await sealAnew()
    try await forgetKeys()
    let numbers = snapshot.state.sealingKeys.all.map(\.number).sorted()
    return SealingStanding(sealing: numbers.last ?? 0, kept: numbers)
  }

  /// From here on secrets are sealed under the newest key of the file.
  package func takeUpKeys() async throws {
    guard let file = secrets.file else { return }
    guard try file.read() else { throw LedgerError(.key, "\(file.path) is missing; put back a copy of it") }
    let state = snapshot.state
    try secrets.check(state, storage.name)
    let newest = file.newest
    guard newest > SealingKey.newestNumber(in: state), let key = try file.key(newest) else {
      return
    }
    _ = try await transact(cause("takeUpKey")) { draft in
      let known = SealingKey.newest(in: draft.state.sealingKeys)?.value.number
      guard newest > known ?? 0 else { return }
      if known == nil, draft.nextRevision > 1 {
        try draft.put(SealingKey(id: draft.newID(), number: 0, proof: [], created: draft.now))
      }
      try draft.put(SealingKey(id: draft.newID(), number: newest, proof: key.proof, created: draft.now))
    }
  }

  /// Writes everything again that is not under the newest key yet.
  func sealAnew() async throws {
    let state = snapshot.state
    guard let newest = SealingKey.newest(in: state.sealingKeys) else { return }
    let older = state.sealingKeys.all.filter { !$0.isRetired && $0.number < newest.value.number }
    guard !older.isEmpty else { return }
    for kind in CloudState.kinds where !kind.secretFields.isEmpty {
      try await kind.sealAnew(in: self, since: newest.revision)
    }
    try Task.checkCancellation()
    _ = try await transact(cause("retireKey")) { draft in
      for var key in older {
        key.isRetired = true
        try draft.put(key)
      }
    }
  }

  /// Forgets the keys that nothing is under: all that was written before they were retired is trimmed.
  func forgetKeys() async throws {
    let state = snapshot.state
    let anchor = standing.anchor.number
    let gone = state.sealingKeys.all.filter { key in
      key.isRetired && SealingKey.row(key.id, in: state).map { $0.revision <= anchor } == true
    }
    if !gone.isEmpty {
      try Task.checkCancellation()
      try storage.settle()
      _ = try await transact(cause("forgetKey")) { draft in
        for key in gone { try draft.remove(key.id) }
      }
      try secrets.check(snapshot.state, storage.name)
    }
    let known = snapshot.state.sealingKeys.all.map(\.number)
    guard let file = secrets.file, let oldest = known.min() else { return }
    let unknown = file.numbers.filter { $0 < oldest }
    if oldest > 0, !unknown.isEmpty { try file.drop(unknown) }
  }

  fileprivate func cause(_ command: String) -> Cause { Cause(actor: "system/ledger", command: command) }

  fileprivate func rewrite<R: Resource>(_ ids: ArraySlice<ID<R>>, since revision: UInt64) async throws {
    try Task.checkCancellation()
    _ = try await transact(cause("sealAnew")) { draft in
      for id in ids where R.row(id, in: draft.state).map({ $0.revision < revision }) == true { draft.rewrite(id) }
    }
  }

  fileprivate static func pieces<R: Resource>(_ ids: [ID<R>]) -> [ArraySlice<ID<R>>] {
    stride(from: 0, to: ids.count, by: piece).map { ids[$0..<min($0 + piece, ids.count)] }
  }
}

extension Resource {
  fileprivate static func sealAnew(in ledger: Ledger, since revision: UInt64) async throws {
    let state = ledger.snapshot.state
    let table = table
    let ids = try state[keyPath: table].ids.filter { id in
      guard let row = row(id, in: state), row.revision < revision else { return false }
      return try Secrets.hasSecrets(row.value)
    }
    for piece in Ledger.pieces(ids) { try await ledger.rewrite(piece, since: revision) }
  }
}
