internal import FoundationEssentials

/// A transaction that waits for its turn. `run` executes the closure; what it returns tells the caller the outcome.
struct Pending: Sendable {
  typealias Answer = @Sendable (Result<Committed<Void>, any Error>) -> Void

  let cause: Cause
  let run: @Sendable (inout Draft) throws -> Answer
  let refuse: @Sendable (any Error) -> Void
}

/// A transaction whose closure ran, and which is to be written before its caller is told.
struct Drafted: Sendable {
  /// `nil` when the closure threw, or changed nothing.
  let step: Committed<Void>?
  let tell: @Sendable () -> Void
  let refuse: @Sendable (any Error) -> Void
}

/// Transactions that were drafted one after the other on one state, which was changed in place.
struct DraftedPiece: Sendable {
  let transactions: [Drafted]
  /// The state that they lead to.
  let end: Snapshot

  init(_ waiting: ArraySlice<Pending>, on base: Snapshot, sources: Sources) {
    var draft = Draft(of: base, sources: sources)
    var revisions: [Revision] = []
    typealias Outcome = (answer: Result<Pending.Answer, any Error>, revision: Revision, before: Int)
    let outcomes = waiting.map { pending -> Outcome in
      let before = revisions.count
      draft.begin()
      let answer = Result { try pending.run(&draft) }
      if case .failure = answer { draft.undo() }
      let revision = draft.end(pending.cause)
      if !revision.changes.isEmpty { revisions.append(revision) }
      return (answer, revision, before)
    }
    let end =
      revisions.last.map {
        Snapshot(ledger: base.ledger, epoch: base.epoch, revision: $0.number, state: draft.state)
      } ?? base
    let stretch = Stretch(from: base, to: end, revisions)
    transactions = zip(waiting, outcomes).map { pending, outcome in
      // Even a refusal may rest on what earlier drafts did, so it is told with them.
      switch outcome.answer {
      case .failure(let error):
        return Drafted(step: nil, tell: { pending.refuse(error) }, refuse: pending.refuse)
      case .success(let answer):
        let isChange = !outcome.revision.changes.isEmpty
        let step = Committed(
          value: (), revision: outcome.revision, within: stretch, before: outcome.before,
          after: outcome.before + (isChange ? 1 : 0))
        return Drafted(step: isChange ? step : nil, tell: { answer(.success(step)) }, refuse: pending.refuse)
      }
    }
    self.end = end
  }
}

/// What is written by one append.
struct Batch {
  let steps: [Committed<Void>]
  private(set) var records: [RevisionRecord] = []
  private(set) var changes: [[StoredChange]] = []
  private(set) var standing: Standing
  private let encoder = BodyEncoder()

  init(_ steps: [Committed<Void>], after standing: Standing, _ secrets: Secrets) throws(LedgerError) {
    self.steps = steps
    self.standing = standing
    records.reserveCapacity(steps.count)
    changes.reserveCapacity(steps.count)
    for step in steps { try add(step, secrets) }
  }

  private mutating func add(_ step: Committed<Void>, _ secrets: Secrets) throws(LedgerError) {
    let revision = step.revision
    let (content, changes) = try RevisionContent.encode(revision, secrets, in: step.after.state, with: encoder)
    var record = RevisionRecord(
      number: revision.number, time: revision.time.timeIntervalSinceReferenceDate, content: content, chain: .zero)
    record.chain = .link(after: standing.head.chain, record)
    standing.head.chain = record.chain
    standing.head.revision = record.number
    records.append(record)
    self.changes.append(changes)
  }
}
