import CloudModel
import Control

extension Commands {
  static let affinityGroups = [
    .job(
      "createAffinityGroup", "Creates an affinity group", creates: true,
      [
        .string("description", "what it is for"),
        .string("name", "the group's name, unique in the account", required: true),
        .string("type", "one of listAffinityGroupTypes", required: true),
      ] + Parameter.owner, response: .affinityGroup
    ) { request in
      let text = try request.string("type")
      guard let type = AffinityType(rawValue: text.lowercased()) else {
        throw APIError.value("Unable to create affinity group, invalid affinity group type \(text)")
      }
      return try await request.control.createAffinityGroup(
        name: request.string("name"), type: type, description: request.arguments.string("description") ?? "",
        account: request.arguments.string("account"), domain: request.arguments.id("domainid"), by: request.caller)
    },
    .job(
      "deleteAffinityGroup", "Deletes an affinity group; its instances stay where they are",
      [.id("id", .affinityGroup, "the group's id"), .string("name", "the group's name, instead of the id")]
        + Parameter.owner
    ) { request in
      try await request.control.deleteAffinityGroup(affinityGroup(request), by: request.caller)
    },
    Command(
      "listAffinityGroups", "Lists affinity groups",
      [
        .id("id", .affinityGroup, "the group's id"),
        .string("name", "the group's name"),
        .string("type", "the group's type"),
        .id("virtualmachineid", .virtualMachine, "groups that this instance is in"),
      ] + Parameter.scope, response: .affinityGroup
    ) { request in
      let machine = request.arguments.id("virtualmachineid", VirtualMachine.self)
      let groups = machine.map { request.state.virtualMachines[$0]?.affinityGroups ?? [] }
      let rows = try request.visible(request.state.affinityGroups, byName: machine != nil) { $0.account }.filter {
        request.matches("name", $0.name) && request.matches("type", $0.type.rawValue)
          && groups?.contains($0.id) ?? true
      }
      return try request.page("affinitygroup", rows.oldestFirst(\.created)) {
        [$0.name]
      } fields: {
        request.view.fields(of: $0)
      }
    },
    Command(
      "listAffinityGroupTypes", "Lists the types of affinity groups", Parameter.paging, response: .affinityGroupType
    ) { request in
      try request.page("affinityGroupType", AffinityType.allCases) {
        [$0.rawValue]
      } fields: { type in
        var fields = Fields()
        fields.add("type", type.rawValue)
        return fields
      }
    },
    .job(
      "updateVMAffinityGroup", "Puts a stopped instance into these affinity groups and no others",
      [
        .ids("affinitygroupids", .affinityGroup, "the groups"),
        .strings("affinitygroupnames", "the groups by name"),
        .id("id", .virtualMachine, "the instance's id", required: true),
      ], response: .virtualMachine
    ) { request in
      try await request.control.updateVMAffinityGroup(
        request.id("id"), groups: request.arguments.ids("affinitygroupids") ?? [],
        names: request.arguments.strings("affinitygroupnames") ?? [], by: request.caller)
    },
  ]

  private static func affinityGroup(_ request: Request) throws -> ID<AffinityGroup> {
    if let id: ID<AffinityGroup> = request.arguments.id("id") { return id }
    guard let name = request.arguments.string("name"), !name.isEmpty else {
      throw APIError.value("Either the affinity group Id or group name must be specified to delete the group")
    }
    let owner = try Access.owner(
      for: request.caller, account: request.arguments.string("account"), domain: request.arguments.id("domainid"),
      in: request.state)
    guard let group = request.state.affinityGroups.first("name", .scoped(owner.id.uuid, name.lowercased())) else {
      throw APIError.value("Unable to find affinity group \(name)")
    }
    return group.id
  }
}
