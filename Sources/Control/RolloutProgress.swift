package import CloudModel
import FoundationEssentials
import NodePlan
import Planning
import Synchronization

/// How far a rollout has come, counted from what nodes have verified.
package struct RolloutProgress: Sendable {
  package struct Count: Sendable {
    package var wanted = 0
    package var verified = 0
  }

  package struct Router: Sendable {
    package let id: String
    package let name: String
    /// From 1.
    package let stage: Int
    /// waiting, rebuilding or changing, verified, failed.
    package let state: String
    package let count: Count
  }

  package var routers: [Router] = []
  package var services: [String: Count] = [:]
  package var accounts: [ID<Account>: Count] = [:]
  package var total = Count()
  /// Nil before anything is verified, and at the end.
  package var remainingSeconds: Int?

  package init() {}
}

extension Control {
  package func progress(of rollout: Rollout, countingAccounts: Bool) -> RolloutProgress {
    var progress = RolloutProgress()
    let state = self.state
    for (index, stage) in rollout.stages.enumerated() {
      for step in stage {
        let standing = standing(of: step.router)
        let isVerified = step.verified != nil || isDone(step, rollout, index, standing)
        let isChanging = step.number > 0 && rollout.state.isUnderWay
        var own = RolloutProgress.Count()
        for service in standing?.report.services ?? [] {
          let verified = isVerified ? Int(min(service.verified, service.wanted)) : 0
          progress.services[service.service, default: .init()].wanted += Int(service.wanted)
          progress.services[service.service, default: .init()].verified += verified
          own.wanted += Int(service.wanted)
          own.verified += verified
        }
        progress.total.wanted += own.wanted
        progress.total.verified += own.verified
        if countingAccounts {
          for (account, count) in rules(of: step.router, state) {
            progress.accounts[account, default: .init()].wanted += count
            if isVerified { progress.accounts[account, default: .init()].verified += count }
          }
        }
        progress.routers.append(
          .init(
            id: "\(ID<Cell>(step.router))",
            name: state.cells[ID(step.router)]?.name ?? state.routers[ID(step.router)]?.name
              ?? state.nodes[ID(step.router)]?.name ?? "(gone)",
            stage: index + 1,
            state: rollout.change == nil
              ? Self.word(step, rollout, index, isVerified, standing)
              : isVerified ? "verified" : isChanging ? "changing" : "waiting", count: own))
      }
    }
    let done = progress.routers.count { $0.state == "verified" }
    if rollout.state == .running, done > 0, done < progress.routers.count {
      let elapsed = Date().timeIntervalSince(rollout.created)
      progress.remainingSeconds = Int((elapsed / Double(done) * Double(progress.routers.count - done)).rounded(.up))
    }
    return progress
  }

  private func isDone(
    _ step: RolloutStep, _ rollout: Rollout, _ stage: Int, _ standing: RolloutCourse.Standing?
  ) -> Bool {
    if rollout.change != nil { return rollout.state == .running && isDone(step) }
    guard step.number > 0, stage <= rollout.stage, let standing, standing.isCurrent else { return false }
    return Int(standing.report.rebuilt) >= step.number && standing.report.phase == .verified
  }

  private func isDone(_ step: RolloutStep) -> Bool {
    guard step.number > 0, let node = step.node else { return false }
    return (step.scopes ?? []).allSatisfy { scope in
      if case .verified = nodes.standing(of: scope, on: node, since: UInt64(step.number)) { true } else { false }
    }
  }

  private static func word(
    _ step: RolloutStep, _ rollout: Rollout, _ stage: Int, _ isVerified: Bool, _ standing: RolloutCourse.Standing?
  ) -> String {
    if isVerified { return "verified" }
    if step.number > 0, let report = standing?.report, Int(report.rebuildFailed) >= step.number { return "failed" }
    return step.number > 0 && rollout.state.isUnderWay ? "rebuilding" : "waiting"
  }

  /// Customers' rules on a router, by account.
  private func rules(of router: UUID, _ state: CloudState) -> [ID<Account>: Int] {
    var counts: [ID<Account>: Int] = [:]
    func count(_ address: PublicIPAddress) {
      guard let account = address.account else { return }
      counts[account, default: 0] +=
        (address.staticNAT == nil ? 0 : 1) + state.loadBalancerRules.count("address", .id(address.id))
        + state.portForwardingRules.count("address", .id(address.id))
        + state.firewallRules.count("address", .id(address.id))
    }
    if let virtual = state.routers[ID(router)] {
      for address in state.publicIPs.matching("network", .id(virtual.network)) { count(address) }
    } else {
      for address in state.publicIPs.matching("cell", .uuid(router)) { count(address) }
    }
    return counts.filter { $0.value > 0 }
  }
}
