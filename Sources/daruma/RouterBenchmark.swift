import Addresses
import Dataplane
import Foundation
import Logging
import NodePlan
import Synchronization

/// Builds virtual routers on one node, each with 8 rules, DHCP and DNS, until all are verified.
struct RouterBenchmark {
  let count: Int
  let folder: String

  private struct Nobody: MetadataSource {
    func metadata(router: String, client: IPv4) -> InstanceMetadata? { nil }
  }

  private final class Reports: Sendable {
    let verified = Mutex(Set<String>())
    func note(_ report: ScopeReport) {
      verified.withLock { verified in
        if report.phase == .verified { verified.insert(report.scope) } else { verified.remove(report.scope) }
      }
    }
  }

  func run() async throws -> String {
    let configuration = NetworkConfiguration(stateDirectory: folder, node: "measured")
    let reports = Reports()
    var logger = Logger(label: "rebuild")
    logger.logLevel = .error
    let plan = ground + (0..<count).flatMap(router)
    let network = NodeNetwork(configuration: configuration, metadata: Nobody(), logger: logger) { reports.note($0) }
    let begin = ContinuousClock.now
    try await network.start()
    await network.apply(PlanChange(generation: 1, complete: true, upserts: plan))
    let limit = ContinuousClock.now + .seconds(600)
    func missing() -> Int {
      reports.verified.withLock { verified in (0..<count).count { !verified.contains("router/\(identifier($0))") } }
    }
    while missing() > 0, ContinuousClock.now < limit { try await Task.sleep(for: .milliseconds(5)) }
    let time = ContinuousClock.now - begin
    let seconds = Double(time.components.seconds) + Double(time.components.attoseconds) / 1e18
    let unverified = missing()
    let programs = Self.programs()
    await network.stop()
    try await NodeNetwork.destroy(configuration: configuration)
    return
      #"{"routers": \#(count), "seconds": \#(seconds), "unverified": \#(unverified), "dnsmasq": \#(programs), "memory_mib": \#(RebuildBenchmark.peakMiB)}"#
  }

  private static func programs() -> Int {
    let all = (try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? []
    return all.filter { process in
      Int(process) != nil
        && (try? String(contentsOfFile: "/proc/\(process)/comm", encoding: .utf8))?.hasPrefix("dnsmasq") == true
    }.count
  }

  private func identifier(_ number: Int) -> String {
    let digits = String(number, radix: 16)
    return "d1000000-" + String(repeating: "0", count: 4 - digits.count) + digits + "-4000-8000-000000000001"
  }

  private func object(_ key: String, _ scope: String, _ body: PlanObject.OneOf_Body) -> PlanObject {
    var object = PlanObject()
    object.key = key
    object.scope = scope
    object.body = body
    return object
  }

  private func prefix(_ address: UInt32, _ length: UInt32) -> Prefix {
    var prefix = Prefix()
    prefix.address = address
    prefix.length = length
    return prefix
  }

  private var ground: [PlanObject] {
    var wan = Wan()
    wan.hostLink = "daruma-m"
    wan.hostAddress = 0xCB00_7101
    wan.wanAddress = 0xCB00_71FE
    wan.hostRoutes = [prefix(0xCB00_7100, 24)]
    var fabric = Fabric()
    fabric.zone = "measured"
    fabric.guestPrefix = prefix(0x0A01_0000, 16)
    fabric.gateway = 0x0A01_0001
    fabric.probeTarget = 0xA9FE_FD02
    return [object("wan", "wan", .wan(wan)), object("fabric", "fabric", .fabric(fabric))]
  }

  private func router(_ number: Int) -> [PlanObject] {
    let id = identifier(number)
    let scope = "router/\(id)"
    let first = 0xC612_0000 + UInt32(number) * 4
    var network = GuestNetwork()
    network.id = "f" + id.dropFirst()
    network.vni = UInt32(number + 1)
    network.mtu = 1450
    var router = Router()
    router.id = id
    router.kind = .virtual
    router.network = network.id
    router.guestPrefix = prefix(0x0A09_0000, 24)
    router.gateway = 0x0A09_0001
    router.sourceNat = first
    router.dns = [0xCB00_7101]
    router.domainName = "net.internal"
    router.probeAddress = 0xC613_0000 + UInt32(number)
    var objects = [
      object("network/\(network.id)", "network/\(network.id)", .network(network)),
      object(scope, scope, .router(router)),
    ]
    for step in 0..<3 {
      var address = PublicAddress()
      address.router = id
      address.address = first + UInt32(step)
      objects.append(object("address/\(id)/\(step)", scope, .address(address)))
    }
    return objects + rules(id, scope, first)
  }

  /// Two static NATs, two port forwardings, a load balancer of two members, three firewall rules.
  private func rules(_ id: String, _ scope: String, _ first: UInt32) -> [PlanObject] {
    var objects: [PlanObject] = []
    for step in 1...2 as ClosedRange<UInt32> {
      var nat = StaticNAT()
      nat.router = id
      nat.public = first + step
      nat.private = 0x0A09_000A + step
      objects.append(object("nat/\(id)/\(step)", scope, .staticNat(nat)))
      var forward = PortForward()
      forward.router = id
      forward.public = first
      forward.protocol = 6
      forward.publicFirst = 8000 + step
      forward.publicLast = 8000 + step
      forward.private = 0x0A09_000A + step
      forward.privateFirst = 80
      objects.append(object("forward/\(id)/\(step)", scope, .portForward(forward)))
    }
    var balancer = LoadBalancer()
    balancer.router = id
    balancer.public = first
    balancer.protocol = 17
    balancer.publicPort = 53
    balancer.members = (1...2 as ClosedRange<UInt32>).map { step in
      var member = LoadBalancer.Member()
      member.address = 0x0A09_000A + step
      member.port = 53
      return member
    }
    objects.append(object("lb/\(id)", scope, .loadBalancer(balancer)))
    for port in [80, 443, 8001] as [UInt32] {
      var rule = FilterRule()
      rule.router = id
      rule.public = first
      rule.match.protocol = 6
      rule.match.firstPort = port
      rule.match.lastPort = port
      rule.match.icmpType = -1
      rule.match.icmpCode = -1
      objects.append(object("firewall/\(id)/\(port)", scope, .firewall(rule)))
    }
    return objects
  }
}
