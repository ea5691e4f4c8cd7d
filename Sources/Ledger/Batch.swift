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

  /// Runs the closure on the state that earlier drafts led to, and moves that state on.
  init(_ pending: Pending, on tip: inout Snapshot, sources: Sources) {
    refuse = pending.refuse
    do {
      var draft = Draft(of: tip, sources: sources)
      let answer = try pending.run(&draft)
      let step = draft.step(from: tip, cause: pending.cause)
      tip = step.after
      self.step = step.revision.changes.isEmpty ? nil : step
      tell = { answer(.success(step)) }
    } catch {
      // Even a refusal may rest on what earlier drafts did, so it is told with them.
      step = nil
      tell = { pending.refuse(error) }
    }
  }
}

/// What is written by one append.
struct Batch {
  let steps: [Committed<Void>]
  private(set) var records: [RevisionRecord] = []
  private(set) var changes: [[StoredChange]] = []
  private(set) var standing: Standing

  init(_ steps: [Committed<Void>], after standing: Standing, _ secrets: Secrets) throws(LedgerError) {
    self.steps = steps
    self.standing = standing
    records.reserveCapacity(steps.count)
    changes.reserveCapacity(steps.count)
    for step in steps { try add(step, secrets) }
  }

  private mutating func add(_ step: Committed<Void>, _ secrets: Secrets) throws(LedgerError) {
    let revision = step.revision
    let (content, changes) = try RevisionContent.encode(revision, secrets, in: step.after.state)
    var record = RevisionRecord(
      number: revision.number, time: revision.time.timeIntervalSinceReferenceDate, content: content, chain: .zero)
    record.chain = .link(after: standing.head.chain, record)
    standing.head.chain = record.chain
    standing.head.revision = record.number
    records.append(record)
    self.changes.append(changes)
  }
}
