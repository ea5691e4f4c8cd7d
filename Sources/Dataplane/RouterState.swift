import Addresses
import Kernel
import NodePlan

/// A router as the plan has it, with what its objects add up to.
struct RouterState {
  var key: String
  var scope: String
  var router: Router
  /// Ingress rules by public address, and egress rules.
  var firewall: [UInt32: [String: FilterRule]] = [:]
  var egress: [String: FilterRule] = [:]
  var addresses: [String: UInt32] = [:]
  var hosts: [String: Dnsmasq.Host] = [:]
  /// Load balancers that haproxy serves, and where.
  var proxied: [String: (port: UInt16, balancer: LoadBalancer)] = [:]
  var balancers: [String: LoadBalancer] = [:]
  var users: [MemberChecks.Member: Set<String>] = [:]
  var dnsmasq: Daemon?
  var dnsmasqSettings: Dnsmasq.Settings?
  var haproxy: Daemon?
  var haproxyText = ""
  var responder: ProbeResponder?
  var failedProbes = 0
  /// What the rules in memory are rendered by.
  var renderer = Renderer(1, fault: nil)
  /// What those in the kernel were rendered by at the last rebuild.
  var rendering = Rendering()

  var place: String { Names.router(router.id) }
  var isVirtual: Bool { router.kind == .virtual }

  func elements(of forward: PortForward) throws(DataplaneError) -> [SetElement] {
    try isVirtual ? TranslationTable.elements(of: forward) : EdgeTable.elements(of: forward)
  }

  func freeProxyPort() throws(DataplaneError) -> UInt16 {
    let taken = Set(proxied.values.map(\.port))
    for port in Haproxy.firstPort..<60000 where !taken.contains(port) { return port }
    throw DataplaneError(.invalid, "a router serves at most 40000 load balancers of least connections")
  }
}

/// A router that is not wanted any more, until all of it has ended.
struct Departure {
  var state: RouterState
  /// Of the router's own plan object.
  var key: String
  /// Keeps the namespace.
  var place: Place?
}
