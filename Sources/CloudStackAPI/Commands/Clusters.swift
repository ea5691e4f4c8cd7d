import CloudModel
import Control

extension Commands {
  static let clusters = [
    Command(
      "addCluster", "Makes a cluster of simulated hosts in a pod", roles: .admin,
      [
        .string("allocationstate", "Enabled or Disabled"),
        .string("clustername", "the cluster's name", required: true),
        .string("clustertype", "CloudManaged", required: true),
        .string("hypervisor", "Simulator", required: true),
        .id("podid", .pod, "the pod", required: true),
        .id("zoneid", .zone, "the zone", required: true),
      ],
      refused: [
        .unless("arch", "x86_64"), "extensionid", "externaldetails", "guestvswitchname", "guestvswitchtype",
        "ovm3cluster", "ovm3pool", "ovm3vip", "password", "publicvswitchname", "publicvswitchtype",
        "storageaccessgroups", "url", "username", "vsmipaddress", "vsmpassword", "vsmusername",
      ], response: .cluster
    ) { request in
      try requireCloudManaged(request)
      guard let hypervisor = try request.hypervisor("hypervisor") else {
        throw APIError.missing("hypervisor", request.command)
      }
      let id = try await request.control.addCluster(
        name: request.string("clustername"), hypervisor: hypervisor, zone: request.id("zoneid"),
        pod: request.id("podid"), isEnabled: request.isEnabled("allocationstate") ?? true, by: request.caller)
      return try request.createdList(id, "cluster") { request.latest.fields(of: $0) }
    },
    Command(
      "updateCluster", "Changes a cluster", roles: .admin,
      [
        .string("allocationstate", "Enabled or Disabled"),
        .string("clustername", "the cluster's name"),
        .string("clustertype", "CloudManaged"),
        .id("id", .cluster, "the cluster's id", required: true),
        .string("managedstate", "Managed or Unmanaged"),
      ], refused: [.unless("arch", "x86_64"), "externaldetails", "hypervisor"], response: .cluster
    ) { request in
      try requireCloudManaged(request)
      let id: ID<Cluster> = try request.id("id")
      var isManaged: Bool?
      if let text = request.arguments.string("managedstate"), !text.isEmpty {
        guard ["managed", "unmanaged"].contains(text.lowercased()) else {
          throw APIError.invalid("managedstate", text, "it is Managed or Unmanaged")
        }
        isManaged = text.lowercased() == "managed"
      }
      try await request.control.updateCluster(
        id, name: request.arguments.string("clustername"), isEnabled: request.isEnabled("allocationstate"),
        isManaged: isManaged, by: request.caller)
      return try request.created(id, "cluster") { request.latest.fields(of: $0) }
    },
    Command(
      "deleteCluster", "Deletes a cluster without hosts", roles: .admin,
      [.id("id", .cluster, "the cluster's id", required: true)], response: .success
    ) { request in
      try await request.control.deleteCluster(request.id("id"), by: request.caller)
      return .success()
    },
    Command(
      "listClusters", "Lists clusters", roles: .admin,
      [
        .string("allocationstate", "Enabled or Disabled"),
        .string("clustertype", "CloudManaged, as all clusters are"),
        .string("hypervisor", "KVM or Simulator"),
        .id("id", .cluster, "the cluster's id"),
        .string("managedstate", "Managed or Unmanaged"),
        .string("name", "the cluster's name"),
        .id("podid", .pod, "the pod of the clusters"),
        .boolean("showcapacities", "with what they hold and how much of it is taken"),
        .id("zoneid", .zone, "the zone of the clusters"),
      ] + Parameter.paging, refused: [.unless("arch", "x86_64"), "storageaccessgroup"], response: .cluster
    ) { request in
      let rows = request.state.clusters.all.filter { cluster in
        request.matches("id", cluster.id) && request.matches("name", cluster.name)
          && request.matches("podid", cluster.pod) && request.matches("zoneid", cluster.zone)
          && request.matches("hypervisor", cluster.hypervisor.rawValue)
          && request.matches("clustertype", "CloudManaged")
          && request.matches("allocationstate", View.allocation(cluster.isEnabled))
          && request.matches("managedstate", cluster.isManaged ? "Managed" : "Unmanaged")
      }
      return try request.page("cluster", rows.oldestFirst(\.created)) {
        [$0.name]
      } fields: { cluster in
        var fields = request.view.fields(of: cluster)
        if request.arguments.flag("showcapacities") {
          fields.add(
            "capacity", Capacities(request.view, zone: cluster.zone, pod: cluster.pod, cluster: cluster.id).rows)
        }
        return fields
      }
    },
  ]

  private static func requireCloudManaged(_ request: Request) throws {
    guard request.matches("clustertype", "CloudManaged") else {
      throw ControlError(.unsupported, "The clustertype of all clusters is CloudManaged")
    }
  }
}

extension Request {
  /// What was made, as a list of one, which some commands answer with.
  func createdList<R: Resource>(_ id: ID<R>, _ name: String, _ fields: (R) -> Fields) throws -> Reply {
    guard let resource = R.row(id, in: control.state)?.value else {
      throw ControlError(.internalError, "The new \(name) is gone already")
    }
    return .list(name, [fields(resource)], count: 1)
  }
}
