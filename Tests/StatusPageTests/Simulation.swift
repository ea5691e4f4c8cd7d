import StatusPage

/// Numbers that are the same again with the same seed.
struct Seeded: RandomNumberGenerator {
  private var state: UInt64

  init(_ seed: UInt64) { state = seed }

  mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var z = state
    z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
    z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
    return z ^ (z >> 31)
  }
}

/// A cloud of some components, each seen by several sources, on a clock that stands still between steps.
struct SimulatedCloud {
  struct Part {
    var component: Component
    var kind: FaultKind
    /// What each source sees; a source that is not answering keeps its last look.
    var looks: [LookSource: Look]
  }

  var now = Drill.begin
  var parts: [Part]
  var course: IncidentCourse
  var losses: [ScopeLoss] = []
  var actions: [PlannedAction] = []
  var mute: Set<LookSource> = []

  static let kinds: [(FaultKind, String)] = [
    (.api, "API"), (.console, "Console"), (.instances, "Instances"), (.gateway, "Gateways"),
    (.loadBalancer, "Load balancer"), (.staticNAT, "Static NAT"), (.fabric, "Fabric"),
    (.virtualRouter, "Virtual routers"), (.dhcpDNS, "DHCP and DNS"), (.storage, "Storage"), (.node, "Nodes"),
  ]

  init(policy: IncidentPolicy = IncidentPolicy()) {
    course = IncidentCourse(policy: policy, newID: Drill.ids())
    parts = Self.kinds.map { kind, name in
      Part(
        component: Component(id: kind.rawValue, zone: "tokyo-1", series: "Basic", name: name, state: .operational),
        kind: kind,
        looks: Dictionary(
          uniqueKeysWithValues: [LookSource.packets, .agent, .outside].map {
            ($0, Look($0, isFailing: false, since: Drill.begin, at: Drill.begin))
          }))
    }
  }

  func index(_ kind: FaultKind) -> Int { parts.firstIndex { $0.kind == kind } ?? 0 }

  mutating func see(_ kind: FaultKind, _ sources: [LookSource], failing: Bool) {
    for source in sources where parts[index(kind)].looks[source]?.isFailing != failing {
      parts[index(kind)].looks[source] = Look(source, isFailing: failing, since: now, at: now)
    }
  }

  /// Everybody who is not mute looks again, then the course hears of it.
  mutating func step(_ seconds: Double) {
    now = Moment(milliseconds: now.milliseconds + Int64(seconds * 1000))
    for index in parts.indices {
      for source in parts[index].looks.keys where !mute.contains(source) { parts[index].looks[source]?.at = now }
    }
    _ = course.take(
      StatusDocument(
        time: now, components: parts.map(\.component), services: [], losses: losses,
        observations: parts.map {
          Observation(component: $0.component.id, kind: $0.kind, looks: Array($0.looks.values))
        },
        actions: actions))
  }

  mutating func run(_ seconds: Int) { for _ in 0..<seconds { step(1) } }
}
