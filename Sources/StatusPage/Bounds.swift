/// What is taken from outside is cut to sizes the page can bear.
enum Bounds {
  static let components = 500
  static let services = 20_000
  static let losses = 10_000
  static let looks = 10
  static let actions = 200
  static let facts = 200
  static let accounts = 20_000
  static let resources = 500
  static let maintenances = 100
  /// Of a text that an operator writes.
  static let text = 4000
  static let updates = 400
  /// Readers that follow the page live.
  static let listeners = 2000
  static let renderings = 1000
  static let name = 80
  /// Of what is shown to readers.
  static let label = 40
  static let count = 1_000_000_000
  static let incidents = 200
  static let notes = 200
  /// Losses kept of an incident that ended long ago.
  static let oldLosses = 100
  static let fileBytes = 64 << 20
  static let pageBytes = 14_000
}

extension String {
  /// Without control characters, at most `Bounds.name` characters.
  var clipped: String {
    if isPlain(Bounds.name) { return self }
    // What is far too long is not looked at to its end.
    let clean = unicodeScalars.prefix(Bounds.name * 8).filter {
      $0.value >= 0x20 && $0.value != 0x7f && !(0x80...0x9f).contains($0.value)
    }
    // A grapheme may hold any number of scalars.
    return String(String(String.UnicodeScalarView(clean.prefix(Bounds.name * 4))).prefix(Bounds.name))
  }
}

extension String {
  /// A text of an operator: with its line breaks, at most `Bounds.text` scalars.
  var prose: String {
    let clean = unicodeScalars.prefix(Bounds.text * 2).filter {
      $0 == "\n" || ($0.value >= 0x20 && $0.value != 0x7f && !(0x80...0x9f).contains($0.value))
    }
    return String(String.UnicodeScalarView(clean.prefix(Bounds.text)))
  }

  var label: String {
    if isPlain(Bounds.label) { return self }
    return String(String.UnicodeScalarView(clipped.unicodeScalars.prefix(Bounds.label)))
  }

  /// Whether it is no more than `limit` characters of ASCII that show, as nearly all texts are.
  private func isPlain(_ limit: Int) -> Bool {
    utf8.count <= limit && utf8.allSatisfy { $0 >= 0x20 && $0 < 0x7f }
  }
}

extension StatusDocument {
  var bounded: StatusDocument {
    StatusDocument(
      time: time, components: components.prefix(Bounds.components).map(\.bounded),
      services: services.prefix(Bounds.services).map(\.bounded), losses: losses.prefix(Bounds.losses).map(\.bounded),
      observations: observations.prefix(Bounds.components).map(\.bounded),
      actions: actions.prefix(Bounds.actions).map(\.bounded), facts: facts.prefix(Bounds.facts).map(\.bounded),
      accounts: accounts.prefix(Bounds.accounts).map(\.bounded),
      unknown: unknown.map { $0.prefix(Bounds.components).map(\.clipped) },
      customers: customers.map { CustomerCount(hit: count($0.hit), out: count($0.out)) })
  }
}

private func count(_ value: Int) -> Int { min(max(value, 0), Bounds.count) }

extension Component {
  fileprivate var bounded: Component {
    Component(
      id: id.clipped, zone: zone.label, series: series.label, name: name.label, cell: cell?.label,
      state: state)
  }
}

extension ServiceProgress {
  fileprivate var bounded: ServiceProgress {
    let wanted = count(wanted)
    return ServiceProgress(
      component: component.clipped, scope: scope.clipped, service: service.label, wanted: wanted,
      verified: min(count(verified), wanted), accounts: count(accounts), addressesOut: count(addressesOut))
  }
}

extension ScopeLoss {
  fileprivate var bounded: ScopeLoss {
    var loss = self
    loss.scope = scope.clipped
    loss.cellName = cellName?.label
    loss.zoneName = zoneName.label
    if case .other(let word) = found { loss.found = .other(word.label) }
    loss.rulesLost = count(rulesLost)
    loss.rulesWanted = count(rulesWanted)
    loss.probesMissed = count(probesMissed)
    loss.accounts = count(accounts)
    loss.addresses = count(addresses)
    loss.detectedAt = max(detectedAt, lostAt)
    loss.appliedAt = appliedAt.map { max($0, lostAt) }
    if let subject {
      loss.subject = FaultSubject(
        kind: subject.kind, component: subject.component.clipped, name: subject.name.label,
        series: subject.series.label)
    }
    loss.verifiedAt = verifiedAt.map { max($0, lostAt) }
    return loss
  }
}

extension Observation {
  fileprivate var bounded: Observation {
    Observation(
      component: component.clipped, kind: kind, looks: Array(looks.prefix(Bounds.looks)), accounts: count(accounts),
      addresses: count(addresses))
  }
}

extension PlannedAction {
  fileprivate var bounded: PlannedAction { PlannedAction(id: id.clipped, state: state, at: at) }
}

extension Fact {
  fileprivate var bounded: Fact {
    Fact(at: at, scope: scope?.clipped, text: Wording(ja: text.ja.clipped, en: text.en.clipped))
  }
}

extension AccountStanding {
  var bounded: AccountStanding {
    AccountStanding(
      account: account.clipped,
      resources: resources.prefix(Bounds.resources).map { resource in
        var resource = resource
        resource.id = resource.id.clipped
        resource.name = resource.name.label
        return resource
      }, omitted: count(max(0, resources.count - Bounds.resources) + count(omitted ?? 0)))
  }
}
