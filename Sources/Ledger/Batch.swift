internal import CloudModel
internal import FoundationEssentials
internal import GRDB

/// A transaction that waits for its turn. `run` executes the closure; what it returns tells the caller the outcome.
struct Pending: Sendable {
  typealias Answer = @Sendable (Result<(revision: Revision, before: Snapshot, after: Snapshot), any Error>) -> Void

  let cause: Cause
  let run: @Sendable (inout Draft) throws -> Answer
  let refuse: @Sendable (any Error) -> Void
}

/// Transactions that were drafted one on top of the other and share one COMMIT.
struct Batch {
  private(set) var last: Snapshot
  private var answers: [() -> Void] = []
  private var refusals: [(any Error) -> Void] = []
  private var stored: [Item] = []

  struct Item {
    let step: Committed<Void>
    let bodies: [Data?]
    let cause: Data
  }

  init(on snapshot: Snapshot) {
    last = snapshot
  }

  /// The revisions of the batch, in order.
  var steps: [Committed<Void>] { stored.map(\.step) }

  mutating func draft(_ pending: Pending, sources: Sources, coding: BodyCoding) {
    refusals.append(pending.refuse)
    do {
      var draft = Draft(of: last, sources: sources)
      let answer = try pending.run(&draft)
      let step = draft.step(from: last, cause: pending.cause)
      if !step.revision.changes.isEmpty {
        let item = Item(
          step: step, bodies: try coding.encode(step.revision.changes), cause: try coding.encode(pending.cause))
        stored.append(item)
        last = step.after
      }
      answers.append { answer(.success((step.revision, step.before, step.after))) }
    } catch {
      // Even a refusal may rest on what earlier drafts of the batch did, so it is told with them.
      answers.append { pending.refuse(error) }
    }
  }

  /// To be called once the batch is durable and published.
  func tellAll() {
    for answer in answers { answer() }
  }

  func refuseAll(_ error: any Error) {
    for refuse in refusals { refuse(error) }
  }

  /// One SQL transaction; `head` and `digest` move only when it is durable.
  func commit(to db: Database, head: inout Head, digest: inout Checksum, beforeCommit: (() throws -> Void)?) throws {
    guard !stored.isEmpty else { return }
    var newHead = head
    var newDigest = digest
    try db.inTransaction(.immediate) {
      let statements = try Statements(db)
      for item in stored { try statements.write(item, head: &newHead, digest: &newDigest) }
      try Schema.write(newHead, to: db)
      try beforeCommit?()
      return .commit
    }
    head = newHead
    digest = newDigest
  }
}

extension Draft {
  func step(from before: Snapshot, cause: Cause) -> Committed<Void> {
    let changes = changes()
    let number = changes.isEmpty ? before.revision : nextRevision
    let after =
      changes.isEmpty
      ? before : Snapshot(ledger: before.ledger, epoch: before.epoch, revision: number, state: state)
    let revision = Revision(number: number, time: now, cause: cause, changes: changes)
    return Committed(value: (), revision: revision, before: before, after: after)
  }
}

/// The prepared statements of a batch.
private struct Statements {
  let select: Statement
  let insert: Statement
  let update: Statement
  let delete: Statement
  let append: Statement

  init(_ db: Database) throws {
    select = try db.cachedStatement(sql: "SELECT body FROM resource WHERE kind = ? AND id = ?")
    insert = try db.cachedStatement(sql: "INSERT INTO resource (kind, id, body) VALUES (?, ?, ?)")
    update = try db.cachedStatement(sql: "UPDATE resource SET body = ? WHERE kind = ? AND id = ?")
    delete = try db.cachedStatement(sql: "DELETE FROM resource WHERE kind = ? AND id = ?")
    append = try db.cachedStatement(
      sql: "INSERT INTO revision (number, time, cause, changes, state, chain) VALUES (?, ?, ?, ?, ?, ?)")
  }

  func write(_ item: Batch.Item, head: inout Head, digest: inout Checksum) throws {
    let revision = item.step.revision
    var changes: [StoredChange] = []
    changes.reserveCapacity(revision.changes.count)
    for (change, after) in zip(revision.changes, item.bodies) {
      let before = change.before == nil ? nil : try body(change.kind, change.id)
      try write(change.kind, change.id, before: before, after: after)
      if let before { digest.toggle(.resource(kind: change.kind, id: change.id, body: before)) }
      if let after { digest.toggle(.resource(kind: change.kind, id: change.id, body: after)) }
      changes.append(StoredChange(kind: change.kind, id: change.id, before: before, after: after))
    }
    let stored = StoredRevision(
      number: revision.number, time: revision.time.timeIntervalSinceReferenceDate, cause: item.cause,
      changes: StoredChange.encode(changes), state: digest)
    head.chain = .link(after: head.chain, stored)
    head.revision = stored.number
    append.setUncheckedArguments([
      Int64(stored.number), stored.time, stored.cause, stored.changes, stored.state.data, head.chain.data,
    ])
    try append.execute()
  }

  /// The bytes that the digest was taken of; encoding the old value anew might give others.
  private func body(_ kind: String, _ id: UUID) throws -> Data {
    guard let body = try Data.fetchOne(select, arguments: [kind, id.data]) else {
      throw LedgerError.damaged("\(kind) \(id) has vanished from the database")
    }
    return body
  }

  private func write(_ kind: String, _ id: UUID, before: Data?, after: Data?) throws {
    let statement: Statement
    switch (before, after) {
    case (nil, let after?):
      statement = insert
      statement.setUncheckedArguments([kind, id.data, after])
    case (_?, let after?):
      statement = update
      statement.setUncheckedArguments([after, kind, id.data])
    case (_, nil):
      statement = delete
      statement.setUncheckedArguments([kind, id.data])
    }
    try statement.execute()
  }
}
