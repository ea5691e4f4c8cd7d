import CloudModel
import Control

extension Commands {
  /// Making and changing offerings; they are listed beside those of instances.
  static let managedNetworkOfferings = [
    Command(
      "createNetworkOffering", "Makes an offering of networks; it is disabled at first", roles: .admin,
      [
        .string("availability", "Optional or Required"),
        .string("displaytext", "a description; the name by default"),
        .boolean("egressdefaultpolicy", "whether instances may send anywhere until a rule forbids it"),
        .boolean("enable", "enables it at once"),
        .string("guestiptype", "Isolated or Shared", required: true),
        .string("name", "the offering's name", required: true),
        .map("servicecapabilitylist", "capabilities of services: service, capabilitytype, capabilityvalue"),
        .map("serviceproviderlist", "who does which service: service, provider"),
        .boolean("specifyipranges", "networks with ranges of their own, as shared ones are"),
        .strings("supportedservices", "what its networks can do"),
        .string("traffictype", "Guest", required: true),
      ],
      refused: [
        .unless("conservemode", "true"), "details", "domainid", "fornsx", "fortungsten", "forvpc",
        .unless("internetprotocol", "ipv4"), "ispersistent", "keepaliveenabled", "maxconnections",
        .unless("networkmode", "natted"), "networkrate", "nsxsupportlb", "nsxsupportsinternallb", "provider",
        "routingmode", "serviceofferingid", "specifyasnumber", "specifyvlan", "tags", "zoneid",
      ], response: .networkOffering
    ) { request in
      let kind = try request.string("guestiptype")
      guard
        let guestType = [GuestType.isolated, .shared].first(where: { $0.rawValue.lowercased() == kind.lowercased() })
      else { throw ControlError(.unsupported, "Networks are Isolated or Shared; \(kind) is not supported") }
      guard request.matches("traffictype", "Guest") else {
        throw APIError.invalid("traffictype", try request.string("traffictype"), "offerings are for traffic type Guest")
      }
      if let ranges = request.arguments.boolean("specifyipranges"), ranges != (guestType == .shared) {
        throw ControlError(.unsupported, "Shared networks have ranges of their own, isolated ones have not")
      }
      try requireUsualCapabilities(request)
      var offering = NewNetworkOffering(
        name: try request.string("name"), guestType: guestType, services: try services(request))
      offering.displayText = request.arguments.string("displaytext")
      offering.allowsEgress = request.arguments.boolean("egressdefaultpolicy") ?? (guestType == .shared)
      offering.isEnabled = request.arguments.flag("enable")
      offering.availability = request.arguments.string("availability")
      let id = try await request.control.createNetworkOffering(offering, by: request.caller)
      return try request.created(id, "networkoffering") { request.latest.fields(of: $0) }
    },
    Command(
      "updateNetworkOffering", "Changes an offering of networks", roles: .admin,
      [
        .string("availability", "Optional or Required"),
        .string("displaytext", "a description"),
        .id("id", .networkOffering, "the offering's id"),
        .string("name", "the offering's name"),
        .string("state", "Enabled or Disabled"),
      ], refused: ["domainid", "keepaliveenabled", "maxconnections", "sortkey", "tags", "zoneid"],
      response: .networkOffering
    ) { request in
      let id: ID<NetworkOffering> = try request.id("id")
      try await request.control.updateNetworkOffering(
        id, name: request.arguments.string("name"), displayText: request.arguments.string("displaytext"),
        isEnabled: request.isEnabled("state"), availability: request.arguments.string("availability"),
        by: request.caller)
      return try request.created(id, "networkoffering") { request.latest.fields(of: $0) }
    },
    Command(
      "deleteNetworkOffering", "Deletes an offering that no network uses", roles: .admin,
      [.id("id", .networkOffering, "the offering's id", required: true)], response: .success
    ) { request in
      try await request.control.deleteNetworkOffering(request.id("id"), by: request.caller)
      return .success()
    },
  ]

  private static func services(_ request: Request) throws -> [(service: String, provider: String?)] {
    var services = (request.arguments.strings("supportedservices") ?? []).map { (service: $0, provider: String?.none) }
    for row in request.arguments.rows("serviceproviderlist") ?? [] {
      guard let service = row["service"], let provider = row["provider"] else {
        throw APIError.value("The rows of serviceproviderlist have service and provider")
      }
      services.removeAll { $0.service.lowercased() == service.lowercased() && $0.provider == nil }
      services.append((service, provider))
    }
    return services
  }

  /// What CloudStack's clients send of capabilities that are as they are asked for anyway.
  private static let usualCapabilities: Set<String> = [
    "sourcenat/supportedsourcenattypes/peraccount", "sourcenat/redundantrouter/false",
    "lb/supportedlbisolation/dedicated",
    "lb/elasticlb/false", "lb/inlinemode/false", "lb/lbschemes/public", "staticnat/elasticip/false",
    "staticnat/associatepublicip/true",
  ]

  static func requireUsualCapabilities(_ request: Request) throws {
    for row in request.arguments.rows("servicecapabilitylist") ?? [] {
      let text = ["service", "capabilitytype", "capabilityvalue"].map { row[$0] ?? "" }.joined(separator: "/")
      guard usualCapabilities.contains(text.lowercased()) else {
        throw ControlError(.unsupported, "The capability \(text) is not supported")
      }
    }
  }
}
