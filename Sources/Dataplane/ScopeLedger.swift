import NodePlan

/// How each scope stands: what is wanted of each service, and what was reported of it.
struct ScopeLedger {
  struct Scope {
    var wanted: [String: Int] = [:]
    /// Elements known to be missing, by service.
    var missing: [String: Int] = [:]
    /// Why objects are not in place, by key.
    var failures: [String: String] = [:]
    /// What is wrong with a whole rule set or program, by its name.
    var trouble: [String: String] = [:]
    /// The probe did not come back when the scope was verified last.
    var isCutOff = false
    /// When failed objects are put in place again, and how often that was tried.
    var retry: (at: ContinuousClock.Instant, count: Int)?
    var generation: UInt64 = 0
    /// Counts what happened to the scope, so that a look at it tells of nothing that came later.
    var turn: UInt64 = 0
    var phase = ScopePhase.applying
    var message = ""
    var lostAt: Int64 = 0
    var detectedAt: Int64 = 0
    var appliedAt: Int64 = 0
    var verifiedAt: Int64 = 0
    var repairs: UInt64 = 0
    var lastDrift = ""
    var objects = 0

    mutating func count(_ object: PlanObject, _ sign: Int) {
      objects += sign
      for (service, number) in ScopeLedger.services(object) { wanted[service, default: 0] += sign * number }
      if sign < 0 { settle(object.key) }
    }

    /// The object is in place.
    mutating func settle(_ key: String) {
      if !failures.isEmpty { failures[key] = nil }
    }
  }

  private(set) var scopes: [String: Scope] = [:]

  subscript(name: String) -> Scope {
    get { scopes[name] ?? Scope() }
    _modify { yield &scopes[name, default: Scope()] }
  }

  mutating func forget(_ name: String) { scopes[name] = nil }

  var haveFailures: Bool { scopes.values.contains { !$0.failures.isEmpty } }

  static func services(_ object: PlanObject) -> [(String, Int)] {
    switch object.body {
    case .staticNat: [("staticnat", 1)]
    case .portForward: [("portforwarding", 1)]
    case .loadBalancer(let balancer): [("loadbalancer", 1), ("member", balancer.members.count)]
    case .firewall, .securityGroup: [("firewall", 1)]
    case .port: [("port", 1), ("dhcp", 1)]
    default: []
    }
  }

  /// The service whose progress the elements of a set tell.
  static func service(ofSet set: String) -> String? {
    switch set {
    case "to_private": "staticnat"
    case "services": "loadbalancer"
    case "members": "member"
    case "forwards": "portforwarding"
    case "firewall": "firewall"
    case "ports": "port"
    default: nil
    }
  }

  /// `failedServices` are the services of objects that could not be put in place; `isGroundless`: what the others build on
  /// is among these objects.
  func report(_ name: String, failedServices: [String: Int], isGroundless: Bool) -> ScopeReport {
    let scope = self[name]
    var report = ScopeReport()
    report.scope = name
    report.generation = scope.generation
    report.phase = scope.phase
    report.message = scope.message
    report.lostAtNs = scope.lostAt
    report.detectedAtNs = scope.detectedAt
    report.appliedAtNs = scope.appliedAt
    report.verifiedAtNs = scope.verifiedAt
    report.repairs = scope.repairs
    report.lastDrift = scope.lastDrift
    // With keys the rest of the scope is verified.
    report.failedKeys =
      scope.isCutOff || isGroundless || !scope.trouble.isEmpty ? [] : scope.failures.keys.sorted()
    report.services = scope.wanted.keys.sorted().map { service in
      let wanted = max(0, scope.wanted[service] ?? 0)
      let applied = max(0, wanted - (scope.missing[service] ?? 0) - (failedServices[service] ?? 0))
      var count = ServiceCount()
      count.service = service
      count.wanted = UInt32(wanted)
      count.applied = scope.phase == .applying ? 0 : UInt32(applied)
      count.verified = scope.phase == .verified || scope.phase == .failed ? UInt32(applied) : 0
      return count
    }
    return report
  }
}
