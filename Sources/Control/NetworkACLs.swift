package import Addresses
package import CloudModel
package import FoundationEssentials
import Ledger

/// What an item of a list is to say; nil leaves what it says.
package struct NetworkACLChange: Sendable {
  package var number: Int?
  package var isAllowing: Bool?
  package var isIngress: Bool?
  package var match: PacketMatch?
  package var prefixes: [IPv4Prefix]?
  package var reason: String?
  package var isDisplayed: Bool?

  package init() {}
}

extension Control {
  private static let aclItems = 500

  package func createNetworkACLList(
    name: String, description: String?, vpc: ID<VPC>, isDisplayed: Bool?, by caller: Caller
  ) async throws -> Started {
    try await begin("createNetworkACLList", .networkACL, by: caller) { draft in
      let vpc = try Self.vpc(vpc, caller, draft)
      try Self.checkName(name)
      try Self.requireRoom(draft.state.networkACLLists.count("vpc", .id(vpc.id)), 100, "ACL lists of a VPC")
      var list = NetworkACLList(
        id: draft.newID(), name: name, description: description ?? name, vpc: vpc.id, account: vpc.account,
        created: draft.now)
      list.isHidden = isDisplayed == false ? true : nil
      try draft.put(list)
      try draft.put(Self.event("NETWORK.ACL.CREATE", "Created", list, caller, draft))
      return list.id.uuid
    }
  }

  package func updateNetworkACLList(
    _ id: ID<NetworkACLList>, name: String?, description: String?, isDisplayed: Bool?, by caller: Caller
  ) async throws -> Started {
    try await changeList(id, "updateNetworkACLList", "NETWORK.ACL.UPDATE", .networkACL, caller) { list, _ in
      if let name {
        try Self.checkName(name)
        list.name = name
      }
      if let description { list.description = description }
      if let isDisplayed { list.isHidden = isDisplayed ? nil : true }
      return id.uuid
    }
  }

  package func deleteNetworkACLList(_ id: ID<NetworkACLList>, by caller: Caller) async throws -> Started {
    try await begin("deleteNetworkACLList", .networkACL, by: caller) { draft in
      let list = try Self.aclList(id, caller, draft)
      guard draft.state.networks.count("acl", .id(id)) == 0, draft.state.privateGateways.count("acl", .id(id)) == 0
      else {
        throw ControlError(.resourceInUse, "ACL is still associated with networks or gateways; replace it there first")
      }
      try draft.remove(id)
      try draft.put(Self.event("NETWORK.ACL.DELETE", "Deleted", list, caller, draft))
      return id.uuid
    }
  }

  /// Has a tier or a private gateway follow another list.
  package func replaceNetworkACLList(
    _ id: ID<NetworkACLList>, network: ID<Network>?, gateway: ID<PrivateGateway>?, by caller: Caller
  ) async throws -> Started {
    try await begin("replaceNetworkACLList", .networkACL, by: caller) { draft in
      switch (network, gateway) {
      case (let network?, nil):
        var tier = try Self.network(network, caller, draft)
        guard let vpc = tier.vpc else {
          throw ControlError(.invalidParameter, "The network is not a tier of a VPC; it has no ACL")
        }
        tier.acl = try Self.aclList(id, usableIn: vpc, caller, draft).id
        try draft.put(tier)
        try draft.put(
          Self.event("NETWORK.ACL.REPLACE", "ACL of \(tier.name)", tier.account, caller.user, draft))
      case (nil, let gateway?):
        var gateway = try Self.owned(gateway, "private gateway", caller, draft) { $0.account }
        gateway.acl = try Self.aclList(id, usableIn: gateway.vpc, caller, draft).id
        try draft.put(gateway)
        try draft.put(
          Self.event("NETWORK.ACL.REPLACE", "ACL of \(gateway.address)", gateway.account, caller.user, draft))
      default: throw ControlError(.invalidParameter, "Name either networkid or gatewayid")
      }
      return id.uuid
    }
  }

  /// - Parameter network: instead of a list: that of this tier.
  package func createNetworkACL(
    list: ID<NetworkACLList>?, network: ID<Network>?, _ new: NetworkACLChange, by caller: Caller
  ) async throws -> Started {
    guard let id = list ?? network.flatMap({ state.networks[$0]?.acl }) else {
      throw ControlError(.invalidParameter, "Name aclid, or by networkid a tier of a VPC")
    }
    return try await changeList(id, "createNetworkACL", "NETWORK.ACL.ITEM.CREATE", .networkACLItem, caller) {
      list, draft in
      try Self.requireRoom(list.items.count, Self.aclItems, "items of an ACL list")
      var item = NetworkACLItem(
        id: draft.newUUID(), number: (list.items.map(\.number).max() ?? 0) + 1, isAllowing: true, isIngress: true,
        match: .all, prefixes: [.any], reason: "")
      list.items.append(item)
      try Self.apply(new, to: &item, of: &list)
      return item.id
    }
  }

  package func updateNetworkACLItem(
    _ id: UUID, _ change: NetworkACLChange, by caller: Caller
  ) async throws -> Started {
    try await changeList(
      try list(ofItem: id), "updateNetworkACLItem", "NETWORK.ACL.ITEM.UPDATE", .networkACLItem, caller
    ) { list, _ in
      guard var item = list.items.first(where: { $0.id == id }) else { throw Self.noItem(id) }
      try Self.apply(change, to: &item, of: &list)
      return id
    }
  }

