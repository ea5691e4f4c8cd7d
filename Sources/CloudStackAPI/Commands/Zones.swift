import Addresses
import CloudModel
import Control

extension Commands {
  static let zones = [
    Command(
      "listZones", "Lists zones",
      [
        .boolean("available", "false for those alone in which the caller's account has a virtual router"),
        .id("id", .zone, "the zone's id"),
        .ids("ids", .zone, "the zones' ids"),
        .string("name", "the zone's name"),
        .string("networktype", "Basic or Advanced"),
      ] + Parameter.paging,
      refused: ["domainid", "storageaccessgroup", "tags", "showcapacities", "showicon"],
      response: .zone
    ) { request in
      let ids = request.arguments.ids("ids", Zone.self)
      let own =
        request.arguments.boolean("available") == false
        ? Set(request.state.routers.matching("account", .id(request.caller.account)).map(\.zone)) : nil
      let rows = request.state.zones.all.filter { zone in
        (request.caller.isRootAdmin || zone.isDisabled != true) && request.matches("id", zone.id)
          && request.matches("name", zone.name) && request.matches("networktype", zone.series.rawValue)
          && ids?.contains(zone.id) ?? true && own?.contains(zone.id) ?? true
      }
      return try request.page("zone", rows.oldestFirst(\.created)) {
        [$0.name]
      } fields: {
        request.view.fields(of: $0)
      }
    },
    Command(
      "createZone", "Makes a zone for simulated hosts; it is disabled at first", roles: .admin,
      [
        .string("name", "the zone's name", required: true),
        .string("networktype", "Basic or Advanced", required: true),
        .string("dns1", "the first name server of instances", required: true),
        .string("dns2", "the second name server of instances"),
        .string("internaldns1", "the first name server of the zone itself", required: true),
        .string("internaldns2", "the second name server of the zone itself"),
        .boolean("securitygroupenabled", "whether there are security groups: in a Basic zone there are"),
      ] + changeable,
      refused: ["domainid", "ip6dns1", "ip6dns2", "storageaccessgroups"], response: .zone
    ) { request in
      let text = try request.string("networktype")
      guard let series = [Series.basic, .isolate].first(where: { $0.rawValue.lowercased() == text.lowercased() })
      else { throw APIError.invalid("networktype", text, "it is Basic or Advanced") }
      if let wanted = request.arguments.boolean("securitygroupenabled"), wanted != (series == .basic) {
        throw ControlError(.unsupported, "Zones with basic networking have security groups, others have not")
      }
      let id = try await request.control.createZone(try zoneRequest(request), series: series, by: request.caller)
      return try request.created(id, "zone") { request.latest.fields(of: $0) }
    },
    Command(
      "updateZone", "Changes a zone", roles: .admin,
      [
        .id("id", .zone, "the zone's id", required: true),
        .string("name", "the zone's name"),
        .string("dns1", "the first name server of instances"),
        .string("dns2", "the second name server of instances"),
        .string("internaldns1", "the first name server of the zone itself"),
        .string("internaldns2", "the second name server of the zone itself"),
      ] + changeable.filter { $0.name != "isedge" },
      refused: [
        "details", .unless("dhcpprovider", "virtualrouter"), "dnssearchorder", "ip6dns1", "ip6dns2",
        .unless("ispublic", "true"), "sortkey",
      ], response: .zone
    ) { request in
      let id: ID<Zone> = try request.id("id")
      try await request.control.updateZone(id, try zoneRequest(request), by: request.caller)
      return try request.created(id, "zone") { request.latest.fields(of: $0) }
    },
    Command(
      "deleteZone", "Deletes a zone that nothing is in", roles: .admin,
      [.id("id", .zone, "the zone's id", required: true)], response: .success
    ) { request in
      try await request.control.deleteZone(request.id("id"), by: request.caller)
      return .success()
    },
  ]

  private static let changeable: [Parameter] = [
    .string("allocationstate", "Enabled or Disabled"),
    .string("domain", "the DNS domain of networks that have none of their own"),
    .string("guestcidraddress", "where instances have their addresses if nothing else is said"),
    .boolean("isedge", "whether the zone is an edge zone"),
    .boolean("localstorageenabled", "whether instances may have their disks on hosts"),
  ]

  private static func zoneRequest(_ request: Request) throws -> ZoneRequest {
    let arguments = request.arguments
    let known = arguments.id("id", Zone.self).flatMap { request.state.zones[$0] }
    var zone = ZoneRequest()
    zone.name = arguments.string("name")
    zone.dns = try servers("dns", arguments, known?.dns)
    zone.internalDNS = try servers("internaldns", arguments, known?.internalDNS)
    zone.domainName = arguments.string("domain")
    zone.isEnabled = try request.isEnabled("allocationstate")
    zone.isEdge = arguments.boolean("isedge")
    zone.hasLocalStorage = arguments.boolean("localstorageenabled")
    if let text = arguments.string("guestcidraddress"), !text.isEmpty {
      guard let prefix = IPv4Prefix(text) else {
        throw APIError.invalid("guestcidraddress", text, "it is not a prefix")
      }
      zone.guestPrefix = prefix
    }
    return zone
  }

  /// The two name servers, of which those that are not given stay; nil when none is given.
  private static func servers(_ name: String, _ arguments: Arguments, _ before: [IPv4]?) throws(APIError) -> [IPv4]? {
    guard arguments.has(name + "1") || arguments.has(name + "2") else { return nil }
    var servers: [IPv4] = []
    for position in 0..<2 {
      let given = try arguments.address("\(name)\(position + 1)")
      let kept = arguments.has("\(name)\(position + 1)") ? nil : before?.dropFirst(position).first
      if let server = given ?? kept { servers.append(server) }
    }
    return servers
  }
}

extension Request {
  /// What a state parameter asks for; nil when it is not given.
  func isEnabled(_ name: String) throws(APIError) -> Bool? {
    guard let text = arguments.string(name), !text.isEmpty else { return nil }
    switch text.lowercased() {
    case "enabled", "enable": return true
    case "disabled", "disable": return false
    default: throw .invalid(name, text, "it is Enabled or Disabled")
    }
  }

  /// The hypervisor of the name; those that Daruma has not are unsupported.
  func hypervisor(_ name: String) throws -> HypervisorType? {
    guard let text = arguments.string(name), !text.isEmpty else { return nil }
    guard let type = HypervisorType.allCases.first(where: { $0.rawValue.lowercased() == text.lowercased() }) else {
      throw ControlError(.unsupported, "The hypervisor \(text) is not supported; see listHypervisors")
    }
    return type
  }
}
