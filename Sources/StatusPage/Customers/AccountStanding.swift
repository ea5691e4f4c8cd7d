/// What one customer has that is, or lately was, affected.
package struct AccountStanding: Sendable, Hashable, Codable {
  /// The account's id, as the cloud's authentication gives it.
  package var account: String
  package var resources: [AffectedResource]
  /// How many more there are that are not named.
  package var omitted: Int?

  package init(account: String, resources: [AffectedResource], omitted: Int = 0) {
    self.account = account
    self.resources = resources
    self.omitted = omitted > 0 ? omitted : nil
  }
}

package struct AffectedResource: Sendable, Hashable, Codable {
  package enum Kind: String, Sendable, Codable, CaseIterable { case address, loadBalancer, instance }

  package enum State: String, Sendable, Codable {
    /// Out of service since `since`.
    case out
    /// Verified to be back since `since`.
    case back
  }

  package var kind: Kind
  package var id: String
  package var name: String
  package var state: State
  package var since: Moment

  package init(kind: Kind, id: String, name: String, state: State, since: Moment) {
    self.kind = kind
    self.id = id
    self.name = name
    self.state = state
    self.since = since
  }
}
