/// Everything measured that the public page speaks of, at one moment.
package struct StatusDocument: Sendable, Equatable {
  package var time: Moment
  package var components: [Component]
  package var services: [ServiceProgress]
  /// Losses of shared scopes. A loss stays listed until it has been listed with `verifiedAt` at least once; being
  /// listed longer, or again after a restart, changes nothing: it is known by its scope and `lostAt`.
  package var losses: [ScopeLoss]

  package init(time: Moment, components: [Component], services: [ServiceProgress], losses: [ScopeLoss]) {
    self.time = time
    self.components = components
    self.services = services
    self.losses = losses
  }
}

/// One line of the page: a service of a series in a zone, possibly of one cell.
package struct Component: Sendable, Hashable {
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
package enum ComponentState: String, Sendable, Hashable, CaseIterable {
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
package struct ServiceProgress: Sendable, Hashable {
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
}

/// What was found on the node. Words that are not known here are shown as they are.
package enum Finding: Sendable, Hashable, RawRepresentable, Codable {
  case tablesDeleted, elementsChanged, namespaceGone, linkGone, routesGone, packetsLost
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

  package init(
    scope: String, role: ScopeRole, cellName: String?, zoneName: String, found: Finding, rulesLost: Int,
    rulesWanted: Int, probesMissed: Int, accounts: Int, addresses: Int, lostAt: Moment, detectedAt: Moment,
    appliedAt: Moment? = nil, verifiedAt: Moment? = nil
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
  }

  var key: LossKey { LossKey(scope: scope, lostAt: lostAt) }
}

struct LossKey: Hashable, Sendable {
  var scope: String
  var lostAt: Moment
}
