/// The sentences of the notices. Every number in them was measured.
enum Phrases {
  // MARK: Parts

  /// `cell-1 and cell-2`, `virtual routers of 3 networks`; customers' routers are counted, not named.
  static func places(_ losses: [ScopeLoss]) -> Wording {
    let shared = losses.filter { $0.role != .virtualRouter }
    var seen: Set<String> = []
    var parts: [Wording] = []
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
    let shared = incident.losses.contains { $0.role != .virtualRouter }
    return (shared ? ["Basic"] : []) + (virtual ? ["Isolate"] : [])
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
    let customers = incident.customers
    let addresses = incident.addresses
    let people = customers == 1 ? "1 customer" : "\(grouped(customers)) customers"
    let places = addresses == 1 ? "1 address" : "\(grouped(addresses)) addresses"
    return Wording(
      ja: "お客様\(grouped(customers))名・グローバルIPアドレス\(grouped(addresses))個", en: "\(people), \(places)")
  }

  static func name(_ incident: Incident) -> Wording {
    let series = series(incident)
    let services = services(incident)
    let places = places(incident.losses)
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

  static func opened(_ incident: Incident) -> Wording {
    let cause = cause(incident.losses)
    let extent = extent(incident)
    return Wording(
      ja: "障害を検知し、記録されている設定から自動復旧を開始しました。原因: \(cause.ja)。対象: \(extent.ja)。",
      en: "\(cause.en.sentence). It is being restored from the recorded settings. Affected: \(extent.en).")
  }

  static func widened(_ incident: Incident) -> Wording {
    let places = places(incident.losses.filter { $0.verifiedAt == nil })
    let extent = extent(incident)
    return Wording(
      ja: "対象範囲が広がりました(復旧中: \(places.ja))。対象: \(extent.ja)。",
      en: "More is affected; being restored: \(places.en). Affected in all: \(extent.en).")
  }

  static func recurred(_ incident: Incident) -> Wording {
    let latest = incident.losses.suffix(1)
    let cause = cause(Array(latest))
    return Wording(
      ja: "同じ障害が再発しました(\(incident.recurrences)回目)。原因: \(cause.ja)。自動復旧を行っています。",
      en: "It happened again (recurrence \(incident.recurrences)): \(cause.en). It is being restored.")
  }

  static func progress(_ incident: Incident) -> Wording? {
    guard !incident.services.isEmpty else { return nil }
    let figures = percentages(incident)
    var text = Wording(ja: "復旧状況: \(figures.ja)。", en: "Restored so far: \(figures.en).")
    if let end = incident.estimatedEnd {
      text.ja += "復旧見込み: \(end.ofDay(.ja))頃。"
      text.en += " Estimated end: about \(end.ofDay(.en))."
    }
    return text
  }

  static func monitoring(_ incident: Incident) -> Wording {
    Wording(
      ja: "設定の再投入が完了しました。実際のパケットで疎通を確認しています。",
      en: "All settings are back in place. Test packets are being sent through to confirm.")
  }

  static func resolved(_ incident: Incident) -> Wording {
    let end = incident.resolvedAt ?? incident.updatedAt
    let length = duration(incident.outage(until: end))
    let cause = cause(incident.losses)
    let places = places(incident.losses)
    let extent = extent(incident)
    var text = Wording(
      ja: "復旧しました。すべての設定の再投入と疎通を確認済みです。障害時間: \(length.ja)。原因: \(cause.ja)。対象: \(places.ja)、\(extent.ja)。",
      en: "Resolved. All settings are restored and confirmed by test packets. Time out of service: \(length.en). "
        + "Cause: \(cause.en). Affected: \(places.en); \(extent.en).")
    if incident.recurrences > 0 {
      text.ja += "この間に\(incident.recurrences)回再発しました。"
      text.en += " It recurred \(incident.recurrences == 1 ? "once" : "\(incident.recurrences) times") meanwhile."
    }
    return text
  }
}

extension String {
  var sentence: String { prefix(1).uppercased() + dropFirst() }
}
