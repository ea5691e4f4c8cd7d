import CloudModel
import Control
import FoundationEssentials
import Ledger
import NodePlan
import StatusPage

/// What was done to the cloud lately, as the ledger has it and as the nodes tell: for the timelines of incidents, and for
/// planned work that follows a deed.
struct Deeds {
  private var noted: [Fact]
  private var connected: Set<String>?
  private var refusing: Set<String> = []
  private var held: Set<String> = []
  private var examined: Set<String> = []
  /// Maintenance of hosts that nodes carry, under way or lately ended, by its action's id.
  private var maintenance: [String: PlannedAction] = [:]

  /// In seconds; an incident takes what happened from ten minutes before it.
  static let memory = 3600.0
  static let limit = 200
  /// Revisions that are looked through for what came before a loss.
  static let revisions: UInt64 = 300

  init(now: Moment) {
    noted = [
      Fact(
        at: now, text: Wording(ja: "管理サーバーがクラウドの状態の把握を始めました", en: "The manager began to watch the cloud"))
    ]
  }

  /// What planned work may be bound to.
  mutating func actions(_ state: CloudState, now: Moment) -> [PlannedAction] {
    watchHosts(state, now)
    return (Self.updates(state) + maintenance.values).sorted { $0.id < $1.id }
  }

  /// `host-maintenance/<host>`, which ends when the host takes instances again.
  private mutating func watchHosts(_ state: CloudState, _ now: Moment) {
    for host in state.nodes.all.flatMap({ state.hosts.matching("node", .text($0.name)) }) {
      let id = "host-maintenance/\(host.name)"
      let isUnderWay = host.resourceState == .preparing || host.resourceState == .maintenance
      switch (maintenance[id]?.state, isUnderWay) {
      case (.running, false): maintenance[id] = PlannedAction(id: id, state: .done, at: now)
      case (.running, true), (_, false): break
      case (_, true): maintenance[id] = PlannedAction(id: id, state: .running, at: now)
      }
    }
    maintenance = maintenance.filter { $0.value.state == .running || !Self.isOld($0.value.at, now) }
  }

  /// The newest rebuild of each zone's gateways and routers, as `gateway-update/<zone>`.
  private static func updates(_ state: CloudState) -> [PlannedAction] {
    var newest: [ID<Zone>: Rollout] = [:]
    for rollout in state.rollouts.all
    where rollout.change == nil && rollout.created > newest[rollout.zone]?.created ?? .distantPast {
      newest[rollout.zone] = rollout
    }
    return newest.values.compactMap { rollout in
      guard let zone = state.zones[rollout.zone] else { return nil }
      let (word, at): (PlannedAction.State, Date) =
        switch rollout.state {
        case .waiting: (.waiting, rollout.created)
        case .running, .returning, .halted: (.running, rollout.created)
        case .completed: (.done, rollout.completed ?? rollout.created)
        case .failed, .cancelled: (.failed, rollout.completed ?? rollout.created)
        }
      return PlannedAction(id: "gateway-update/\(zone.name)", state: word, at: Moment(at))
    }
  }

  mutating func facts(
    _ health: Health, _ state: CloudState, _ losses: [ScopeLoss], _ control: Control, now: Moment
  ) -> [Fact] {
    watch(health, state, now)
    for loss in losses where now.milliseconds - loss.lostAt.milliseconds < 60_000 {
      guard examined.insert("\(loss.scope) \(loss.lostAt.milliseconds)").inserted else { continue }
      noted.append(Self.changes(before: loss, control))
    }
    if examined.count > 10_000 { examined = [] }
    noted.removeAll { Self.isOld($0.at, now) }
    let facts = (noted + Self.rollouts(state, now) + Self.restorations(state, now)).sorted { $0.at < $1.at }
    return Array(facts.suffix(Self.limit))
  }

  private static func isOld(_ at: Moment, _ now: Moment) -> Bool {
    Double(now.milliseconds - at.milliseconds) / 1000 > memory
  }

  /// What no revision tells: nodes that come and go, or do not do what they are told.
  private mutating func watch(_ health: Health, _ state: CloudState, _ now: Moment) {
    let present = Set(health.connectedNodes)
    if let connected {
      for node in connected.subtracting(present) {
        note(now, ja: "ノード\(node)からの報告が途絶えました", en: "Node \(node) stopped reporting")
      }
      for node in present.subtracting(connected) {
        note(now, ja: "ノード\(node)からの報告が届いています", en: "Node \(node) reports")
      }
      self.connected = present
    } else if !present.isEmpty {
      connected = present
    }
    let refusals = Set(health.refusals.keys)
    for node in refusals.subtracting(refusing) {
      note(now, ja: "ノード\(node)が管理サーバーの設定を拒否しています", en: "Node \(node) refuses what the manager wants")
    }
    refusing = refusals
    let holds = Set(health.guards.filter { $0.value.held > 0 }.map { "\($0.key) \($0.value.confirmation)" })
    for hold in holds.subtracting(held) {
      let node = hold.prefix { $0 != " " }
      note(
        now, ja: "ノード\(node)が削除を保留し、運用者の確認を待っています",
        en: "Node \(node) holds removals until an operator confirms them")
    }
    held = holds
  }

