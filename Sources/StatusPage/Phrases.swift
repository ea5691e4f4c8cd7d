/// The sentences of the notices. Every number in them was measured.
struct Phrases: Sendable {
  var templates = Templates.standard

  // MARK: Parts

  /// `cell-1 and cell-2`, `virtual routers of 3 networks`; customers' routers are counted, not named.
  static func places(_ losses: [ScopeLoss]) -> Wording {
    let shared = losses.filter { $0.role == .edgeGateway || $0.role == .fabric }
    var seen: Set<String> = []
    var parts: [Wording] = []
    for subject in losses.compactMap({ loss in loss.subject.map { ($0, loss) } }) {
      guard seen.insert(subject.0.component).inserted else { continue }
      // What fails together with its own cell is named by the cell.
      if let cell = subject.1.cellName, shared.contains(where: { $0.cellName == cell }) { continue }
      let name = ComponentName.name(subject.0.name)
      let place = [subject.1.zoneName, subject.1.cellName ?? ""].filter { !$0.isEmpty }.joined(separator: " ")
      parts.append(Wording(ja: "\(name.ja)(\(place))", en: "\(name.en) (\(place))"))
    }
    for loss in shared.sorted(by: { ($0.zoneName, $0.cellName ?? "") < ($1.zoneName, $1.cellName ?? "") }) {
      guard seen.insert("\(loss.role.rawValue) \(loss.zoneName) \(loss.cellName ?? "")").inserted else { continue }
      if let cell = loss.cellName {
        parts.append(Wording(ja: cell, en: cell))
      } else if loss.role == .fabric {
        parts.append(Wording(ja: "\(loss.zoneName)の内部ネットワーク", en: "the fabric of \(loss.zoneName)"))
      } else {
        parts.append(Wording(ja: "\(loss.zoneName)のゲートウェイ", en: "a gateway of \(loss.zoneName)"))
      }
    }
    let rest = parts.count - 6
    if rest > 1 {
      parts.removeSubrange(6...)
      parts.append(Wording(ja: "ほか\(rest)か所", en: "\(rest) more"))
    }
    let routers = Set(losses.filter { $0.role == .virtualRouter }.map(\.scope)).count
    if routers > 0 {
      parts.append(
        Wording(
          ja: "\(grouped(routers))ネットワークの仮想ルーター",
          en: routers == 1 ? "the virtual router of one network" : "the virtual routers of \(grouped(routers)) networks"
        ))
    }
    return Wording.joined(parts)
  }

  static func series(_ incident: Incident) -> [String] {
    let virtual = incident.losses.contains { $0.role == .virtualRouter }
    let shared = incident.losses.contains { $0.role == .edgeGateway || $0.role == .fabric }
    let named = (shared ? ["Basic"] : []) + (virtual ? ["Isolate"] : [])
    return named.isEmpty ? Set(incident.losses.compactMap(\.subject?.series)).subtracting([""]).sorted() : named
  }

  static func services(_ incident: Incident) -> Wording {
    let names = incident.services.filter { $0.service != "member" }.prefix(4).map { ServiceName.name($0.service) }
    if names.isEmpty { return Wording(ja: "共有ネットワーク", en: "shared network") }
    return Wording(ja: names.map(\.ja).joined(separator: "・"), en: Wording.listed(names.map(\.en)))
  }

  static func extent(_ incident: Incident) -> Wording {
    guard incident.customers > 0 || incident.addresses > 0 else {
      return Wording(ja: "対象のお客様を確認中", en: "the number of customers is being determined")
    }
    return extent(incident.customers, incident.addresses)
  }

  static func extent(_ customers: Int, _ addresses: Int) -> Wording {
    let people = customers == 1 ? "1 customer" : "\(grouped(customers)) customers"
    let places = addresses == 1 ? "1 address" : "\(grouped(addresses)) addresses"
    return Wording(
      ja: "お客様\(grouped(customers))名・グローバルIPアドレス\(grouped(addresses))個", en: "\(people), \(places)")
  }

  static func name(_ incident: Incident) -> Wording {
    let series = series(incident)
    let services = services(incident)
    let places = places(incident.losses)
    if isOfComponents(incident.losses) {
      return Wording(ja: "\(places.ja) 障害", en: "\(places.en.sentence) unavailable")
    }
    return Wording(
      ja: "\(series.joined(separator: "・")) \(services.ja) 通信障害(\(places.ja))",
      en: "\(series.joined(separator: ", ")): \(services.en) unreachable (\(places.en))")
  }

