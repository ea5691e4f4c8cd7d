import CloudModel
import Control

extension Commands {
  static let pods = [
    Command(
      "createPod", "Makes a pod in a zone", roles: .admin,
      [
        .id("zoneid", .zone, "the zone", required: true),
        .string("name", "the pod's name", required: true),
      ] + podNetwork, refused: ["storageaccessgroups"], response: .pod
    ) { request in
      let id = try await request.control.createPod(
        try podRequest(request), zone: request.id("zoneid"), by: request.caller)
      return try request.created(id, "pod") { request.latest.fields(of: $0) }
    },
    Command(
      "updatePod", "Changes a pod", roles: .admin,
      [.id("id", .pod, "the pod's id", required: true), .string("name", "the pod's name")] + podNetwork,
      response: .pod
    ) { request in
      let id: ID<Pod> = try request.id("id")
      try await request.control.updatePod(id, try podRequest(request), by: request.caller)
      return try request.created(id, "pod") { request.latest.fields(of: $0) }
    },
    Command(
      "deletePod", "Deletes a pod that nothing is in", roles: .admin,
      [.id("id", .pod, "the pod's id", required: true)], response: .success
    ) { request in
      try await request.control.deletePod(request.id("id"), by: request.caller)
      return .success()
    },
    Command(
      "listPods", "Lists pods", roles: .admin,
      [
        .string("allocationstate", "Enabled or Disabled"),
        .id("id", .pod, "the pod's id"),
        .string("name", "the pod's name"),
        .boolean("showcapacities", "with what they hold and how much of it is taken"),
        .id("zoneid", .zone, "the zone of the pods"),
      ] + Parameter.paging, refused: ["storageaccessgroup"], response: .pod
    ) { request in
      let rows = request.state.pods.all.filter { pod in
        request.matches("id", pod.id) && request.matches("name", pod.name) && request.matches("zoneid", pod.zone)
          && request.matches("allocationstate", View.allocation(pod.isEnabled))
      }
      return try request.page("pod", rows.oldestFirst(\.created)) {
        [$0.name]
      } fields: { pod in
        var fields = request.view.fields(of: pod)
        if request.arguments.flag("showcapacities") {
          fields.add("capacity", Capacities(request.view, zone: pod.zone, pod: pod.id).rows)
        }
        return fields
      }
    },
  ]

  private static let podNetwork: [Parameter] = [
    .string("allocationstate", "Enabled or Disabled"),
    .string("endip", "the last private address; the network's last by default"),
    .string("gateway", "the gateway of the private network"),
    .string("netmask", "the netmask of the private network"),
    .string("startip", "the first private address"),
  ]

  private static func podRequest(_ request: Request) throws -> PodRequest {
    var pod = PodRequest()
    pod.name = request.arguments.string("name")
    pod.gateway = try request.arguments.address("gateway")
    pod.netmask = try request.arguments.address("netmask")
    pod.first = try request.arguments.address("startip")
    pod.last = try request.arguments.address("endip")
    pod.isEnabled = try request.isEnabled("allocationstate")
    return pod
  }
}
