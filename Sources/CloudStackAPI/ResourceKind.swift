import CloudModel
import Control
import FoundationEssentials

/// A kind of resource by the name that CloudStack gives its type where a type is a parameter, as it is for tags and details.
struct ResourceKind: Sendable {
  let name: String
  let entity: Entity
  /// Whether CloudStack puts tags on such things.
  var isTaggable = true

  static let all: [ResourceKind] = [
    ResourceKind(name: "Account", entity: .account, isTaggable: false),
    ResourceKind(name: "Domain", entity: .domain, isTaggable: false),
    ResourceKind(name: "FirewallRule", entity: .firewallRule),
    ResourceKind(name: "ISO", entity: .iso),
    ResourceKind(name: "LoadBalancer", entity: .balancer),
    ResourceKind(name: "Network", entity: .network),
    ResourceKind(name: "PortForwardingRule", entity: .portForwardingRule),
    ResourceKind(name: "Project", entity: .project),
    ResourceKind(name: "PublicIpAddress", entity: .publicIPAddress),
    ResourceKind(name: "SecurityGroup", entity: .securityGroup),
    ResourceKind(name: "ServiceOffering", entity: .serviceOffering, isTaggable: false),
    ResourceKind(name: "Snapshot", entity: .snapshot),
    ResourceKind(name: "Template", entity: .template),
    ResourceKind(name: "User", entity: .user),
    ResourceKind(name: "UserVm", entity: .virtualMachine),
    ResourceKind(name: "Volume", entity: .volume),
    ResourceKind(name: "Vpc", entity: .vpc),
    ResourceKind(name: "Zone", entity: .zone, isTaggable: false),
  ]

  /// Names are matched in any case.
  static func named(_ name: String) -> ResourceKind? { all.first { $0.name.lowercased() == name.lowercased() } }
}

extension Request {
  /// The kind that `resourcetype` names.
  func resourceKind(forTags: Bool) throws(APIError) -> ResourceKind {
    let name = try string("resourcetype")
    guard let kind = ResourceKind.named(name) else { throw .value("Invalid resource type \(name)") }
    guard kind.isTaggable || !forTags else {
      throw .value("The resource type \(kind.name) doesn't support resource tags")
    }
    return kind
  }

  /// A resource that the caller may change, by an id that is not declared as one because its kind is a parameter.
  func tagged(_ text: String, _ kind: ResourceKind, parameter: String) throws(APIError) -> TaggedResource {
    guard let uuid = UUID(uuidString: text), let owner = kind.entity.owner(uuid, state) else {
      throw .unknown(text, parameter: parameter, command: command)
    }
    guard Self.isOwned(owner, by: caller, in: state) else { throw .denied() }
    if let account = Self.holder(of: owner) { return TaggedResource(id: uuid, type: kind.name, account: account) }
    return TaggedResource(id: uuid, type: kind.name, account: caller.account)
  }

  /// What is everybody's is changed by root administrators only.
  private static func isOwned(_ owner: Entity.Ownership, by caller: Caller, in state: CloudState) -> Bool {
    holder(of: owner).map { Access.allows(caller, owner: $0, in: state) } ?? caller.isRootAdmin
  }

  private static func holder(of owner: Entity.Ownership) -> ID<Account>? {
    switch owner {
    case .account(let account): account
    case .accounts(let accounts): accounts.first
    default: nil
    }
  }

  /// Asks the same again when the change is made.
  func stands(_ kind: ResourceKind) -> @Sendable (TaggedResource, CloudState) throws -> Void {
    let caller = self.caller
    return { resource, state in
      guard let owner = kind.entity.owner(resource.id, state), Self.isOwned(owner, by: caller, in: state) else {
        throw ControlError(
          .invalidParameter, "The \(kind.name) \(resource.id.uuidString.lowercased()) is gone or somebody else's")
      }
    }
  }

  /// Whether the resource has one of the tags that `tags` asks for; nothing asked for is always met.
  func matchesTags<R>(_ id: ID<R>) -> Bool { matchesTags(id.uuid) }

  func matchesTags(_ id: UUID) -> Bool {
    guard let wanted = arguments.rows("tags"), !wanted.isEmpty else { return true }
    return wanted.contains { row in
      guard let key = row["key"], let tag = state.tags.first("key", .scoped(id, key.lowercased())) else {
        return false
      }
      return row["value"].map { $0.lowercased() == tag.value.lowercased() } ?? true
    }
  }
}

extension Parameter {
  static let tags = Parameter.map("tags", "only what has one of these tags: key and value")
}
