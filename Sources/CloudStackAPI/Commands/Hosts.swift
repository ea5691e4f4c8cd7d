import CloudModel
import Control

extension Commands {
  static let hosts = [
    Command(
      "listHosts", "Lists hosts", roles: .admin,
      [
        .id("clusterid", .cluster, "the cluster of the hosts"),
        .strings("details", "all, or min for hosts without what instances take of them"),
        .boolean("hahost", "hosts kept for high availability; there are none"),
        .string("hypervisor", "KVM or Simulator"),
        .id("id", .host, "the host's id"),
        .string("name", "the host's name"),
        .id("podid", .pod, "the pod of the hosts"),
        .string("resourcestate", "Enabled, Disabled, PrepareForMaintenance or Maintenance"),
        .string("state", "Up or Disconnected"),
        .string("type", "Routing, as all hosts are"),
        .id("virtualmachineid", .virtualMachine, "hosts that could have this instance"),
        .id("zoneid", .zone, "the zone of the hosts"),
      ] + Parameter.paging,
      refused: [
        .unless("arch", "x86_64"), "managementserverid", "outofbandmanagementenabled", "outofbandmanagementpowerstate",
        "storageaccessgroup",
      ], response: .host, isOfNodes: true
    ) { request in
      let connected = Set(request.control.health().connectedNodes)
      func isUp(_ host: Host) -> Bool { !host.isCarried || connected.contains(host.node) }
      let machine = request.arguments.id("virtualmachineid", VirtualMachine.self).flatMap {
        request.state.virtualMachines[$0]
      }
      let rows = request.state.hosts.all.filter { host in
        request.matches("id", host.id) && request.matches("name", host.name) && request.matches("zoneid", host.zone)
          && request.matches("podid", host.pod) && request.matches("clusterid", host.cluster)
          && request.matches("hypervisor", host.hypervisor.rawValue)
          && request.matches("resourcestate", (host.resourceState ?? .enabled).rawValue)
          && request.matches("state", isUp(host) ? "Up" : "Disconnected") && request.matches("type", "Routing")
          && request.matches("hahost", false)
          && (machine.map { $0.zone == host.zone && $0.hypervisor == host.hypervisor } ?? true)
      }
      let details = request.arguments.strings("details") ?? []
      return try request.page("host", rows.oldestFirst(\.created)) {
        [$0.name]
      } fields: {
        request.view.fields(of: $0, isConnected: isUp($0), hasUse: !details.contains("min"))
      }
    },
    Command(
      "addHost", "Adds a simulated host", roles: .admin,
      [
        .string("allocationstate", "Enabled or Disabled"),
        .id("clusterid", .cluster, "the cluster; or clustername"),
        .string("clustername", "the cluster's name, which is made if there is none"),
        .strings("hosttags", "names by which offerings ask for hosts"),
        .string("hypervisor", "Simulator", required: true),
        .string("password", "accepted for CloudStack's clients; a simulated host has none"),
        .id("podid", .pod, "the pod", required: true),
        .string("url", "how the host is called: http://sim/cluster/host", required: true),
        .string("username", "accepted for CloudStack's clients; a simulated host has none"),
        .id("zoneid", .zone, "the zone", required: true),
      ], refused: ["externaldetails", "storageaccessgroups"], response: .host
    ) { request in
      guard let hypervisor = try request.hypervisor("hypervisor") else {
        throw APIError.missing("hypervisor", request.command)
      }
      var host = NewHost(
        zone: try request.id("zoneid"), pod: try request.id("podid"), hypervisor: hypervisor,
        url: try request.string("url"))
      host.cluster = request.arguments.id("clusterid")
      host.clusterName = request.arguments.string("clustername")
      host.tags = request.arguments.strings("hosttags") ?? []
      host.isEnabled = try request.isEnabled("allocationstate") ?? true
      let id = try await request.control.addHost(host, by: request.caller)
      return try request.createdList(id, "host") { request.latest.fields(of: $0) }
    },
    Command(
      "updateHost", "Changes a host", roles: .admin,
      [
        .string("allocationstate", "Enable or Disable"),
        .strings("hosttags", "names by which offerings ask for hosts"),
        .id("id", .host, "the host's id", required: true),
        .string("name", "the host's name"),
        .string("url", "how a simulated host is called"),
      ],
      refused: ["annotation", "cleanupexternaldetails", "externaldetails", "istagarule", "oscategoryid"],
      response: .host
    ) { request in
      let id: ID<Host> = try request.id("id")
      try await request.control.updateHost(
        id, name: request.arguments.string("name"), tags: request.arguments.strings("hosttags"),
        isEnabled: request.isEnabled("allocationstate"), url: request.arguments.string("url"), by: request.caller)
      return try request.created(id, "host") { request.latest.fields(of: $0) }
    },
    Command(
      "deleteHost", "Removes a simulated host that is in maintenance", roles: .admin,
      [
        .boolean("forced", "also one that is not; its instances move, or stop where there is no room"),
        .boolean(
          "forcedestroylocalstorage", "accepted for CloudStack's clients; nothing is on a simulated host itself"),
        .id("id", .host, "the host's id", required: true),
      ], response: .success
    ) { request in
      try await request.control.deleteHost(
        request.id("id"), forced: request.arguments.flag("forced"), by: request.caller)
      return .success()
    },
    Command(
      "listHostTags", "Lists the tags of hosts", roles: .admins, Parameter.paging, response: .hostTag
    ) { request in
      let rows = Set(request.state.hosts.all.flatMap { $0.tags ?? [] }).sorted()
      return try request.page("hosttag", rows) {
        [$0]
      } fields: { tag in
        var fields = Fields()
        fields.add("id", tag)
        fields.add("name", tag)
        fields.add("isimplicit", false)
        return fields
      }
    },
  ]

  static let hostMaintenance = [
    Command.job(
      "prepareHostForMaintenance", "Moves what is on a host elsewhere, so that it can be worked on", roles: .admin,
      [.id("id", .host, "the host's id", required: true)], response: .host
    ) { request in
      try await request.control.prepareHostForMaintenance(request.id("id"), by: request.caller)
    },
    .job(
      "cancelHostMaintenance", "Ends the maintenance of a host", roles: .admin,
      [.id("id", .host, "the host's id", required: true)], response: .host
    ) { request in
      try await request.control.cancelHostMaintenance(request.id("id"), by: request.caller)
    },
    .job(
      "reconnectHost", "Connects to a simulated host anew", roles: .admin,
      [.id("id", .host, "the host's id", required: true)], response: .host
    ) { request in
      try await request.control.reconnectHost(request.id("id"), by: request.caller)
    },
  ]
}
