import CloudModel
import Control
import FoundationEssentials
import Ledger

/// What a hypervisor can do in this cloud.
struct HypervisorCapabilities: Sendable {
  let id: UUID
  let type: HypervisorType
  let guestLimit: Int

  static let all = [
    HypervisorCapabilities(
      id: UUID(uuid: (0x0D, 0xA2, 0x00, 0x3A, 0, 1, 0x40, 0, 0x80, 0, 0, 0, 0, 0, 0, 1)), type: .kvm, guestLimit: 1000),
    HypervisorCapabilities(
      id: UUID(uuid: (0x0D, 0xA2, 0x00, 0x3A, 0, 1, 0x40, 0, 0x80, 0, 0, 0, 0, 0, 0, 2)), type: .simulator,
      guestLimit: 1000),
  ]
}

extension Commands {
  static let hypervisors = [
    Command(
      "listHypervisors", "Lists the kinds of hypervisors that hosts may have",
      [.id("zoneid", .zone, "only those of the zone's hosts")], response: .hypervisor
    ) { request in
      let zone: ID<Zone>? = request.arguments.id("zoneid")
      let present = zone.map { Set(request.state.hosts.matching("zone", .id($0)).map(\.hypervisor)) }
      let rows = HypervisorType.allCases.filter { present?.contains($0) ?? true }
      return .list(
        "hypervisor",
        rows.map { type in
          var fields = Fields()
          fields.add("name", type.rawValue)
          return fields
        }, count: rows.count)
    },
    Command(
      "listHypervisorCapabilities", "Lists what hypervisors can do", roles: .admin,
      [
        .string("hypervisor", "KVM or Simulator"), .id("id", .hypervisorCapabilities, "the id of the capabilities"),
      ] + Parameter.paging, response: .hypervisorCapabilities
    ) { request in
      let id = request.arguments.uuid("id")
      let rows = HypervisorCapabilities.all.filter {
        (id == nil || $0.id == id) && request.matches("hypervisor", $0.type.rawValue)
      }
      return try request.page("hypervisorCapabilities", rows) {
        [$0.type.rawValue]
      } fields: { row in
        var fields = Fields()
        fields.add("id", row.id.wireText)
        fields.add("hypervisor", row.type.rawValue)
        fields.add("hypervisorversion", "default")
        fields.add("maxguestslimit", row.guestLimit)
        fields.add("securitygroupenabled", true)
        fields.add("storagemotionenabled", row.type == .simulator)
        fields.add("vmsnapshotenabled", false)
        return fields
      }
    },
    Command(
      "listManagementServers", "Tells of the manager that leads", roles: .admin,
      [.id("id", .managementServer, "the manager's id"), .string("name", "the manager's name")] + Parameter.paging,
      refused: ["peers"], response: .managementServer, isOfNodes: true
    ) { request in
      // One leads at a time; which process that is, its ledger does not say.
      let id = request.control.snapshot.ledger
      let name = "manager"
      let isMeant = request.arguments.uuid("id") ?? id == id && request.matches("name", name)
      let nodes = request.control.health().connectedNodes
      return try request.page("managementserver", isMeant ? [id] : []) { _ in
        [name]
      } fields: { id in
        var fields = Fields()
        fields.add("id", id.wireText)
        fields.add("name", name)
        fields.add("state", "Up")
        fields.add("version", compatibleVersion)
        fields.add("agentscount", nodes.count)
        fields.add("agents", texts: nodes)
        fields.add("pendingjobscount", request.state.jobs.count("pending", .number(1)))
        return fields
      }
    },
  ]
}
