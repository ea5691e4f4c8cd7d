import CloudModel
import Control

extension Commands {
  static let offerings = [
    Command(
      "listNetworkOfferings", "Lists what networks can do",
      [
        .string("availability", "Optional or Required"),
        .string("displaytext", "the offering's description"),
        .boolean("forvpc", "offerings for tiers of VPCs"),
        .string("guestiptype", "Shared or Isolated"),
        .id("id", .networkOffering, "the offering's id"),
        .boolean("isdefault", "whether it came with the cloud"),
        .string("name", "the offering's name"),
        .boolean("sourcenatsupported", "whether its networks have source NAT"),
        .boolean("specifyipranges", "whether its networks have address ranges of their own"),
        .boolean("specifyvlan", "offerings that need a VLAN id; there are none"),
        .string("state", "Enabled or Disabled; others than root administrators see enabled ones only"),
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
          && request.matches("displaytext", offering.displayText) && request.matches("forvpc", offering.forVPC ?? false)
          && request.matches("guestiptype", offering.guestType.rawValue)
          && request.matches("isdefault", offering.isDefault)
          && request.matches("availability", offering.availability ?? "Optional")
          && request.matches("sourcenatsupported", services.contains("sourcenat"))
          && request.matches("specifyipranges", isShared) && request.matches("specifyvlan", false)
          && request.matches("state", View.allocation(offering.isDisabled != true))
          && (request.caller.isRootAdmin || offering.isDisabled != true) && request.matches("traffictype", "Guest")
          && wanted.isSubset(of: services) && series.map { ($0 == .basic) == isShared } ?? true
      }
      return try request.page("networkoffering", rows.oldestFirst(\.created)) {
        [$0.name, $0.displayText]
      } fields: {
        request.view.fields(of: $0)
      }
    }
  ]
}
