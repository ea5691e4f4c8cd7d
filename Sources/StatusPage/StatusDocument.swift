/// Everything measured that the public page speaks of, at one moment.
package struct StatusDocument: Sendable, Equatable, Codable {
  package var time: Moment
  package var components: [Component]
  package var services: [ServiceProgress]
  /// Losses of shared scopes. A loss stays listed until it has been listed with `verifiedAt` at least once; being
  /// listed longer, or again after a restart, changes nothing: it is known by its scope and `lostAt`.
  package var losses: [ScopeLoss]
  /// How each component looks to those who look at it.
  package var observations: [Observation]
  /// Real work that a maintenance may be bound to.
  package var actions: [PlannedAction]
  /// What the ledger knows of causes, for the timeline.
  package var facts: [Fact]
  /// What each customer has, as far as it is not all in order.
  package var accounts: [AccountStanding]
  /// Components that nobody in the cloud watches now, by their ids; their states are those that were last known.
  package var unknown: [String]?
  /// Customers of all that is lost; one of several scopes is counted once.
  package var customers: CustomerCount?

  package init(
    time: Moment, components: [Component], services: [ServiceProgress], losses: [ScopeLoss],
    observations: [Observation] = [], actions: [PlannedAction] = [], facts: [Fact] = [],
    accounts: [AccountStanding] = [], unknown: [String]? = nil, customers: CustomerCount? = nil
  ) {
    self.time = time
    self.components = components
    self.services = services
    self.losses = losses
    self.observations = observations
    self.actions = actions
    self.facts = facts
    self.accounts = accounts
    self.unknown = unknown
    self.customers = customers
  }
}

/// How many different customers losses of shared scopes hit, and how many of them are out now.
package struct CustomerCount: Sendable, Hashable, Codable {
  package var hit: Int
  package var out: Int

  package init(hit: Int, out: Int) {
    self.hit = hit
    self.out = out
  }
}

/// One line of the page: a service of a series in a zone, possibly of one cell.
package struct Component: Sendable, Hashable, Codable {
  package var id: String
  package var zone: String
  /// `Basic`, `Isolate`
  package var series: String
  /// In English: `Load balancer`, `Static NAT`, `Virtual routers`, `API`, `Instances`; others are shown as they are.
  package var name: String
  package var cell: String?
  package var state: ComponentState

  package init(id: String, zone: String, series: String, name: String, cell: String? = nil, state: ComponentState) {
    self.id = id
    self.zone = zone
    self.series = series
    self.name = name
    self.cell = cell
    self.state = state
  }
}

/// Statuspage's words.
package enum ComponentState: String, Sendable, Hashable, Codable, CaseIterable {
  case operational
  case underMaintenance = "under_maintenance"
  case degradedPerformance = "degraded_performance"
  case partialOutage = "partial_outage"
  case majorOutage = "major_outage"

  var impact: Impact {
    switch self {
    case .operational, .underMaintenance: .none
    case .degradedPerformance: .minor
    case .partialOutage: .major
    case .majorOutage: .critical
    }
  }
}

/// How many rules of one service in one scope are wanted, and how many of them are verified now.
package struct ServiceProgress: Sendable, Hashable, Codable {
  package var component: String
  /// The scope of the node plan: `router/<id>`, `fabric`, …
  package var scope: String
  /// `staticnat`, `loadbalancer`, `member`, `portforwarding`, `firewall`, `egress`, `sourcenat`, `securitygroup`
  package var service: String
  package var wanted: Int
  package var verified: Int
  /// Accounts that have at least one rule not verified now.
  package var accounts: Int
  /// Public addresses with at least one rule not verified now.
  package var addressesOut: Int

  package init(
    component: String, scope: String, service: String, wanted: Int, verified: Int, accounts: Int = 0,
    addressesOut: Int = 0
  ) {
    self.component = component
    self.scope = scope
    self.service = service
    self.wanted = wanted
    self.verified = verified
    self.accounts = accounts
    self.addressesOut = addressesOut
  }
}

