/// What a fault is of. Gate and publication are set per kind.
package enum FaultKind: String, Sendable, Hashable, Codable, CaseIterable {
  case api, console, instances, gateway, loadBalancer, staticNAT, fabric, virtualRouter, dhcpDNS, storage, node, other
}

/// Ways to look at a component that do not depend on each other.
package enum LookSource: String, Sendable, Hashable, Codable, CaseIterable {
  /// The configuration in the kernel, read back.
  case readBack
  /// Test packets inside the cloud.
  case packets
  /// The node's agent: that it reports, and its programs.
  case agent
  /// Whether the cloud's own status documents arrive.
  case feed
  /// A connection from outside the cloud.
  case outside

  /// Sees what a customer would see. Only such a look says that something works again.
  var isProbe: Bool { self == .packets || self == .outside }
}

/// What one source last saw.
package struct Look: Sendable, Hashable, Codable {
  package var source: LookSource
  package var isFailing: Bool
  /// Since when it has been seen like that.
  package var since: Moment
  /// When it was last looked.
  package var at: Moment

  package init(_ source: LookSource, isFailing: Bool, since: Moment, at: Moment) {
    self.source = source
    self.isFailing = isFailing
    self.since = since
    self.at = at
  }
}

/// All looks at one component.
package struct Observation: Sendable, Hashable, Codable {
  /// The id of a component.
  package var component: String
  package var kind: FaultKind
  package var looks: [Look]
  /// Who is hit while it fails; 0 if unknown.
  package var accounts: Int
  package var addresses: Int

  package init(component: String, kind: FaultKind, looks: [Look], accounts: Int = 0, addresses: Int = 0) {
    self.component = component
    self.kind = kind
    self.looks = looks
    self.accounts = accounts
    self.addresses = addresses
  }

  /// The component's fault as a scope of its own.
  static func scope(_ component: String) -> String { "component/\(component)" }

  /// What is seen to fail now. That the cloud does not report is a reason to believe it, never the failure itself.
  func failing(now: Moment) -> [Look] {
    let failing = looks.filter { $0.isFailing && Look.isCurrent($0, now: now) }
    return failing.allSatisfy { $0.source == .feed } ? [] : failing
  }

  /// Nothing fails now, and a probe says so.
  func isWell(now: Moment) -> Bool {
    failing(now: now).isEmpty
      && looks.contains { $0.source.isProbe && !$0.isFailing && Look.isCurrent($0, now: now) }
  }
}

extension Look {
  /// An older look says nothing about now.
  static let freshness = 15.0

  static func isCurrent(_ look: Look, now: Moment) -> Bool { now.seconds(since: look.at) <= freshness }
}

extension StatusDocument {
  /// - Parameter offset: in milliseconds.
  mutating func shiftLooks(by offset: Int64) {
    for observation in observations.indices {
      for look in observations[observation].looks.indices {
        observations[observation].looks[look].at.milliseconds &+= offset
        observations[observation].looks[look].since.milliseconds &+= offset
      }
    }
  }
}