  static func cause(_ losses: [ScopeLoss]) -> Wording {
    var findings: [Finding] = []
    for loss in losses where !findings.contains(loss.found) && findings.count < 4 { findings.append(loss.found) }
    let places = places(losses)
    if findings == [.packetsLost] {
      return Wording(ja: "\(places.ja)で監視パケットが届かないことを検出", en: "test packets through \(places.en) were lost")
    }
    let words = findings.map(\.wording)
    if isOfComponents(losses) {
      return Wording(
        ja: "\(places.ja)の異常を検出(\(words.map(\.ja).joined(separator: "、")))",
        en: "\(places.en) failed: \(Wording.listed(words.map(\.en)))")
    }
    let whole = !findings.allSatisfy { $0 == .elementsChanged }
    return Wording(
      ja: "\(places.ja)の共有ネットワーク設定\(whole ? "の消失" : "の一部の欠落")(検出内容: \(words.map(\.ja).joined(separator: "、")))",
      en: "\(whole ? "" : "part of the ")shared network configuration of \(places.en) was lost: "
        + Wording.listed(words.map(\.en)))
  }

  static func percentages(_ incident: Incident) -> Wording {
    let parts = incident.services.prefix(8).map { total in
      let name = ServiceName.name(total.service)
      return Wording(ja: "\(name.ja) \(total.percent)%", en: "\(name.en) \(total.percent)\u{a0}%")
    }
    return Wording(ja: parts.map(\.ja).joined(separator: "、"), en: parts.map(\.en).joined(separator: ", "))
  }

  // MARK: Updates

  func name(_ incident: Incident) -> Wording { incident.editorial?.title ?? Self.name(incident) }

  func cause(_ incident: Incident) -> Wording { incident.editorial?.cause ?? Self.cause(incident.losses) }

  private func values(_ incident: Incident) -> [String: Wording] {
    [
      "cause": cause(incident), "extent": Self.extent(incident), "places": Self.places(incident.losses),
      "services": Self.services(incident), "times": Self.number(incident.recurrences),
    ]
  }

  func opened(_ incident: Incident) -> Wording {
    templates.fill(Self.isOfComponents(incident.losses) ? .openedComponent : .opened, values(incident))
  }

  func widened(_ incident: Incident) -> Wording {
    var values = values(incident)
    values["places"] = Self.places(incident.losses.filter { $0.verifiedAt == nil })
    return templates.fill(.widened, values)
  }

  func recurred(_ incident: Incident) -> Wording {
    var values = values(incident)
    values["cause"] = Self.cause(Array(incident.losses.suffix(1)))
    return templates.fill(.recurred, values)
  }

  func progress(_ incident: Incident) -> Wording? {
    guard !incident.services.isEmpty else { return nil }
    var text = templates.fill(.progress, ["figures": Self.percentages(incident)])
    if let customers = incident.customersOut, let addresses = incident.addressesOut, customers + addresses > 0 {
      text += templates.fill(.stillOut, ["extent": Self.extent(customers, addresses)])
    }
    if let estimate = estimate(incident) { text += estimate }
    return text
  }

  func estimate(_ incident: Incident) -> Wording? {
    guard let end = incident.estimatedEnd else { return nil }
    return templates.fill(
      .estimate,
      [
        "end": end.ofDayInBoth, "earliest": (incident.earliestEnd ?? end).ofDayInOne,
        "latest": (incident.latestEnd ?? end).ofDayInOne,
      ])
  }

  func monitoring(_ incident: Incident) -> Wording { templates.fill(.monitoring, values(incident)) }

  func resolved(_ incident: Incident) -> Wording {
    var values = values(incident)
    values["length"] = duration(incident.outage(until: incident.resolvedAt ?? incident.updatedAt))
    var text = templates.fill(Self.isOfComponents(incident.losses) ? .resolvedComponent : .resolved, values)
    if incident.recurrences > 0 {
      let times = incident.recurrences == 1 ? "once" : "\(incident.recurrences) times"
      text += templates.fill(.recurrences, ["times": Wording(ja: "\(incident.recurrences)", en: times)])
    }
    return text
  }

  func effect(_ incident: Incident) -> Wording {
    let key: Templates.Key =
      if Self.isOfComponents(incident.losses) {
        incident.isOpen ? .effectComponentOpen : .effectComponentPast
      } else {
        incident.isOpen ? .effectOpen : .effectPast
      }
    return templates.fill(key, values(incident))
  }

  static func isOfComponents(_ losses: [ScopeLoss]) -> Bool {
    !losses.isEmpty && losses.allSatisfy { $0.role == .component }
  }

  private static func number(_ value: Int) -> Wording { Wording(ja: "\(value)", en: "\(value)") }
}

extension String {
  var sentence: String { prefix(1).uppercased() + dropFirst() }
}
