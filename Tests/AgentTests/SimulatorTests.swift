import Addresses
import Glibc
import Hypervisor
import Kernel
import Logging
import NodePlan
import Synchronization
import Testing

/// One bridgeless network: every port is a veth in a namespace that holds the gateway's address on each.
private final class TestNetwork: InstanceNetwork {
  let namespace: NetworkNamespace
  let routes: RouteSocket

  init(_ path: String) throws {
    namespace = try NetworkNamespace.create(at: path)
    routes = try RouteSocket(in: namespace)
  }

  func plugTap(_ port: Port) async throws -> (link: String, mtu: UInt32) { throw CancellationError() }

  func plugVeth(_ port: Port, into other: NetworkNamespace, as link: String) async throws {
    let name = "p-" + port.id
    if try routes.ensureVeth(name, peerName: link, peerNamespace: other, peerMAC: MAC(port.mac)) {
      try routes.addAddress(IPv4(0x0a01_0001), prefixLength: 32, link: name)
      try routes.setUp(name)
      try routes.replaceRoute(IPv4Prefix(IPv4(port.address), length: 32), link: name)
    }
  }

  func unplug(_ portID: String) async throws { try routes.deleteLink("p-" + portID) }

  func get(_ address: UInt32) throws -> String {
    try namespace.run {
      let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
      defer { close(descriptor) }
      var limit = timeval(tv_sec: 2, tv_usec: 0)
      setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
      setsockopt(descriptor, SOL_SOCKET, SO_SNDTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
      var target = sockaddr_in()
      target.sin_family = sa_family_t(AF_INET)
      target.sin_port = UInt16(80).bigEndian
      target.sin_addr.s_addr = address.bigEndian
      let connected = withUnsafePointer(to: &target) {
        $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { connect(descriptor, $0, 16) }
      }
      if connected != 0 { return "" }
      let request = "GET / HTTP/1.0\r\n\r\n"
      write(descriptor, request, request.utf8.count)
      var bytes: [UInt8] = []
      var buffer = [UInt8](repeating: 0, count: 4096)
      while true {
        let count = read(descriptor, &buffer, buffer.count)
        if count <= 0 { break }
        bytes += buffer[..<count]
      }
      let text = String(decoding: bytes, as: UTF8.self)
      return text.split(separator: "\r\n\r\n").last.map(String.init) ?? ""
    }
  }
}

private final class Reports: Sendable {
  private let latest = Mutex<[String: ScopeReport]>([:])
  func post(_ report: ScopeReport) { latest.withLock { $0[report.scope] = report } }
  subscript(_ id: String) -> ScopeReport? { latest.withLock { $0["instance/" + id] } }
  var failures: [String] { latest.withLock { $0.values.filter { $0.phase == .failed }.map(\.message) } }
  func verified(_ generation: UInt64) -> Int {
    latest.withLock { $0.values.count { $0.phase == .verified && $0.generation == generation } }
  }
}

private struct Node {
  let state: String
  let network: TestNetwork
  let reports = Reports()

  func host() -> InstanceHost {
    var logger = Logger(label: "test")
    logger.logLevel = .critical
    let reports = self.reports
    return InstanceHost(
      configuration: .init(state: state, templates: state + "/templates"), network: network, logger: logger
    ) { reports.post($0) }
  }

  static func id(_ number: Int) -> String {
    let text = String(number, radix: 16)
    return String(repeating: "0", count: 8 - text.count) + text + "-0000-4000-8000-000000000001"
  }

  static func address(_ number: Int) -> UInt32 { 0x0a01_0100 + UInt32(number) }

  static func objects(_ numbers: Range<Int>, poweredOn: Bool = true, bootCount: UInt32 = 1) -> [PlanObject] {
    var fabric = PlanObject()
    fabric.key = "fabric"
    fabric.fabric.guestPrefix.address = 0x0a01_0000
    fabric.fabric.guestPrefix.length = 16
    fabric.fabric.gateway = 0x0a01_0001
    return [fabric]
      + numbers.flatMap { number -> [PlanObject] in
        var port = PlanObject()
        port.key = "port/\(number)"
        port.port.id = "n\(number)"
        port.port.address = address(number)
        port.port.mac = 0x0200_0000_0000 + UInt64(number)
        port.port.hostName = "web\(number)"
        port.port.instance = id(number)
        var instance = PlanObject()
        instance.key = "instance/\(number)"
        instance.instance.id = id(number)
        instance.instance.name = "web\(number)"
        instance.instance.kind = .simulator
        instance.instance.ports = ["n\(number)"]
        instance.instance.poweredOn = poweredOn
        instance.instance.bootCount = bootCount
        return [instance, port]
      }
  }
}

@Suite("Simulator", .serialized)
struct SimulatorTests {
  private func withNode(_ body: (Node) async throws -> Void) async throws {
    try await withFolder { folder in
      try MountPoint.prepare(folder + "/run")
      let network = try TestNetwork(folder + "/run/netns/fabric")
      let result: Result<Void, any Error>
      do { result = .success(try await body(Node(state: folder, network: network))) } catch { result = .failure(error) }
      try await InstanceHost.destroyAll(state: folder)
      try NetworkNamespace.unmount(path: folder + "/run/netns/fabric")
      try MountPoint.release(folder + "/run")
      try result.get()
    }
  }

