import Foundation

/// Watches the gateways' rules come back, from what the cloud says is verified, and shows it.
final class RecoveryWatch {
  struct Sample: Sendable {
    /// Seconds since the loss.
    var seconds: Double
    var loadBalancer: Double
    var staticNAT: Double
  }

  struct Recovery: Sendable {
    /// Nanoseconds since 1970; 0 for what did not happen.
    var detectedAt: Int64 = 0
    var appliedAt: Int64 = 0
    var verifiedAt: Int64 = 0
    var isVerified = false
    var samples: [Sample] = []
  }

  let rules: (staticNAT: Int, loadBalancer: Int, member: Int)
  private let stage: DrillStage
  private let isTerminal = isatty(1) == 1
  private var baseline: [String: Int64] = [:]

  init(stage: DrillStage, rules: (Int, Int, Int)) {
    self.stage = stage
    self.rules = (rules.0, rules.1, rules.2)
  }

  private struct Gateway {
    var phase = ""
    var lostAt: Int64 = 0
    var detectedAt: Int64 = 0
    var appliedAt: Int64 = 0
    var verifiedAt: Int64 = 0
    var services: [String: (wanted: Int, verified: Int)] = [:]
  }

  private func gateways() async throws -> [Gateway] {
    let wanted = Set(stage.gateways.map(\.scope))
    return try await stage.admin.list("listDataplaneScopes").filter { wanted.contains($0["scope"] as? String ?? "") }
      .map { row in
        var gateway = Gateway()
        gateway.phase = row["phase"] as? String ?? ""
        func time(_ name: String) -> Int64 { Int64(row[name] as? Int ?? 0) * 1000 }
        gateway.lostAt = time("lostat")
        gateway.detectedAt = time("detectedat")
        gateway.appliedAt = time("appliedat")
        gateway.verifiedAt = time("verifiedat")
        for service in row["service"] as? [APIClient.Object] ?? [] {
          gateway.services[service["name"] as? String ?? ""] = (
            service["wanted"] as? Int ?? 0, service["verified"] as? Int ?? 0
          )
        }
        return gateway
      }
  }

  /// Makes sure that everything stands before it is knocked over.
  func begin() async throws {
    try await Up.poll(for: .seconds(30), "the gateways are not verified; see `daruma status`") {
      let gateways = try await self.gateways()
      return gateways.allSatisfy { $0.phase == "verified" }
        && Self.sum(gateways, "staticnat").wanted >= self.rules.staticNAT
        && Self.sum(gateways, "loadbalancer").wanted >= self.rules.loadBalancer
    }
  }

  private static func sum(_ gateways: [Gateway], _ service: String) -> (wanted: Int, verified: Int) {
    gateways.reduce((0, 0)) { total, gateway in
      let count = gateway.services[service] ?? (0, 0)
      return (total.0 + count.wanted, total.1 + count.verified)
    }
  }

  /// Follows the recovery until every rule of every gateway is verified, for two minutes at the most.
  func follow(from lossAt: Int64) async throws -> Recovery {
    var recovery = Recovery()
    let deadline = ContinuousClock.now + .seconds(120)
    while ContinuousClock.now < deadline, !recovery.isVerified {
      let gateways = try await self.gateways()
      // Until a loss is seen, the cloud still speaks of the time before it.
      let isSeen = gateways.contains { $0.lostAt > 0 && $0.detectedAt >= lossAt }
      let balancer = Self.sum(gateways, "loadbalancer")
      let nat = Self.sum(gateways, "staticnat")
      if isSeen {
        let sample = Sample(
          seconds: Double(Timestamp.now() - lossAt) / 1e9, loadBalancer: Self.share(balancer),
          staticNAT: Self.share(nat))
        recovery.samples.append(sample)
        show(sample)
      }
      recovery.detectedAt = gateways.map(\.detectedAt).filter { $0 >= lossAt }.max() ?? 0
      recovery.isVerified =
        !gateways.isEmpty
        && gateways.allSatisfy { $0.phase == "verified" && $0.detectedAt >= lossAt && $0.verifiedAt >= lossAt }
        && balancer.verified == balancer.wanted && nat.verified == nat.wanted
      if recovery.isVerified {
        recovery.appliedAt = gateways.map(\.appliedAt).max() ?? 0
        recovery.verifiedAt = gateways.map(\.verifiedAt).max() ?? 0
      }
      try await Task.sleep(for: .milliseconds(2))
    }
    if isTerminal || !recovery.samples.isEmpty { print("") }
    return recovery
  }

  private static func share(_ count: (wanted: Int, verified: Int)) -> Double {
    count.wanted == 0 ? 1 : Double(count.verified) / Double(count.wanted)
  }

  private func show(_ sample: Sample) {
    let line =
      "  load balancer \(Self.bar(sample.loadBalancer))   static NAT \(Self.bar(sample.staticNAT))   "
      + String(format: "%.3f s", sample.seconds)
    FileHandle.standardOutput.write(Data((isTerminal ? "\r\(line)" : "\(line)\n").utf8))
  }

  private static func bar(_ share: Double) -> String {
    let full = Int((share * 20).rounded(.down))
    return String(repeating: "█", count: full) + String(repeating: "░", count: 20 - full)
      + String(format: " %3.0f %%", (share * 100).rounded(.down))
  }
}
