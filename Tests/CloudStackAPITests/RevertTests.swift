import CloudModel
import Control
import Foundation
import Ledger
import NodePlan
import Planning
import Testing

@testable import CloudStackAPI

@Suite struct RevertTests {
  /// A cloud with a node, and a customer with instances in both zones.
  private struct Place {
    let cloud: TestCloud
    let keys: TestCloud.Keys
    let account: String
    let network: String
    let machines: [String]
    let inner: [String]

    init(_ cloud: TestCloud) async throws {
      self.cloud = cloud
      keys = try await cloud.account("alice")
      account = try #require(
        cloud.control.state.accounts.all.first { $0.name == "alice" }?.id.description)
      let offering = try #require(
        cloud.control.state.networkOfferings.all.first { $0.guestType == .isolated && $0.forVPC != true })
      network = try #require(
        try await cloud.call(
          "createNetwork",
          ["name": "net", "networkofferingid": offering.id.description, "zoneid": try await zone(cloud, "isolate")],
          as: keys
        ).at("createnetworkresponse", "network", "id"))
      var (machines, inner): ([String], [String]) = ([], [])
      for number in 0..<2 {
        machines.append(
          try #require(
            try await cloud.done("deployVirtualMachine", try await deployment(cloud, "web\(number)"), as: keys)))
        inner.append(
          try #require(
            try await cloud.done(
              "deployVirtualMachine",
              try await deployment(cloud, "in\(number)", zone: "isolate").merging(["networkids": network]) { $1 },
              as: keys)))
      }
      self.machines = machines
      self.inner = inner
    }
  }

  private func plan(_ state: CloudState) -> [String: PlanObject] {
    Planner.plan(node: "node", state: state, revision: 0)
  }

  private func with(_ body: (TestCloud) async throws -> Void) async throws {
    let cloud = try await TestCloud(patience: .seconds(10))
    let running = Task { try await cloud.control.run() }
    let node = Task { try await ObedientNode("node").run(cloud.control) }
    do { try await body(cloud) } catch {
      node.cancel()
      running.cancel()
      throw error
    }
    node.cancel()
    running.cancel()
  }

  /// Differences in words.
  private func differences(_ one: [String: PlanObject], _ other: [String: PlanObject]) -> [String] {
    Set(one.keys).union(other.keys).sorted().filter { one[$0] != other[$0] }.map {
      "\($0): \(one[$0]?.summary ?? "-") / \(other[$0]?.summary ?? "-")"
    }
  }

  @Test(.timeLimit(.minutes(3))) func `a reverted account has the plans of then, whatever happened since`() async throws
  {
    let isFull = ProcessInfo.processInfo.environment["DARUMA_FULL"] != nil
    let seed = ProcessInfo.processInfo.environment["DARUMA_SEED"].flatMap(UInt64.init) ?? .random(in: 1...(.max))
    var random = Dice(seed)
    var (reverted, refused) = (0, [String]())
    for _ in 0..<(isFull ? 20 : 4) {
      try await with { cloud in
        let place = try await Place(cloud)
        for _ in 0..<5 {
          let mark = cloud.control.snapshot
          for _ in 0..<Int.random(in: 1...12, using: &random) { try await step(place, &random) }
          let told = try await cloud.finish(
            "revertNetwork", ["accountid": place.account, "revision": String(mark.revision)], as: place.keys)
          if let error = told {
            refused.append(error)
            continue
          }
          reverted += 1
          let left = differences(plan(cloud.control.state), plan(mark.state))
          #expect(left.isEmpty, "seed \(seed)")
        }
      }
    }
    print("seed \(seed) (DARUMA_SEED): \(reverted) reverted, \(refused.count) refused: \(Set(refused))")
    #expect(reverted >= refused.count * 3)
  }

  @Test(.timeLimit(.minutes(1))) func `single revisions are taken back, unless something was built on them`()
    async throws
  {
    try await with { cloud in
      let place = try await Place(cloud)
      let address = try #require(
        try await cloud.done("associateIpAddress", ["zoneid": try await zone(cloud)], as: place.keys))
      let mallory = try await cloud.account("mallory")
      let mark = cloud.control.snapshot
      _ = try await cloud.call(
        "enableStaticNat", ["ipaddressid": address, "virtualmachineid": place.machines[0]], as: place.keys)
      // The cloud itself may have written something between the two.
      let enabled = try #require(
        cloud.control.state.jobs.all.first {
          $0.command == "enableStaticNat" && ID<PublicIPAddress>($0.instance ?? UUID()).description == address
        }
      ).revision
      // Somebody else cannot, and learns nothing.
      #expect(try await cloud.call("revertRevision", ["revision": String(enabled)], as: mallory).status == 531)
      let preview = try await cloud.call(
        "revertRevision", ["revision": String(enabled), "dryrun": "true"], as: place.keys)
      #expect(preview.at("revertrevisionresponse", "rule", "action") == "remove")
      #expect(try await cloud.finish("revertRevision", ["revision": String(enabled)], as: place.keys) == nil)
      #expect(differences(plan(cloud.control.state), plan(mark.state)).isEmpty)
      #expect(cloud.control.state.publicIPs.all.first { $0.id.description == address }?.staticNAT == nil)
      // The revert is taken back in turn.
      let revert = try #require(
        cloud.control.state.jobs.all.first { $0.command == "revertRevision" && $0.status == .succeeded })
      #expect(try await cloud.finish("revertRevision", ["revision": String(revert.revision)], as: place.keys) == nil)
      #expect(cloud.control.state.publicIPs.all.first { $0.id.description == address }?.staticNAT != nil)
      let again = try await cloud.call("revertRevision", ["revision": String(enabled)], as: place.keys)
      #expect(again.status == 200, "it is as that revision left it")
      for number in [0, 1, 1_000_000] {
        #expect(try await cloud.call("revertRevision", ["revision": String(number)], as: place.keys).status != 200)
      }
      let made = try #require(cloud.control.state.jobs.all.first { $0.command == "deployVirtualMachine" })
      let told = try await cloud.call("revertRevision", ["revision": String(made.revision)], as: place.keys)
      #expect(told.status == 536 && told.errorText?.contains("instances are neither made nor ended") == true)
    }
  }

  @Test(.timeLimit(.minutes(1))) func `histories tell an owner its own, and the administrator everything`() async throws
  {
    try await with { cloud in
      let place = try await Place(cloud)
      let address = try #require(
        try await cloud.done("associateIpAddress", ["zoneid": try await zone(cloud)], as: place.keys))
      _ = try await cloud.done("disassociateIpAddress", ["id": address], as: place.keys)
      let told = try await cloud.call("listResourceHistory", ["resourceid": address], as: place.keys)
      #expect(Int(told.at("listresourcehistoryresponse", "count") ?? "") ?? 0 >= 2)
      #expect(told.at("listresourcehistoryresponse", "revision", "change", "kind") == "publicip")
      let mallory = try await cloud.account("mallory")
      let other = try await cloud.call("listResourceHistory", ["resourceid": address], as: mallory)
      #expect(other.status == 200 && other.at("listresourcehistoryresponse", "count") == nil)
      #expect(try await cloud.call("listRevisions", as: place.keys).status == 432)
      let all = try await cloud.call("listRevisions", ["page": "1", "pagesize": "2"])
      #expect(all.at("listrevisionsresponse", "count") == String(cloud.control.snapshot.revision))
      #expect(all.at("listrevisionsresponse", "revision", "revision") == String(cloud.control.snapshot.revision))
    }
  }

  /// One random change of the network; refusals are part of life.
  private func step(_ place: Place, _ random: inout Dice) async throws {
    let state = place.cloud.control.state
    let own = ID<Account>(place.account)
    let addresses = state.publicIPs.all.filter { $0.account == own && $0.state == .allocated }.sorted { $0.id < $1.id }
    func address() -> String { addresses.randomElement(using: &random)?.id.description ?? "" }
    func any<R: Resource>(_ table: Table<R>) -> String {
      table.all.sorted { $0.id < $1.id }.randomElement(using: &random)?.id.description ?? ""
    }
    let port = String(Int.random(in: 1...6, using: &random))
    let machine = (place.machines + place.inner).randomElement(using: &random) ?? ""
    let basic = try await zone(place.cloud)
    let (command, arguments): (String, [String: String]) =
      switch Int.random(in: 0..<18, using: &random) {
      case 0: ("associateIpAddress", ["zoneid": basic])
      case 1: ("associateIpAddress", ["networkid": place.network])
      case 2: ("disassociateIpAddress", ["id": address()])
      case 3, 4: ("enableStaticNat", ["ipaddressid": address(), "virtualmachineid": machine])
      case 5: ("disableStaticNat", ["ipaddressid": address()])
      case 6:
        (
          "createLoadBalancerRule",
          [
            "publicipid": address(), "name": "lb\(port)", "algorithm": "roundrobin", "publicport": port,
            "privateport": "80",
          ]
        )
      case 7, 8: ("assignToLoadBalancerRule", ["id": any(state.loadBalancerRules), "virtualmachineids": machine])
      case 9: ("removeFromLoadBalancerRule", ["id": any(state.loadBalancerRules), "virtualmachineids": machine])
      case 10: ("deleteLoadBalancerRule", ["id": any(state.loadBalancerRules)])
      case 11:
        ("createFirewallRule", ["ipaddressid": address(), "protocol": "tcp", "startport": port, "endport": port])
      case 12: ("deleteFirewallRule", ["id": any(state.firewallRules)])
      case 13:
        (
          "createPortForwardingRule",
          [
            "ipaddressid": address(), "protocol": "tcp", "publicport": port, "privateport": "80",
            "virtualmachineid": machine,
          ]
        )
      case 14: ("deletePortForwardingRule", ["id": any(state.portForwardingRules)])
      case 15:
        (
          "authorizeSecurityGroupIngress",
          [
            "securitygroupname": "default", "protocol": "tcp", "startport": port, "endport": port,
            "cidrlist": "0.0.0.0/0",
          ]
        )
      case 16:
        ("addIpToNic", ["nicid": state.virtualMachines[ID(machine) ?? ID(UUID())]?.nics.first?.id.description ?? ""])
      default:
        (
          "removeIpFromNic",
          ["id": state.virtualMachines[ID(machine) ?? ID(UUID())]?.nics.first?.secondary.first?.id.uuidString ?? ""]
        )
      }
    _ = try await place.cloud.finish(command, arguments, as: place.keys)
  }
}

/// Numbers that a seed decides.
private struct Dice: RandomNumberGenerator {
  private var state: UInt64

  init(_ seed: UInt64) { state = seed }

  mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var mixed = (state ^ (state >> 30)) &* 0xbf58_476d_1ce4_e5b9
    mixed = (mixed ^ (mixed >> 27)) &* 0x94d0_49bb_1331_11eb
    return mixed ^ (mixed >> 31)
  }
}
