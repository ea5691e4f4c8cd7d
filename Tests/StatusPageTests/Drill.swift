import StatusPage
import Synchronization

/// Two cells of a zone with 200 load balancer rules and 1,000 static NATs each, as they are lost and refilled.
struct Drill {
  /// 2018-07-09 12:30:00 JST
  static let begin = Moment(milliseconds: 1_531_107_000_000)

  static func at(_ seconds: Double) -> Moment { Moment(milliseconds: begin.milliseconds + Int64(seconds * 1000)) }

  static func ids() -> @Sendable () -> String {
    let counter = Counter()
    return { counter.next() }
  }

  static func loss(
    _ cell: Int, at lost: Double, applied: Double? = nil, verified: Double? = nil,
    found: Finding = .tablesDeleted, rules: Int = 1200, probes: Int = 1
  ) -> ScopeLoss {
    ScopeLoss(
      scope: "router/\(cell)", role: .edgeGateway, cellName: "cell-\(cell)", zoneName: "tokyo-1", found: found,
      rulesLost: rules, rulesWanted: 1200, probesMissed: probes, accounts: 12, addresses: 1100,
      lostAt: at(lost), detectedAt: at(lost + 0.004), appliedAt: applied.map(at), verifiedAt: verified.map(at))
  }

  static func components(_ state: ComponentState) -> [Component] {
    var list = [
      Component(id: "api", zone: "tokyo-1", series: "Basic", name: "API", state: .operational),
      Component(id: "vm", zone: "tokyo-1", series: "Basic", name: "Instances", state: .operational),
    ]
    for cell in 1...2 {
      list.append(
        Component(
          id: "lb-\(cell)", zone: "tokyo-1", series: "Basic", name: "Load balancer", cell: "cell-\(cell)", state: state)
      )
      list.append(
        Component(
          id: "nat-\(cell)", zone: "tokyo-1", series: "Basic", name: "Static NAT", cell: "cell-\(cell)", state: state))
    }
    list.append(
      Component(id: "vr", zone: "tokyo-1", series: "Isolate", name: "Virtual routers", state: .operational))
    return list
  }

  static func document(
    _ time: Double, balancer: Int = 200, nat: Int = 1000, _ losses: [ScopeLoss] = []
  ) -> StatusDocument {
    let out = nat < 1000
    let services = (1...2).flatMap { cell in
      [
        ServiceProgress(
          component: "lb-\(cell)", scope: "router/\(cell)", service: "loadbalancer", wanted: 200, verified: balancer,
          accounts: out ? 8 : 0, addressesOut: 200 - balancer),
        ServiceProgress(
          component: "nat-\(cell)", scope: "router/\(cell)", service: "staticnat", wanted: 1000, verified: nat,
          accounts: out ? 12 : 0, addressesOut: 1000 - nat),
      ]
    }
    return StatusDocument(
      time: at(time), components: components(out ? .majorOutage : .operational), services: services, losses: losses)
  }

  /// Lost at 0, load balancer 64 % and static NAT 20 % at 10 s.
  static let middle: [StatusDocument] = {
    let losses = [loss(1, at: 0), loss(2, at: 1.5)]
    return [
      document(-60),
      document(0.2, balancer: 0, nat: 0, [losses[0]]),
      document(1.6, balancer: 0, nat: 0, losses),
      document(5, balancer: 60, nat: 80, losses),
      document(10, balancer: 128, nat: 200, losses),
    ]
  }()

  static let end: [StatusDocument] = {
    let applied = [loss(1, at: 0, applied: 30), loss(2, at: 1.5, applied: 30)]
    let verified = [loss(1, at: 0, applied: 30, verified: 31), loss(2, at: 1.5, applied: 30, verified: 31.2)]
    return [document(30, balancer: 200, nat: 990, applied), document(31.4, verified), document(32, verified)]
  }()

  private final class Counter: Sendable {
    private let value = Mutex(0)

    func next() -> String {
      let number = value.withLock { value in
        value += 1
        return value
      }
      return "id" + String(String(number + 10_000_000_000).dropFirst())
    }
  }
}