  private func namespaceInode(_ node: Node, _ number: Int) -> UInt64? {
    try? NetworkNamespace.open(path: node.state + "/run/netns/i-" + Node.id(number).filter { $0 != "-" }.prefix(12))
      .inode
  }

  @Test(.timeLimit(.minutes(1))) func `it starts, answers, stops and is removed`() async throws {
    try await withNode { node in
      let host = node.host()
      await host.apply(upserts: Node.objects(0..<2), removals: [], complete: true, generation: 5)
      try await settles("\(node.reports.failures)") { node.reports.verified(5) == 2 }
      #expect(node.reports[Node.id(1)]?.poweredOn == true)
      try await settles { try node.network.get(Node.address(1)) == "web1 10.1.1.1\n" }
      await host.apply(
        upserts: Node.objects(1..<2, poweredOn: false), removals: [], complete: false, generation: 6)
      try await settles { node.reports[Node.id(1)].map { $0.generation == 6 && $0.phase == .verified } ?? false }
      #expect(node.reports[Node.id(1)]?.poweredOn == false && namespaceInode(node, 1) == nil)
      #expect(try node.network.get(Node.address(1)) == "")
      await host.apply(upserts: [], removals: ["instance/1", "port/1"], complete: false, generation: 7)
      try await settles { node.reports[Node.id(1)].map { $0.generation == 7 && $0.phase == .verified } ?? false }
      #expect(access(node.state + "/instances/" + Node.id(1), F_OK) != 0)
      #expect(try node.network.get(Node.address(0)) == "web0 10.1.1.0\n")
    }
  }

  @Test(.timeLimit(.minutes(1)))
  func `a new agent adopts what runs, restarts what was asked to, ends what nobody wants`()
    async throws
  {
    try await withNode { node in
      await node.host().apply(upserts: Node.objects(0..<3), removals: [], complete: true, generation: 5)
      try await settles("\(node.reports.failures)") { node.reports.verified(5) == 3 }
      let before = (0..<3).map { namespaceInode(node, $0) }
      let second = node.host()
      await second.apply(
        upserts: Node.objects(0..<1) + Node.objects(1..<2, bootCount: 2), removals: [], complete: true, generation: 6)
      try await settles("\(node.reports.failures)") { node.reports.verified(6) == 3 }
      #expect(namespaceInode(node, 0) == before[0])
      #expect(namespaceInode(node, 1) != before[1] && namespaceInode(node, 1) != nil)
      #expect(namespaceInode(node, 2) == nil)
      try await settles { try node.network.get(Node.address(1)) == "web1 10.1.1.1\n" }
    }
  }

  @Test(.timeLimit(.minutes(1)))
  func `a lost namespace is noticed and the instance started again, a lost server is not`()
    async throws
  {
    try await withNode { node in
      let host = node.host()
      await host.apply(upserts: Node.objects(0..<2), removals: [], complete: true, generation: 5)
      try await settles("\(node.reports.failures)") { node.reports.verified(5) == 2 }
      let path = node.state + "/run/netns/i-000000000000"
      let namespace = try NetworkNamespace.open(path: path)
      for pid in try namespace.processes() { kill(pid, SIGKILL) }
      try await settles { try namespace.processes().isEmpty }
      await host.look()
      #expect(await host.isIdle && namespaceInode(node, 0) == namespace.inode)
      try NetworkNamespace.unmount(path: path)
      await host.look()
      try await settles { await host.isIdle }
      #expect(node.reports[Node.id(0)]?.phase == .verified && node.reports[Node.id(0)]?.repairs == 1)
      try await settles { try node.network.get(Node.address(0)) == "web0 10.1.1.0\n" }
    }
  }

  @Test(.timeLimit(.minutes(3))) func `two hundred start, and nothing of them stays`() async throws {
    try await withNode { node in
      let clock = ContinuousClock()
      let start = clock.now
      await node.host().apply(upserts: Node.objects(0..<200), removals: [], complete: true, generation: 5)
      try await settles("\(node.reports.failures.prefix(3))") { node.reports.verified(5) == 200 }
      print("200 simulators started in \(clock.now - start)")
      let inodes = (0..<200).compactMap { namespaceInode(node, $0) }
      #expect(inodes.count == 200)
      let end = clock.now
      try await InstanceHost.destroyAll(state: node.state)
      print("200 simulators destroyed in \(clock.now - end)")
      #expect(access(node.state + "/instances", F_OK) != 0)
      for inode in inodes.prefix(20) {
        try await settles { try NetworkNamespace.processes(inNamespace: inode).isEmpty }
      }
    }
  }
}
