import CloudModel
import FoundationEssentials
import NodePlan

/// What is to be done with a rollout next, from the rollout and what the nodes report alone.
struct RolloutCourse {
  /// How a router stands, as its node said last and still says.
  struct Standing {
    var report: ScopeReport
    /// Its node is connected, and reported it since.
    var isCurrent: Bool
  }

  enum Next: Equatable {
    case wait
    /// The stage of this number; what was under way is verified.
    case begin(Int)
    case complete
    case cancel
    /// The stage under way does not come out right.
    case halt(String)
    case returned
  }

  let patience: TimeInterval
  let calm: TimeInterval
  let now: Date

  func next(_ rollout: Rollout, _ standing: (UUID) -> Standing?) -> Next {
    switch rollout.state {
    case .waiting: return rollout.isCancelled ? .cancel : rollout.stages.isEmpty ? .complete : .begin(0)
    case .running: return judge(rollout, standing)
    case .returning:
      let isBack = rollout.stages[rollout.stage].allSatisfy { $0.number == 0 || isReturned($0, standing($0.router)) }
      return isBack || isLate(rollout) ? .returned : .wait
    case .halted, .completed, .failed, .cancelled: return .wait
    }
  }

  private func isLate(_ rollout: Rollout) -> Bool {
    rollout.stageBegan.map { now.timeIntervalSince($0) > patience } ?? false
  }

  private func judge(_ rollout: Rollout, _ standing: (UUID) -> Standing?) -> Next {
    guard rollout.stages.indices.contains(rollout.stage) else { return .complete }
    var open: String?
    for step in rollout.stages[rollout.stage] where step.number > 0 {
      let found = standing(step.router)
      if let report = found?.report, Int(report.rebuildFailed) >= step.number { return .halt(report.rebuildFailure) }
      if let why = whyOpen(step, found, rollout) { open = why }
    }
    if let open { return isLate(rollout) ? .halt("not verified after \(Int(patience)) s: \(open)") : .wait }
    if rollout.isCancelled { return .cancel }
    return rollout.stage + 1 < rollout.stages.count ? .begin(rollout.stage + 1) : .complete
  }

  /// Why a step does not count yet; nil if it does.
  private func whyOpen(_ step: RolloutStep, _ standing: Standing?, _ rollout: Rollout) -> String? {
    guard let standing, standing.isCurrent else { return "the node of router \(Self.text(step.router)) says nothing" }
    let report = standing.report
    if Int(report.rebuilt) < step.number { return "router \(Self.text(step.router)) is not rebuilt" }
    guard Self.isSound(report, step) else {
      return "router \(Self.text(step.router)) is \(report.phase), \(report.message)"
    }
    guard rollout.renderer != nil else { return nil }
    // Rules that were never there before have to prove themselves for a while.
    let age = now.timeIntervalSince1970 - Double(report.verifiedAtNs) / 1e9
    return age < calm ? "router \(Self.text(step.router)) was verified just now" : nil
  }

  /// Verified, but for what could not be put in place before either.
  private static func isSound(_ report: ScopeReport, _ step: RolloutStep) -> Bool {
    if report.phase == .verified { return true }
    return report.phase == .failed && !report.failedKeys.isEmpty
      && Set(report.failedKeys).isSubset(of: step.faults)
  }

  private func isReturned(_ step: RolloutStep, _ standing: Standing?) -> Bool {
    guard let standing, standing.isCurrent else { return false }
    return Int(max(standing.report.rebuilt, standing.report.rebuildFailed)) >= step.number
      && Int(max(1, standing.report.renderer)) == step.formerRenderer ?? 1 && Self.isSound(standing.report, step)
  }

  private static func text(_ id: UUID) -> String { ID<Cell>(id).description }
}
