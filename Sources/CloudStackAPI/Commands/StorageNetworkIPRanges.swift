import Addresses
package import CloudModel
import Control
import FoundationEssentials

extension Commands {
  static let storageNetworkIPRanges = [
    Command.job(
      "createStorageNetworkIpRange", "Adds addresses to a pod's storage network", roles: .admin,
      [
        .string("endip", "the last address; the first by default"),
        .string("gateway", "the gateway of the addresses", required: true),
        .string("netmask", "the netmask of the addresses", required: true),
        .id("podid", .pod, "the pod", required: true),
        .string("startip", "the first address", required: true),
        .integer("vlan", "the VLAN of the addresses"),
      ], response: .storageNetworkIPRange
    ) { request in
      let arguments = request.arguments
      func needed(_ name: String) throws(APIError) -> IPv4 {
        guard let address = try arguments.address(name) else { throw .missing(name, request.command) }
        return address
      }
      return try await request.control.createStorageIPRange(
        pod: request.id("podid"), gateway: needed("gateway"), netmask: needed("netmask"), first: needed("startip"),
        last: arguments.address("endip"), vlan: arguments.integer("vlan"), by: request.caller)
    },
    .job(
      "updateStorageNetworkIpRange", "Changes addresses of a pod's storage network", roles: .admin,
      [
        .string("endip", "the last address"), storageRange, .string("netmask", "the netmask of the addresses"),
        .string("startip", "the first address"), .integer("vlan", "the VLAN of the addresses"),
      ], response: .storageNetworkIPRange
    ) { request in
      var change = StorageIPRangeChange()
      change.netmask = try request.arguments.address("netmask")
      change.first = try request.arguments.address("startip")
      change.last = try request.arguments.address("endip")
      change.vlan = request.arguments.integer("vlan")
      return try await request.control.updateStorageIPRange(request.id("id"), change, by: request.caller)
    },
    .job(
      "deleteStorageNetworkIpRange", "Removes addresses of a pod's storage network", roles: .admin, [storageRange]
    ) { request in
      try await request.control.deleteStorageIPRange(request.id("id"), by: request.caller)
    },
    Command(
      "listStorageNetworkIpRange", "Lists addresses of pods' storage networks", roles: .admin,
      [
        .id("id", .storageIPRange, "the range's id"), .id("podid", .pod, "the pod"), .id("zoneid", .zone, "the zone"),
      ] + Parameter.paging, response: .storageNetworkIPRange
    ) { request in
      let rows = request.state.storageIPRanges.all.filter {
        request.matches("id", $0.id) && request.matches("podid", $0.pod) && request.matches("zoneid", $0.zone)
      }
      return try request.page("storagenetworkiprange", rows.oldestFirst(\.created)) {
        [$0.first.description, $0.last.description]
      } fields: {
        request.view.fields(of: $0)
      }
    },
  ]

  private static let storageRange = Parameter.id("id", .storageIPRange, "the range's id", required: true)
}

extension ResponseType {
  static let storageNetworkIPRange = ResponseType(
    "storagenetworkiprange",
    [
      "id": .string, "zoneid": .string, "podid": .string, "networkid": .string, "startip": .string, "endip": .string,
      "gateway": .string, "netmask": .string, "vlan": .integer, "jobid": .string, "jobstatus": .integer,
    ])
}

extension View {
  /// The storage network has the id of the traffic type that makes it.
  package func fields(of range: StorageIPRange) -> Fields {
    let types = state.physicalNetworks.matching("zone", .id(range.zone)).flatMap(\.trafficTypes)
    var fields = Fields()
    fields.add("id", range.id.description)
    fields.add("zoneid", range.zone.description)
    fields.add("podid", range.pod.description)
    fields.add("networkid", types.first { $0.kind == .storage }?.id.wireText)
    fields.add("startip", range.first.description)
    fields.add("endip", range.last.description)
    fields.add("gateway", range.gateway.description)
    fields.add("netmask", IPv4Prefix(range.gateway, length: range.length).netmask.description)
    fields.add("vlan", range.vlan)
    addJob(range.id, to: &fields)
    return fields
  }
}
