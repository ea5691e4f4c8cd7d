package import CloudModel
import Crypto
import FoundationEssentials
package import Ledger
package import Logging
import NodePlan
import Planning
import Synchronization

/// The cloud's use cases. Each is a transaction on the ledger; what takes long is a job that ends when the nodes have verified
/// what it asked for.
package final class Control: Sendable {
  package let ledger: any LedgerView
  /// Of the lease under which this manager leads; 0 where there is none.
  let fence: UInt64
  package let logger: Logger
  package let throttle = Throttle()
  let nodes: NodeBoard
  let settings: ControlSettings
  let jobResult: @Sendable (AsyncJob, CloudState) -> String
  let jobWaits = JobWaits()

  /// - Parameters:
  ///   - fence: of the lease under which this manager leads, if there are several.
  ///   - jobResult: renders what queryAsyncJobResult answers for a succeeded job.
  package init(
    ledger: any LedgerView, fence: UInt64 = 0, settings: ControlSettings = .init(), logger: Logger,
    jobResult: @escaping @Sendable (AsyncJob, CloudState) -> String
  ) {
    self.ledger = ledger
    self.fence = fence
    self.logger = logger
    self.settings = settings
    self.jobResult = jobResult
    self.nodes = NodeBoard(fed: ledger.snapshot.revision)
  }

  package var snapshot: Snapshot { ledger.snapshot }
  package var state: CloudState { ledger.snapshot.state }

  /// Runs until cancelled: feeds plans to nodes, finishes jobs, and does what is due by time.
  package func run() async throws {
    try await furnish()
    await takeUpVolumes()
    await takeUpSystemVMs()
    await putMissingVPCDefaults()
    try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask { try await self.feedPlans() }
      group.addTask { try await self.sweep() }
      group.addTask { try await self.driveRollouts() }
      try await group.next()
      group.cancelAll()
    }
  }

  /// One transaction; violated rules of the model become errors that the caller can read.
  func transact<Value: Sendable>(
    _ cause: Cause, prefetching prefetches: [Prefetch] = [],
    _ body: @escaping @Sendable (inout Draft) throws -> Value
  ) async throws -> Value {
    if let reason = nodes.state.withLock({ $0.distrust }) {
      throw ControlError(.resourceUnavailable, "The manager refuses to change anything: \(reason)")
    }
    let whole = Self.whole(body)
    do {
      // What somebody asks for may concern many customers, and then goes in stages.
      guard cause.user != nil else {
        if Self.isPreviewing { throw try preview(cause, whole) }
        return try await ledger.transact(cause, prefetching: prefetches, whole).value
      }
      let staged: @Sendable (inout Draft) throws -> Value = { draft in
        let before = draft.state
        let value = try whole(&draft)
        let resources = Breadth.touched(draft, before)
        let planned = self.differences(resources, before, draft.state, draft.nextRevision)
        try Breadth.stage(planned, cause, before, self.settings, &draft)
        return value
      }
      if Self.isPreviewing { throw try preview(cause, staged) }
      do {
        return try await ledger.transact(cause, prefetching: prefetches) { draft in
          let value = try whole(&draft)
          if Breadth.isDoubtful(draft) { throw Breadth.Doubt() }
          return value
        }.value
      } catch is Breadth.Doubt {
        return try await ledger.transact(cause, staged).value
      }
    } catch let error as ModelError {
      throw ControlError(.invalidParameter, error.message)
    } catch let error as LedgerError {
      logger.error("ledger refused a transaction", metadata: ["error": "\(error)"])
      guard error.code != .failed else {
        throw ControlError(
          .internalError, "It is not known whether the change was stored; look before you try again")
      }
      throw ControlError(.internalError, "The change could not be stored; nothing was changed. Try again later")
    }
  }

  /// Several transactions of the system, each with a revision of its own.
  func transact<Value: Sendable>(
    all transactions: [(cause: Cause, body: @Sendable (inout Draft) throws -> Value)]
  ) async -> [Result<Value, any Error>] {
    if let reason = nodes.state.withLock({ $0.distrust }) {
      let refusal = ControlError(.resourceUnavailable, "The manager refuses to change anything: \(reason)")
      return transactions.map { _ in .failure(refusal) }
    }
    return await ledger.transact(all: transactions.map { ($0.cause, Self.whole($0.body)) }).map { $0.map(\.value) }
  }

  /// A transaction with what every one has to see to.
  private static func whole<Value>(
    _ body: @escaping @Sendable (inout Draft) throws -> Value
  ) -> @Sendable (inout Draft) throws -> Value {
    { draft in
      let value = try body(&draft)
      try SystemVMs.keep(&draft)
      try Annexes.removeOrphans(&draft)
      try draft.requireReferences()
      return value
    }
  }

  func cause(_ caller: Caller, _ command: String) -> Cause {
    Cause(actor: "user/\(caller.user)", command: command, job: nil)
  }

  /// The enabled user of an API key and its secret, or nil.
  package func caller(apiKey: String) -> (caller: Caller, secretKey: String)? {
    let state = self.state
    guard let user = state.users.first("apikey", .text(apiKey)), user.enabled, let secret = user.secretKey,
      let account = state.accounts[user.account], account.state == .enabled
    else { return nil }
    return (Caller(user: user, account: account), secret)
  }

  /// The user as it stands now, if it may call anything still.
  package func caller(user id: ID<User>) -> Caller? {
    let state = self.state
    guard let user = state.users[id], user.enabled, let account = state.accounts[user.account],
      account.state == .enabled
    else { return nil }
    return Caller(user: user, account: account)
  }
}

package struct ControlSettings: Sendable {
  /// How long a call that is synchronous on the wire waits for the nodes.
  package var syncTimeout: Duration = .seconds(60)
  /// How old a job may be for who asks for it to be answered when it ends, and not before. Zero where another manager leads:
  /// nobody tells of ends there.
  package var jobYouth: Duration = .milliseconds(250)
  /// The share of a zone's routers that a rollout works on at once; at least one.
  package var stageShare = 0.25
  /// How long the routers of a stage may take until they are verified.
  package var stagePatience: Duration = .seconds(120)
  /// How long what a stage of a change touched may be failed or lost as a whole.
  package var stageDoubt: Duration = .seconds(10)
  /// The share of a zone's customers up to which a revision that concerns several goes to all at once.
  package var changeShare = 0.25
  /// How long routers that are rendered anew have to stay verified before the next stage.
  package var stageCalm: Duration = .seconds(1)

  package init() {}
}
