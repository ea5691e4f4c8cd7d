internal import CloudModel
internal import FoundationEssentials

/// A transaction that waits for its turn. `run` executes the closure; what it returns tells the caller the outcome.
struct Pending: Sendable {
  typealias Answer = @Sendable (Committed<Void>) -> Void

  let cause: Cause
  let run: @Sendable (inout Draft) throws -> Answer
  let refuse: @Sendable (any Error) -> Void
}

/// A revision and what is to be written of it, or why it cannot be.
struct Step: Sendable {
  typealias Stored = (content: [UInt8], changes: [StoredChange])

  let committed: Committed<Void>
  let stored: Result<Stored, LedgerError>
}

/// A transaction whose closure ran, and which is to be written before its caller is told.
struct Drafted: Sendable {
  /// `nil` when the closure threw, or changed nothing.
  let step: Step?
  let tell: @Sendable () -> Void
  let refuse: @Sendable (any Error) -> Void
}

/// Transactions that were drafted one after the other on one state, which was changed in place.
struct DraftedPiece: Sendable {
  let transactions: [Drafted]
  /// The state that they lead to.
  let end: Snapshot

  /// The revisions are coded here, so that this goes on while others are written.
  init(_ waiting: ArraySlice<Pending>, on base: Snapshot, sources: Sources, _ secrets: Secrets) {
    var draft = Draft(of: base, sources: sources)
    var revisions: [Revision] = []
    let encoder = BodyEncoder()
    typealias Stored = Result<Step.Stored, LedgerError>
    typealias Outcome = (answer: Result<Pending.Answer, any Error>, revision: Revision, stored: Stored?, before: Int)
    let outcomes = waiting.map { pending -> Outcome in
      let before = revisions.count
      draft.begin()
      let answer = Result { try pending.run(&draft) }
      if case .failure = answer { draft.undo() }
      let revision = draft.end(pending.cause)
      if revision.changes.isEmpty { return (answer, revision, nil, before) }
      revisions.append(revision)
      let stored = Result { () throws(LedgerError) in
        try RevisionContent.encode(revision, secrets, with: encoder) {
          SealingKey.newest(in: draft.state.sealingKeys)?.value.number ?? 0
        }
      }
      return (answer, revision, stored, before)
    }
    let end =
      revisions.isEmpty
      ? base
      : Snapshot(
        ledger: base.ledger, epoch: base.epoch, revision: draft.nextRevision - 1, state: draft.finish())
    let stretch = Stretch(from: base, to: end, revisions)
    transactions = zip(waiting, outcomes).map { pending, outcome in
      // Even a refusal may rest on what earlier drafts did, so it is told with them.
      switch outcome.answer {
      case .failure(let error):
        return Drafted(step: nil, tell: { pending.refuse(error) }, refuse: pending.refuse)
      case .success(let answer):
        let committed = Committed(
          value: (), revision: outcome.revision, within: stretch, before: outcome.before,
          after: outcome.before + (outcome.stored == nil ? 0 : 1))
        return Drafted(
          step: outcome.stored.map { Step(committed: committed, stored: $0) }, tell: { answer(committed) },
          refuse: pending.refuse)
      }
    }
    self.end = end
  }
}

/// What is written by one append.
struct Batch {
  private(set) var records: [RevisionRecord] = []
  private(set) var changes: [[StoredChange]] = []
  private(set) var standing: Standing

  init(_ steps: [Step], after standing: Standing) throws(LedgerError) {
    self.standing = standing
    records.reserveCapacity(steps.count)
    changes.reserveCapacity(steps.count)
    for step in steps { add(step.committed.revision, try step.stored.get()) }
  }

  private mutating func add(_ revision: Revision, _ stored: Step.Stored) {
    var record = RevisionRecord(
      number: revision.number, time: revision.time.timeIntervalSinceReferenceDate, content: stored.content, chain: .zero
    )
    record.chain = .link(after: standing.head.chain, record)
    standing.head.chain = record.chain
    standing.head.revision = record.number
    records.append(record)
    changes.append(stored.changes)
  }
}
