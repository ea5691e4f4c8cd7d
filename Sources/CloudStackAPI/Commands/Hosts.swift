import CloudModel

extension Commands {
  static let hosts = [
    Command(
      "listHosts", "Lists hosts", roles: .admin,
      [
        .string("hypervisor", "KVM or Simulator"),
        .id("id", .host, "the host's id"),
        .string("name", "the host's name"),
        .string("resourcestate", "Enabled, as all hosts are"),
        .string("type", "Routing, as all hosts are"),
        .id("zoneid", .zone, "the zone of the host"),
      ] + Parameter.paging,
      refused: [
        "arch", "clusterid", "hahost", "managementserverid", "outofbandmanagementenabled",
        "outofbandmanagementpowerstate", "podid", "state", "storageaccessgroup", "virtualmachineid",
      ], response: .host
    ) { request in
      let rows = request.state.hosts.all.filter { host in
        request.matches("id", host.id) && request.matches("name", host.name) && request.matches("zoneid", host.zone)
          && request.matches("hypervisor", host.hypervisor.rawValue) && request.matches("resourcestate", "Enabled")
          && request.matches("type", "Routing")
      }
      return try request.page("host", rows.oldestFirst(\.created)) {
        [$0.name]
      } fields: {
        request.view.fields(of: $0)
      }
    }
  ]
}
