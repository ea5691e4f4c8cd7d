/// Puts together what the cloud reports and what is seen from outside; when the cloud is silent, what is left of it. Pure.
struct Outlook {
  var probes: [OutsideProbe]

  /// For longer the cloud is never silent.
  static let silence = 10.0

  struct View {
    var document: StatusDocument
    var notes: [Wording]
    var unknown: Set<String>
  }

  func view(_ received: FeedReceiver.Received?, looks: [String: Look], now: Moment) -> View {
    let age = received.map { now.seconds(since: $0.at) }
    let isSilent = age.map { $0 > Self.silence } ?? true
    var document = received?.document ?? StatusDocument(time: now, components: [], services: [], losses: [])
    document.time = now
    if isSilent {
      // Nothing of it is known to be so any more.
      document.services = []
      document.losses = []
      document.observations = []
      document.actions = []
      document.facts = []
    }
    let known = Set(document.components.map(\.id))
    document.components += probes.map(\.component).filter { !known.contains($0.id) }
    let feed = received.map { received in
      Look(.feed, isFailing: isSilent, since: received.at, at: now)
    }
    for probe in probes {
      var seen = [looks[probe.component.id], feed].compactMap(\.self)
      if let index = document.observations.firstIndex(where: { $0.component == probe.component.id }) {
        document.observations[index].looks += seen
      } else {
        seen = seen.filter { $0.source != .feed || looks[probe.component.id] != nil }
        document.observations.append(Observation(component: probe.component.id, kind: probe.kind, looks: seen))
      }
    }
    let probed = Set(
      probes.map(\.component.id).filter { id in looks[id].map { Look.isCurrent($0, now: now) } ?? false })
    let unwatched = isSilent ? document.components.map(\.id) : document.unknown ?? []
    return View(
      document: document, notes: Self.notes(received?.at, age, isSilent),
      unknown: Set(unwatched).subtracting(probed))
  }

  private static func notes(_ at: Moment?, _ age: Double?, _ isSilent: Bool) -> [Wording] {
    guard isSilent else { return [] }
    guard let at, let age else {
      return [
        Wording(
          ja: "クラウドからの状況報告をまだ受信していません。外部からの監視結果のみを表示しています。",
          en: "No report from the cloud has arrived yet. Only what is seen from outside is shown.")
      ]
    }
    // In steps, so that the page does not change every second.
    let step = age < 120 ? 10.0 : 60.0
    let length = duration(Int64((age / step).rounded(.down) * step * 1000))
    return [
      Wording(
        ja: "クラウドからの状況報告が\(length.ja)以上途絶えています。最後に確認できた状況(\(at.inFull(.ja)))と、外部からの監視結果を表示しています。",
        en:
          "The cloud has not reported for more than \(length.en). What is shown is what was last known (\(at.inFull(.en))), "
          + "and what is seen from outside.")
    ]
  }
}