  private mutating func note(_ at: Moment, ja: String, en: String) {
    noted.append(Fact(at: at, text: Wording(ja: ja, en: en)))
    if noted.count > Self.limit { noted.removeFirst() }
  }

  /// Whether somebody had just changed what was lost: the first question after every fault.
  private static func changes(before loss: ScopeLoss, _ control: Control) -> Fact {
    let head = control.snapshot.revision
    let first = max(control.oldestRevision, head > revisions ? head - revisions : 1)
    let end = Date(timeIntervalSince1970: Double(loss.lostAt.milliseconds) / 1000)
    let begin = end.addingTimeInterval(-60)
    let lately = ((try? control.revisions(from: first, to: head)) ?? []).filter { begin <= $0.time && $0.time <= end }
    let changes = lately.filter { revision in
      revision.changes.contains { change in
        [change.before, change.after].contains { $0.map { concerns($0, loss.scope, control.state) } ?? false }
      }
    }
    let text: Wording
    if let last = changes.last {
      text = Wording(
        ja: "直前1分間の設定変更は\(changes.count)件、最後はリビジョン\(last.number)",
        en: "\(changes.count) changes of its settings in the minute before, the last by revision \(last.number)")
    } else {
      text = Wording(ja: "直前1分間に設定の変更はありません", en: "No change of its settings in the minute before")
    }
    return Fact(at: loss.lostAt, scope: loss.scope, text: text)
  }

  private static func concerns(_ resource: any Resource, _ scope: String, _ state: CloudState) -> Bool {
    func isOf(_ address: PublicIPAddress?) -> Bool {
      guard let address else { return false }
      if let cell = address.cell { return scope == "router/\(cell)" }
      guard let network = address.network, let router = state.routers.first("network", .id(network)) else {
        return false
      }
      return scope == "router/\(router.id)"
    }
    switch resource {
    case let cell as Cell: return scope == "router/\(cell.id)"
    case let router as VirtualRouter: return scope == "router/\(router.id)"
    case let address as PublicIPAddress: return isOf(address)
    case let rule as LoadBalancerRule: return isOf(state.publicIPs[rule.address])
    case let rule as PortForwardingRule: return isOf(state.publicIPs[rule.address])
    case let machine as VirtualMachine: return scope == "fabric" && machine.nics.first != nil
    case is SecurityGroup, is Zone: return scope == "fabric"
    default: return false
    }
  }

  private static func rollouts(_ state: CloudState, _ now: Moment) -> [Fact] {
    state.rollouts.all.flatMap { rollout -> [Fact] in
      let created = Moment(rollout.created)
      guard let zone = state.zones[rollout.zone]?.name, !isOld(rollout.completed.map { Moment($0) } ?? now, now) else {
        return []
      }
      let count = rollout.steps.count
      if let change = rollout.change { return Self.facts(of: rollout, change, zone).filter { !isOld($0.at, now) } }
      var facts = [
        Fact(
          at: created,
          text: Wording(
            ja: "\(zone)のルーター\(count)台の再構築が指示されました", en: "A rebuild of \(count) routers of \(zone) was asked for"))
      ]
      if let completed = rollout.completed {
        let end =
          switch rollout.state {
          case .completed: Wording(ja: "完了しました", en: "was completed")
          case .cancelled: Wording(ja: "中止されました", en: "was cancelled")
          default: Wording(ja: "途中で止まり、元に戻されました", en: "was halted and taken back")
          }
        facts.append(
          Fact(
            at: Moment(completed),
            text: Wording(ja: "\(zone)のルーターの再構築は\(end.ja)", en: "The rebuild in \(zone) \(end.en)")))
      }
      return facts.filter { !isOld($0.at, now) }
    }
  }

  private static func facts(of rollout: Rollout, _ change: UInt64, _ zone: String) -> [Fact] {
    let count = rollout.stages.count
    let begun = Fact(
      at: Moment(rollout.created),
      text: Wording(
        ja: "\(zone)の多くのお客様に関わる変更（リビジョン\(change)）を\(count)段階に分けて適用します",
        en: "Revision \(change), which concerns many customers of \(zone), goes in \(count) stages"))
    guard let completed = rollout.completed else { return [begun] }
    let end =
      switch (rollout.state, rollout.reverted) {
      case (.completed, _): Wording(ja: "完了しました", en: "was completed")
      case (_, .some): Wording(ja: "途中で止まり、元に戻されました", en: "was halted and taken back")
      default: Wording(ja: "途中で止まりました", en: "was halted")
      }
    return [
      begun,
      Fact(
        at: Moment(completed),
        text: Wording(ja: "リビジョン\(change)の適用は\(end.ja)", en: "Revision \(change) \(end.en)")),
    ]
  }

  private static func restorations(_ state: CloudState, _ now: Moment) -> [Fact] {
    state.restorations.all.filter { !isOld(Moment($0.created), now) }.map { restoration in
      Fact(
        at: Moment(restoration.created),
        text: Wording(
          ja: "台帳がリビジョン\(restoration.moment)の状態に復元されました",
          en: "The ledger was brought back to revision \(restoration.moment)"))
    }
  }
}
