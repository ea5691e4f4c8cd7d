import CloudModel
import Control

extension Commands {
  static let configurations = [
    Command(
      "listConfigurations", "Lists the settings that are changed while the cloud runs",
      roles: [.admin, .domainAdmin],
      [
        .string("category", "such as Advanced"),
        .string("group", "the group that it is shown in"),
        .string("name", "a part of the name"),
        .string("parent", "settings below this one; there are none"),
        .string("subgroup", "the part of the group"),
      ] + Parameter.paging,
      refused: ["accountid", "clusterid", "domainid", "imagestoreuuid", "storageid", "zoneid"],
      response: .configuration
    ) { request in
      // Those that a domain has for itself are what its administrator may see; there are none.
      let rows = (request.caller.isRootAdmin ? Configuration.all : []).filter { configuration in
        let part = request.arguments.string("name")?.lowercased() ?? ""
        return (part.isEmpty || configuration.name.contains(part)) && request.matches("category", "Advanced")
          && request.matches("group", configuration.group) && request.matches("subgroup", configuration.subgroup)
          && request.matches("parent", "")
      }
      return try request.page("configuration", rows) {
        [$0.name, $0.description]
      } fields: {
        request.view.fields(of: $0)
      }
    },
    Command(
      "updateConfiguration", "Changes a setting", roles: [.admin, .domainAdmin],
      [
        .string("name", "the setting's name", required: true),
        .string("value", "the new value; the default if none is given", length: 4096),
      ],
      refused: ["accountid", "clusterid", "domainid", "imagestoreuuid", "storageid", "zoneid"],
      response: .configuration
    ) { request in
      let configuration = try await request.control.updateConfiguration(
        request.string("name"), request.arguments.string("value"), by: request.caller)
      return .one("configuration", request.latest.fields(of: configuration))
    },
    Command(
      "resetConfiguration", "Brings the default of a setting back", roles: .admin,
      [.string("name", "the setting's name", required: true)],
      refused: ["accountid", "clusterid", "domainid", "imagestoreid", "storageid", "zoneid"], response: .configuration
    ) { request in
      let configuration = try await request.control.updateConfiguration(
        request.string("name"), nil, by: request.caller)
      return .one("configuration", request.latest.fields(of: configuration))
    },
    Command(
      "listConfigurationGroups", "Lists the groups that settings are shown in", roles: .admin,
      [.string("group", "the group's name")] + Parameter.paging, response: .configurationGroup
    ) { request in
      let groups = Set(Configuration.all.map(\.group)).sorted()
      let rows = groups.enumerated().filter { request.matches("group", $0.element) }
      return try request.page("configurationgroup", rows) {
        [$0.element]
      } fields: { position, group in
        let parts = Set(Configuration.all.filter { $0.group == group }.map(\.subgroup)).sorted()
        var fields = Fields()
        fields.add("name", group)
        fields.add("description", "Settings of \(group)")
        fields.add("precedence", position + 1)
        fields.add(
          "subgroup",
          parts.enumerated().map { position, part in
            var fields = Fields()
            fields.add("name", part)
            fields.add("precedence", position + 1)
            return fields
          })
        return fields
      }
    },
  ]
}
