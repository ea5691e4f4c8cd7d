internal import CloudModel
internal import FoundationEssentials

/// A transaction that waits for its turn. `run` executes the closure; what it returns tells the caller the outcome.
struct Pending: Sendable {
  typealias Answer = @Sendable (Committed<Void>) -> Void

  let cause: Cause
  let prefetches: [Prefetch]
  let run: @Sendable (inout Draft) throws -> Answer
  let refuse: @Sendable (any Error) -> Void

  init<Value: Sendable>(
    cause: Cause, prefetches: [Prefetch] = [], _ body: @escaping @Sendable (inout Draft) throws -> Value,
    _ tell: @escaping @Sendable (Result<Committed<Value>, any Error>) -> Void
  ) {
    self.cause = cause
    self.prefetches = prefetches
    run = { draft in
      let value = try body(&draft)
      return { tell(.success($0.with(value))) }
    }
    refuse = { tell(.failure($0)) }
  }
}

/// A revision that is to be written.
struct Step: Sendable {
  let committed: Committed<Void>
  /// The number of the key that its secrets are sealed under.
  let sealingKey: Int
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

  init(_ waiting: ArraySlice<Pending>, on base: Snapshot, sources: Sources) {
    Prefetch.fetch(waiting.flatMap(\.prefetches), in: base.state)
    var draft = Draft(of: base, sources: sources)
    var revisions: [Revision] = []
    var sealingKey = base.sealingKey
    typealias Outcome = (answer: Result<Pending.Answer, any Error>, revision: Revision, before: Int, sealingKey: Int)
    let outcomes = waiting.map { pending -> Outcome in
      let before = revisions.count
      draft.begin()
      let answer = Result { try pending.run(&draft) }
      if case .failure = answer { draft.undo() }
      let revision = draft.end(pending.cause)
      if !revision.changes.isEmpty { revisions.append(revision) }
      if revision.changes.contains(where: { $0.kind == SealingKey.kind }) {
        sealingKey = SealingKey.newestNumber(in: draft.state)
      }
      return (answer, revision, before, sealingKey)
    }
    let end =
      revisions.isEmpty
      ? base
      : Snapshot(
        ledger: base.ledger, epoch: base.epoch, revision: draft.nextRevision - 1, state: draft.finish(),
        sealingKey: sealingKey)
    let stretch = Stretch(from: base, to: end, revisions)
    transactions = zip(waiting, outcomes).map { pending, outcome in
      // Even a refusal may rest on what earlier drafts did, so it is told with them.
      switch outcome.answer {
      case .failure(let error):
        return Drafted(step: nil, tell: { pending.refuse(error) }, refuse: pending.refuse)
      case .success(let answer):
        let isChange = !outcome.revision.changes.isEmpty
        let committed = Committed(
          value: (), revision: outcome.revision, within: stretch, before: outcome.before,
          after: outcome.before + (isChange ? 1 : 0))
        return Drafted(
          step: isChange ? Step(committed: committed, sealingKey: outcome.sealingKey) : nil,
          tell: { answer(committed) }, refuse: pending.refuse)
      }
    }
    self.end = end
  }
}

/// Revisions as they are stored, in their order, before it is known what they follow.
struct CodedSteps {
  fileprivate let revisions: [(revision: Revision, content: [UInt8], changes: [StoredChange])]

  init(_ steps: [Step], _ secrets: Secrets) throws(LedgerError) {
    let encoder = BodyEncoder()
    var revisions: [(revision: Revision, content: [UInt8], changes: [StoredChange])] = []
    revisions.reserveCapacity(steps.count)
    for step in steps {
      let revision = step.committed.revision
      let (content, changes) = try RevisionContent.encode(revision, secrets, with: encoder, under: step.sealingKey)
      revisions.append((revision, content, changes))
    }
    self.revisions = revisions
  }
}

/// What is written by one append.
struct Batch {
  private(set) var records: [RevisionRecord] = []
  let changes: [[StoredChange]]
  private(set) var standing: Standing

  init(_ coded: CodedSteps, after standing: Standing) {
    self.standing = standing
    changes = coded.revisions.map(\.changes)
    records.reserveCapacity(coded.revisions.count)
    for (revision, content, _) in coded.revisions { add(revision, content) }
  }

  private mutating func add(_ revision: Revision, _ content: [UInt8]) {
    var record = RevisionRecord(
      number: revision.number, time: revision.time.timeIntervalSinceReferenceDate, content: content, chain: .zero)
    record.chain = .link(after: standing.head.chain, record)
    standing.head.chain = record.chain
    standing.head.revision = record.number
    records.append(record)
  }
}
