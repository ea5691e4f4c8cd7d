import CloudModel
import FoundationEssentials

/// What is to be done next with a revision that goes in stages, from its rollout and what the nodes report alone.
struct ChangeCourse {
  /// How a scope stands since a revision.
  enum Standing: Equatable {
    case silent
    case open(String)
    /// As a whole it has been failed or lost for so long.
    case inDoubt(String, TimeInterval)
    /// These keys could not be put in place.
    case failed(String, Set<String>)
    /// For so long.
    case verified(TimeInterval)
  }

  enum Next: Equatable {
    case wait
    /// The stage of this number; what was under way is verified.
    case begin(Int)
    case complete
    /// All that has begun is to be as it was.
    case takeBack(String)
    /// What was taken back, or let through in vain, is at its end.
    case end
  }

  let patience: TimeInterval
  /// How long a scope may be failed or lost as a whole.
  let doubt: TimeInterval
  let calm: TimeInterval
  let now: Date
  /// What the change touched: what else fails is not held against it.
  let keys: Set<String>

  /// - Parameter standing: of a scope on a node since a revision.
  func next(_ rollout: Rollout, _ standing: (String, String, UInt64) -> Standing) -> Next {
    switch rollout.state {
    case .waiting:
      return rollout.isCancelled ? .takeBack(Rollouts.changeCancelled) : rollout.stages.isEmpty ? .complete : .begin(0)
    case .running: return judge(rollout, standing)
    case .halted: return rollout.isForced == true ? .end : rollout.isCancelled ? .takeBack(rollout.reason) : .wait
    case .returning:
      let isBack = rollout.steps.allSatisfy { step in
        step.number == 0 || whyOpen(step, rollout, UInt64(rollout.reverted ?? 0), standing) == nil
      }
      return isBack || age(rollout) > patience ? .end : .wait
    case .completed, .failed, .cancelled: return .wait
    }
  }

  private func age(_ rollout: Rollout) -> TimeInterval { rollout.stageBegan.map { now.timeIntervalSince($0) } ?? 0 }

  private func judge(_ rollout: Rollout, _ standing: (String, String, UInt64) -> Standing) -> Next {
    guard rollout.stages.indices.contains(rollout.stage) else { return .complete }
    // What was let through has to prove itself with all that failed before.
    let earlier = rollout.isForced == true ? rollout.stages[..<rollout.stage].flatMap { $0 } : []
    var open: String?
    for step in earlier where step.number > 0 {
      switch whyOpen(step, rollout, UInt64(step.number), standing) {
      case .failed(let why)?, .open(let why)?: open = why
      case nil: break
      }
    }
    for step in rollout.stages[rollout.stage] where step.number > 0 {
      switch whyOpen(step, rollout, UInt64(step.number), standing) {
      case .failed(let why)?: return .takeBack(why)
      case .open(let why)?: open = why
      case nil: break
      }
    }
    if let open {
      return age(rollout) > patience ? .takeBack("not verified after \(Int(patience)) s: \(open)") : .wait
    }
    if rollout.isCancelled { return .takeBack(Rollouts.changeCancelled) }
    return rollout.stage + 1 < rollout.stages.count ? .begin(rollout.stage + 1) : .complete
  }

  private enum Obstacle {
    case open(String)
    case failed(String)
  }

  /// Why a step does not count yet; nil if it does.
  private func whyOpen(
    _ step: RolloutStep, _ rollout: Rollout, _ revision: UInt64, _ standing: (String, String, UInt64) -> Standing
  ) -> Obstacle? {
    guard let node = step.node else { return nil }
    var obstacle: Obstacle?
    for scope in step.scopes ?? [] {
      switch standing(scope, node, revision) {
      case .silent: obstacle = .open("node \(node) says nothing")
      case .open(let why): obstacle = .open("\(scope) \(why)")
      case .inDoubt(let why, let time):
        if min(time, age(rollout)) > doubt { return .failed("\(scope): \(why)") }
        obstacle = .open("\(scope): \(why)")
      case .failed(let why, let failed):
        if !failed.intersection(keys).isSubset(of: step.faults) { return .failed("\(scope): \(why)") }
      case .verified(let time):
        if min(time, age(rollout)) < calm { obstacle = .open("\(scope) was verified just now") }
      }
    }
    return obstacle
  }
}

extension Rollout {
  /// Why it failed, without what keeps it from being taken back.
  var reason: String {
    message.firstRange(of: Rollouts.obstacle).map { String(message[..<$0.lowerBound]) } ?? message
  }
}

extension Rollouts {
  /// Why a cancelled change is taken back.
  static let changeCancelled = "It was cancelled"
  static let obstacle = "; it is not taken back: "
}
