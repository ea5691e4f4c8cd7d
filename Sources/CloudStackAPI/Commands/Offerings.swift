import CloudModel

extension Commands {
  static let offerings = [
    Command(
      "listServiceOfferings", "Lists what CPU and memory instances can have",
      [
        .integer("cpunumber", "the number of CPUs"),
        .integer("cpuspeed", "the speed of a CPU in MHz"),
        .id("id", .serviceOffering, "the offering's id"),
        .boolean("issystem", "offerings of system instances; there are none"),
        .integer("memory", "the memory in MiB"),
        .string("name", "the offering's name"),
        .string("state", "Active, as all offerings are"),
      ] + Parameter.scope,
      refused: [
        "encryptroot", "gpuenabled", "storagetype", "systemvmtype", "templateid", "vgpuprofileid", "virtualmachineid",
      ], response: .serviceOffering
    ) { request in
      let rows = request.state.serviceOfferings.all.filter { offering in
        request.matches("id", offering.id) && request.matches("name", offering.name)
          && request.matches("issystem", false) && request.matches("state", "Active")
          && request.arguments.integer("cpunumber").map { $0 == offering.cpuNumber } ?? true
          && request.arguments.integer("cpuspeed").map { $0 == offering.cpuSpeedMHz } ?? true
          && request.arguments.integer("memory").map { $0 == offering.memoryMiB } ?? true
      }
      return try request.page("serviceoffering", rows.oldestFirst(\.created)) {
        [$0.name, $0.displayText]
      } fields: {
        request.view.fields(of: $0)
      }
    },
    Command(
      "listNetworkOfferings", "Lists what networks can do",
      [
        .string("availability", "Optional, as all offerings are"),
        .string("displaytext", "the offering's description"),
        .boolean("forvpc", "offerings for tiers of VPCs; there are none"),
        .string("guestiptype", "Shared or Isolated"),
        .id("id", .networkOffering, "the offering's id"),
        .boolean("isdefault", "whether it came with the cloud"),
        .string("name", "the offering's name"),
        .boolean("sourcenatsupported", "whether its networks have source NAT"),
        .boolean("specifyipranges", "whether its networks have address ranges of their own"),
        .boolean("specifyvlan", "offerings that need a VLAN id; there are none"),
        .string("state", "Enabled, as all offerings are"),
        .strings("supportedservices", "offerings that have all of these services"),
        .string("traffictype", "Guest, as all offerings are"),
        .id("zoneid", .zone, "offerings that can be used in this zone"),
      ] + Parameter.paging,
      refused: ["domainid", "istagged", "networkid", "routingmode", "tags"], response: .networkOffering
    ) { request in
      let series = request.arguments.id("zoneid", Zone.self).flatMap { request.state.zones[$0]?.series }
      let wanted = Set((request.arguments.strings("supportedservices") ?? []).map { $0.lowercased() })
      let rows = request.state.networkOfferings.all.filter { offering in
        let isShared = offering.guestType == .shared
        let services = Set(offering.services.map { $0.lowercased() })
        return request.matches("id", offering.id) && request.matches("name", offering.name)
          && request.matches("displaytext", offering.displayText) && request.matches("forvpc", false)
          && request.matches("guestiptype", offering.guestType.rawValue)
          && request.matches("isdefault", offering.isDefault) && request.matches("availability", "Optional")
          && request.matches("sourcenatsupported", services.contains("sourcenat"))
          && request.matches("specifyipranges", isShared) && request.matches("specifyvlan", false)
          && request.matches("state", "Enabled") && request.matches("traffictype", "Guest")
          && wanted.isSubset(of: services) && series.map { ($0 == .basic) == isShared } ?? true
      }
      return try request.page("networkoffering", rows.oldestFirst(\.created)) {
        [$0.name, $0.displayText]
      } fields: {
        request.view.fields(of: $0)
      }
    },
  ]
}
