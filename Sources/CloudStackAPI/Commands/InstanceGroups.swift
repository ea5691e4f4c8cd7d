import CloudModel
import Control

extension Commands {
  static let instanceGroups = [
    Command(
      "createInstanceGroup", "Creates a group of instances",
      [.string("name", "the group's name, unique in the account", required: true)] + Parameter.owner,
      response: .instanceGroup
    ) { request in
      let id = try await request.control.createInstanceGroup(
        name: request.string("name"), account: request.arguments.string("account"),
        domain: request.arguments.id("domainid"), by: request.caller)
      return try request.created(id, "instancegroup") { request.latest.fields(of: $0) }
    },
    Command(
      "updateInstanceGroup", "Renames a group of instances",
      [
        .id("id", .instanceGroup, "the group's id", required: true),
        .string("name", "the group's name, unique in the account"),
      ], response: .instanceGroup
    ) { request in
      let id: ID<InstanceGroup> = try request.id("id")
      try await request.control.updateInstanceGroup(id, name: request.arguments.string("name"), by: request.caller)
      return try request.created(id, "instancegroup") { request.latest.fields(of: $0) }
    },
    Command(
      "deleteInstanceGroup", "Deletes a group; its instances stay",
      [.id("id", .instanceGroup, "the group's id", required: true)], response: .success
    ) { request in
      try await request.control.deleteInstanceGroup(request.id("id"), by: request.caller)
      return .success()
    },
    Command(
      "listInstanceGroups", "Lists groups of instances",
      [.id("id", .instanceGroup, "the group's id"), .string("name", "the group's name")] + Parameter.scope,
      response: .instanceGroup
    ) { request in
      let rows = try request.visible(request.state.instanceGroups) { $0.account }.filter {
        request.matches("name", $0.name)
      }
      return try request.page("instancegroup", rows.oldestFirst(\.created)) {
        [$0.name]
      } fields: {
        request.view.fields(of: $0)
      }
    },
  ]
}