package enum ScopeRole: String, Sendable, Codable {
  case edgeGateway, fabric, virtualRouter
  /// Any component, as those see it who look at it.
  case component
}

/// Of which component a loss is, where it is not of a scope of the node plan.
package struct FaultSubject: Sendable, Hashable, Codable {
  package var kind: FaultKind
  package var component: String
  package var name: String
  package var series: String
}

/// What was found on the node. Words that are not known here are shown as they are.
package enum Finding: Sendable, Hashable, RawRepresentable, Codable {
  case tablesDeleted, elementsChanged, namespaceGone, linkGone, routesGone, packetsLost, unreachable, silent
  case other(String)

  package init(rawValue: String) {
    self =
      switch rawValue {
      case "tables-deleted": .tablesDeleted
      case "elements-changed": .elementsChanged
      case "namespace-gone": .namespaceGone
      case "link-gone": .linkGone
      case "routes-gone": .routesGone
      case "packets-lost": .packetsLost
      case "unreachable": .unreachable
      case "silent": .silent
      default: .other(rawValue)
      }
  }

  package var rawValue: String {
    switch self {
    case .tablesDeleted: "tables-deleted"
    case .elementsChanged: "elements-changed"
    case .namespaceGone: "namespace-gone"
    case .linkGone: "link-gone"
    case .routesGone: "routes-gone"
    case .packetsLost: "packets-lost"
    case .unreachable: "unreachable"
    case .silent: "silent"
    case .other(let word): word
    }
  }
}

/// A shared scope that was found without (a part of) what it should hold, and what became of it.
package struct ScopeLoss: Sendable, Hashable, Codable {
  package var scope: String
  package var role: ScopeRole
  package var cellName: String?
  package var zoneName: String
  package var found: Finding
  /// Rules that were missing or wrong, of so many that the scope should hold.
  package var rulesLost: Int
  package var rulesWanted: Int
  package var probesMissed: Int
  /// Distinct accounts and public addresses that had a rule among the lost ones.
  package var accounts: Int
  package var addresses: Int
  package var lostAt: Moment
  package var detectedAt: Moment
  package var appliedAt: Moment?
  /// Read back, and packets passed, since.
  package var verifiedAt: Moment?
  package var subject: FaultSubject?

  package init(
    scope: String, role: ScopeRole, cellName: String?, zoneName: String, found: Finding, rulesLost: Int,
    rulesWanted: Int, probesMissed: Int, accounts: Int, addresses: Int, lostAt: Moment, detectedAt: Moment,
    appliedAt: Moment? = nil, verifiedAt: Moment? = nil,
    subject: FaultSubject? = nil
  ) {
    self.scope = scope
    self.role = role
    self.cellName = cellName
    self.zoneName = zoneName
    self.found = found
    self.rulesLost = rulesLost
    self.rulesWanted = rulesWanted
    self.probesMissed = probesMissed
    self.accounts = accounts
    self.addresses = addresses
    self.lostAt = lostAt
    self.detectedAt = detectedAt
    self.appliedAt = appliedAt
    self.verifiedAt = verifiedAt
    self.subject = subject
  }

  package var kind: FaultKind {
    switch role {
    case .edgeGateway: .gateway
    case .fabric: .fabric
    case .virtualRouter: .virtualRouter
    case .component: subject?.kind ?? .other
    }
  }

  var key: LossKey { LossKey(scope: scope, lostAt: lostAt) }
}

/// Something that happened and is on record: a revision of the ledger, a confirmation, a failed-over node.
package struct Fact: Sendable, Hashable, Codable {
  package var at: Moment
  /// The scope it concerns; none if it may concern any.
  package var scope: String?
  package var text: Wording

  package init(at: Moment, scope: String? = nil, text: Wording) {
    self.at = at
    self.scope = scope
    self.text = text
  }
}

struct LossKey: Hashable, Sendable {
  var scope: String
  var lostAt: Moment
}
