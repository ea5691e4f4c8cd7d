package import FoundationEssentials

/// Something that is done to many routers of a zone, a few at a time: each stage is verified before the next one begins, and the
/// first failure ends it. Routers are rebuilt, or follow a revision that concerns many customers.
package struct Rollout: Resource {
  package static let kind = "rollout"
  package static var table: TablePath<Rollout> { \.rollouts }
  package static let indexes: [Index<Rollout>] = [
    Index("account", of: { $0.account }),
    Index("zone", of: { $0.zone }),
    Index("underway") { $0.state.isUnderWay ? [.number(1)] : [] },
  ]

  package let id: ID<Rollout>
  package var zone: ID<Zone>
  /// Whose it is: the account of who asked for it, or the system's.
  package var account: ID<Account>
  /// The revision whose part in the plans each router gets in its stage; nil is a rebuild.
  package var change: UInt64?
  /// The job of that revision, which ends with this.
  package var job: ID<AsyncJob>?
  /// Who asked for that revision.
  package var user: ID<User>?
  /// The revision that took it back.
  package var reverted: UInt64?
  /// What a failure left waiting follows all the same, because an operator wants it.
  package var isForced: Bool?
  /// The revision that ended it. What was waiting until then follows with it.
  package var ended: UInt64?
  /// The version of the rules that the routers are rendered with from then on; nil leaves it as it is.
  package var renderer: Int?
  package var stages: [[RolloutStep]]
  /// The stage under way.
  package var stage: Int
  package var state: RolloutState
  /// It ends with the stage under way.
  package var isCancelled: Bool
  /// Why it did not end well.
  package var message: String
  package var created: Date
  /// When the stage under way began.
  package var stageBegan: Date?
  package var completed: Date?

  package init(
    id: ID<Rollout>, zone: ID<Zone>, account: ID<Account>, renderer: Int? = nil,
    stages: [[RolloutStep]], stage: Int = 0, state: RolloutState = .waiting, message: String = "", created: Date
  ) {
    self.id = id
    self.zone = zone
    self.account = account
    self.renderer = renderer
    self.stages = stages
    self.stage = stage
    self.state = state
    isCancelled = false
    self.message = message
    self.created = created
  }

  package var steps: [RolloutStep] { stages.flatMap { $0 } }
}

/// One router of a rollout: a cell's gateway or a virtual router, by its id. Of a change also a node, for what is no router's.
package struct RolloutStep: Codable, Hashable, Sendable {
  package var router: UUID
  /// The rebuild that was asked for, or the revision that a change goes on with; 0 before the stage has begun.
  package var number: Int
  package var formerRenderer: Int?
  /// Keys that could not be put in place before already; they are not held against the step.
  package var faults: [String]
  package var verified: Date?
  /// Where a change takes place: the node, by name, and the scopes of its plan.
  package var node: String?
  package var scopes: [String]?

  package init(
    router: UUID, number: Int = 0, formerRenderer: Int? = nil, faults: [String] = [], verified: Date? = nil
  ) {
    self.router = router
    self.number = number
    self.formerRenderer = formerRenderer
    self.faults = faults
    self.verified = verified
  }
}

package enum RolloutState: String, Codable, Hashable, Sendable {
  /// For its turn: one at a time goes through a zone.
  case waiting = "Waiting"
  case running = "Running"
  /// The routers of the stage are to be as they were before it.
  case returning = "Returning"
  /// It failed and cannot be taken back by itself. What has not begun waits until somebody decides.
  case halted = "Halted"
  case completed = "Completed"
  case failed = "Failed"
  case cancelled = "Cancelled"

  package var isUnderWay: Bool { self == .waiting || self == .running || self == .returning || self == .halted }
}