  package func deleteNetworkACL(_ id: UUID, by caller: Caller) async throws -> Started {
    try await changeList(try list(ofItem: id), "deleteNetworkACL", "NETWORK.ACL.ITEM.DELETE", .networkACLItem, caller) {
      list, _ in
      list.items.removeAll { $0.id == id }
      return id
    }
  }

  /// Puts an item between two others of its list; where there is no room, those behind it move on.
  package func moveNetworkACLItem(
    _ id: UUID, after previous: UUID?, before next: UUID?, by caller: Caller
  ) async throws -> Started {
    guard previous != nil || next != nil else {
      throw ControlError(.invalidParameter, "Name previousaclruleid, nextaclruleid or both")
    }
    return try await changeList(
      try list(ofItem: id), "moveNetworkAclItem", "NETWORK.ACL.ITEM.MOVE", .networkACLItem, caller
    ) { list, _ in
      guard let item = list.items.first(where: { $0.id == id }) else { throw Self.noItem(id) }
      var rest = list.items.filter { $0.id != id }.sorted { $0.number < $1.number }
      func position(_ id: UUID) throws -> Int {
        guard let position = rest.firstIndex(where: { $0.id == id }) else {
          throw ControlError(.invalidParameter, "The ACL items must be different ones of the same list")
        }
        return position
      }
      let after = try previous.map(position)
      let before = try next.map(position)
      if let after, let before, before != after + 1 {
        throw ControlError(.invalidParameter, "The ACL items do not follow each other")
      }
      let place = after.map { $0 + 1 } ?? before ?? 0
      rest.insert(item, at: place)
      rest[place].number = place == 0 ? max(1, (rest.count > 1 ? rest[1].number : 2) - 1) : rest[place - 1].number + 1
      for index in rest.indices.dropFirst(place + 1) where rest[index].number <= rest[index - 1].number {
        rest[index].number = rest[index - 1].number + 1
      }
      list.items = rest
      return id
    }
  }

  private static func apply(
    _ change: NetworkACLChange, to item: inout NetworkACLItem, of list: inout NetworkACLList
  ) throws {
    if let number = change.number {
      guard (1...65535).contains(number) else {
        throw ControlError(.invalidParameter, "The number of an ACL item is 1 to 65535")
      }
      guard !list.items.contains(where: { $0.number == number && $0.id != item.id }) else {
        throw ControlError(.invalidParameter, "ACL item with number \(number) already exists in the list")
      }
      item.number = number
    }
    if let isAllowing = change.isAllowing { item.isAllowing = isAllowing }
    if let isIngress = change.isIngress { item.isIngress = isIngress }
    if let match = change.match { item.match = match }
    if let prefixes = change.prefixes { item.prefixes = prefixes.isEmpty ? [.any] : prefixes }
    if let reason = change.reason { item.reason = reason }
    if let isDisplayed = change.isDisplayed { item.isHidden = isDisplayed ? nil : true }
    list.items = (list.items.filter { $0.id != item.id } + [item]).sorted { $0.number < $1.number }
  }

  private func list(ofItem id: UUID) throws -> ID<NetworkACLList> {
    guard let list = state.networkACLLists.first("item", .uuid(id)) else { throw Self.noItem(id) }
    return list.id
  }

  private static func noItem(_ id: UUID) -> ControlError {
    ControlError(.invalidParameter, "Unable to find ACL item \(id.uuidString.lowercased())")
  }

  /// A list that `caller` may change: its own.
  static func aclList(
    _ id: ID<NetworkACLList>, _ caller: Caller, _ draft: borrowing Draft
  ) throws -> NetworkACLList {
    guard let list = draft.get(id) else { throw ControlError(.invalidParameter, "Unable to find ACL list \(id)") }
    guard let owner = list.account else {
      throw ControlError(.invalidParameter, "The default ACL lists cannot be changed; create one of your own")
    }
    try Access.require(caller, owner: owner, in: draft.state)
    return list
  }

  /// A list that can be followed in a VPC: one of its own, or a default one.
  static func aclList(
    _ id: ID<NetworkACLList>, usableIn vpc: ID<VPC>, _ caller: Caller, _ draft: borrowing Draft
  ) throws -> NetworkACLList {
    guard let list = draft.get(id) else { throw ControlError(.invalidParameter, "Unable to find ACL list \(id)") }
    if let owner = list.account { try Access.require(caller, owner: owner, in: draft.state) }
    guard list.vpc == nil || list.vpc == vpc else {
      throw ControlError(.invalidParameter, "The ACL list belongs to another VPC")
    }
    return list
  }

  private func changeList(
    _ id: ID<NetworkACLList>, _ command: String, _ event: String, _ subject: JobSubject,
    _ caller: Caller, _ body: @escaping @Sendable (inout NetworkACLList, inout Draft) throws -> UUID
  ) async throws -> Started {
    try await begin(command, subject, by: caller) { draft in
      var list = try Self.aclList(id, caller, draft)
      let about = try body(&list, &draft)
      try draft.put(list)
      try draft.put(Self.event(event, "Changed", list, caller, draft))
      return about
    }
  }

  private static func event(
    _ type: String, _ done: String, _ list: NetworkACLList, _ caller: Caller, _ draft: borrowing Draft
  ) -> Event {
    event(
      type, "\(done) ACL list \(list.name)", list.account ?? caller.account, caller.user, draft,
      resourceType: "NetworkAcl", resource: list.id.uuid)
  }
}
