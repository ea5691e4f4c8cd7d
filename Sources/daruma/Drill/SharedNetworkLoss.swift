import ArgumentParser
import Foundation
import Kernel

struct SharedNetworkLoss: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "shared-network-loss",
    abstract: "Destroy the shared configuration of all gateways of the Basic zone, as in the outage of 2018.",
    discussion: """
      Fills the gateways with static NATs and load balancers of simulated instances, probes them from the public side,
      deletes every rule of the gateways at once, and watches. Exit code 0: every rule is verified again and every probed
      address answered rightly.

      Above 1000 static NATs, 1000 instances carry them by secondary addresses, evenly. The zone's guest prefix has to
      have that many addresses free: the default 10.1.0.0/16 about 65,000. A cloud that was begun with
      `daruma up --guest-range 10.4.0.0/14` has room for all.

      Example:
        sudo ./daruma drill shared-network-loss --static-nats 1000 --load-balancers 100 --members 3 --report drill.html
      """)

  @OptionGroup var state: StateOption
  @Option(help: "Static NATs, each to a guest address of its own (1 to 100000).") var staticNats = 1000
  @Option(help: "Load balancer rules (0 to 10000).") var loadBalancers = 100
  @Option(help: "Members of each load balancer rule (1 to 256).") var members = 3
  @Flag(help: "Leave what was built to the next drill.") var keep = false
  @Flag(help: "Use what an earlier drill left with --keep, instead of building it anew.") var reuse = false
  @Option(name: .customLong("json"), help: "Write the figures to this file.") var jsonPath: String?
  @Option(name: .customLong("report"), help: "Draw what happened, as an HTML page, to this file.")
  var pagePath: String?
  @Option(name: .customLong("bench"), help: "Compare with the figures of this file of `daruma bench rebuild --json`.")
  var benchPath: String?

  func validate() throws {
    guard (1...100_000).contains(staticNats) else { throw ValidationError("--static-nats is 1 to 100000") }
    guard (0...10_000).contains(loadBalancers), (1...256).contains(members), members <= staticNats else {
      throw ValidationError("--load-balancers is 0 to 10000, --members 1 to 256 and at most --static-nats")
    }
  }

  func run() async throws {
    try state.requireRoot()
    let folder = state.folder
    guard let admin = StateFolder.read(AdminFile.self, folder.admin), folder.running("manager") != nil,
      folder.running("agent") != nil
    else { throw CommandFailure("No cloud runs in \(folder.path); start one with `daruma up`.") }
    let peers = try benchPath.map { try PeerFigures(benchmark: $0) } ?? .elsewhere
    let stage = DrillStage(admin: APIClient(admin), folder: folder)
    let steps = Steps()
    let outcome = Outcome()
    try await Signals.untilTerminated {
      do {
        outcome.report = try await drill(stage, steps)
      } catch is CancellationError {
        print("\ninterrupted")
      }
    }
    if keep {
      print("  what was built stays: drill it again with --reuse")
    } else {
      try await clear(stage, steps)
    }
    guard let report = outcome.report else { throw ExitCode(130) }
    print(report.summary)
    if let jsonPath { try report.write(to: jsonPath) }
    if let pagePath { try DrillPage(report: report, bench: peers, made: Date()).write(to: pagePath) }
    if !report.isRestored { throw ExitCode(1) }
  }

  /// To its end, even when the drill was interrupted.
  private func clear(_ stage: DrillStage, _ steps: Steps) async throws {
    try await Task {
      try await steps.run("taking the drill's account, addresses and public side away") { try await stage.clear() }
    }.value
  }

  /// How many public addresses are probed at the most.
  private static let probed = 256

  /// The one place that the drill's result leaves its cancellable task by; written before the task ends, read after.
  private final class Outcome: @unchecked Sendable {
    var report: DrillReport?
  }

  private func build(_ stage: DrillStage, _ steps: Steps) async throws {
    try await steps.run("clearing what an earlier drill left") { try await stage.clear() }
    try await steps.run("account and addresses") {
      try await stage.prepare(addresses: staticNats + loadBalancers, guests: staticNats)
    }
    let instances = min(staticNats, DrillStage.instanceLimit)
    try await steps.run("\(instances) instances") { try await stage.deploy(instances) }
    if staticNats > instances {
      try await steps.run("\(staticNats - instances) secondary addresses") {
        try await stage.addAddresses(upTo: staticNats)
      }
    }
    try await steps.run("\(staticNats) static NATs") { try await stage.enableStaticNATs() }
    try await steps.run("\(loadBalancers) load balancers of \(members)") {
      try await stage.createLoadBalancers(loadBalancers, members: members)
    }
  }

  private func drill(_ stage: DrillStage, _ steps: Steps) async throws -> DrillReport {
    if reuse {
      try await steps.run("finding what an earlier drill left") {
        try await stage.find(staticNATs: staticNats, loadBalancers: loadBalancers, probed: Self.probed)
      }
    } else {
      try await build(stage, steps)
    }
    let side = try PublicSide(folder: stage.folder)
    defer { side.remove() }
    let responders = try Responders(stage.instances, in: stage.folder)
    defer { responders.stop() }
    let prober = try Prober(stage.targets(limit: Self.probed), from: side)
    defer { prober.stop() }
    try await steps.run("every probed address answers") {
      try await Up.poll(for: .seconds(20), "not every address answers") { prober.everyTargetAnswered(since: 0) }
    }
    let watch = RecoveryWatch(stage: stage, rules: (staticNats, loadBalancers, loadBalancers * members))
    try await watch.begin()
    print("\n  destroying the shared configuration of \(stage.gateways.count) gateways")
    let lossAt = try stage.destroyGateways()
    let samples = try await watch.follow(from: lossAt)
    let reachable = try await prober.waitForEveryTarget(since: lossAt, limit: .seconds(30))
    // A little more, so that the picture shows the calm after it.
    try await Task.sleep(for: .milliseconds(150))
    prober.stop()
    return DrillReport(
      rules: watch.rules, lossAt: lossAt, recovery: samples, reachableAt: reachable, probes: prober.results)
  }
}
