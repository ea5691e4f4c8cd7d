import Addresses
import CloudModel
import Control

extension Commands {
  static let capacity = [
    Command(
      "listCapacity", "Lists what zones hold and how much of it is taken", roles: .admin,
      [
        .id("clusterid", .cluster, "only of the cluster"),
        .boolean("fetchlatest", "accepted for CloudStack's clients; what is told is always the latest"),
        .id("podid", .pod, "only of the pod"),
        .string("sortby", "usage: the fullest first"),
        .integer("type", "the number of the kind: 0 memory, 1 CPU, 4 public addresses and so on"),
        .id("zoneid", .zone, "only of the zone"),
      ] + Parameter.paging, refused: ["tag"], response: .capacity
    ) { request in
      let state = request.state
      let cluster = request.arguments.id("clusterid", Cluster.self).flatMap { state.clusters[$0] }
      let pod = request.arguments.id("podid", Pod.self).flatMap { state.pods[$0] }
      let zones = state.zones.all.filter { zone in
        request.matches("zoneid", zone.id) && (cluster.map { $0.zone == zone.id } ?? true)
          && (pod.map { $0.zone == zone.id } ?? true)
      }
      var found = zones.oldestFirst(\.created).flatMap { zone in
        Capacities(request.view, zone: zone.id, pod: cluster?.pod ?? pod?.id, cluster: cluster?.id).found
      }
      if let type = request.arguments.integer("type") { found = found.filter { $0.type.rawValue == type } }
      if let order = request.arguments.string("sortby"), !order.isEmpty {
        guard order.lowercased() == "usage" else { throw APIError.invalid("sortby", order, "it is usage") }
        found.sort { $0.share > $1.share }
      }
      return try request.page("capacity", found) {
        [$0.type.name]
      } fields: {
        $0.fields(request.view)
      }
    }
  ]
}

/// Raw values are CloudStack's numbers.
enum CapacityType: Int, CaseIterable {
  case memory = 0
  case cpu = 1
  case storageAllocated = 3
  case publicAddresses = 4
  case privateAddresses = 5
  case sharedAddresses = 8
  case cpuCores = 90

  var name: String {
    switch self {
    case .memory: "MEMORY"
    case .cpu: "CPU"
    case .storageAllocated: "STORAGE_ALLOCATED"
    case .publicAddresses: "VIRTUAL_NETWORK_PUBLIC_IP"
    case .privateAddresses: "PRIVATE_IP"
    case .sharedAddresses: "DIRECT_ATTACHED_PUBLIC_IP"
    case .cpuCores: "CPU_CORE"
    }
  }
}

/// How much there is of something, and how much of it is taken.
struct Capacity {
  let type: CapacityType
  let used: Int
  let total: Int
  let zone: ID<Zone>
  let pod: ID<Pod>?
  let cluster: ID<Cluster>?

  var share: Double { total > 0 ? Double(used) / Double(total) : 0 }

  func fields(_ view: View) -> Fields {
    var fields = Fields()
    fields.add("type", type.rawValue)
    fields.add("name", type.name)
    view.addZone(zone, to: &fields)
    view.addPod(pod, to: &fields)
    view.addCluster(cluster, to: &fields)
    fields.add("capacityallocated", used)
    fields.add("capacityused", used)
    fields.add("capacitytotal", total)
    fields.add("percentused", HostUse.percent(used, of: total, sign: ""))
    return fields
  }
}

/// Counted from hosts, instances, pools and addresses. What hosts do not tell, such as the speed of CPUs, is left out.
struct Capacities {
  private let view: View
  private let zone: ID<Zone>
  private let pod: ID<Pod>?
  private let cluster: ID<Cluster>?

  init(_ view: View, zone: ID<Zone>, pod: ID<Pod>? = nil, cluster: ID<Cluster>? = nil) {
    self.view = view
    self.zone = zone
    self.pod = pod
    self.cluster = cluster
  }

  var rows: [Fields] { found.map { $0.fields(view) } }

  var found: [Capacity] {
    var found = ofHosts
    if cluster == nil { found += ofAddresses }
    let pools = view.state.storagePools.matching("zone", .id(zone)).filter { pool in
      pool.state == .up && (cluster.map { pool.cluster == $0 } ?? true) && (pod.map { pool.pod == $0 } ?? true)
    }
    if !pools.isEmpty {
      let used = pools.reduce(0) { $0 + view.state.allocated(in: $1.id) }
      found.append(capacity(.storageAllocated, used, pools.reduce(0) { $0 + $1.capacityBytes }))
    }
    return found
  }

  private func capacity(_ type: CapacityType, _ used: Int, _ total: Int) -> Capacity {
    Capacity(type: type, used: used, total: total, zone: zone, pod: pod, cluster: cluster)
  }

  private var ofHosts: [Capacity] {
    // The hosts of a node share its memory and its CPUs.
    var machines: [String: (memory: Int, cpus: Int, MHz: Int?)] = [:]
    var use = (memory: 0, cpus: 0, MHz: 0)
    for host in view.state.hosts.matching("zone", .id(zone)) where isMeant(host) && Control.isOpen(host, in: view.state)
    {
      machines[host.isCarried ? host.node : host.id.description] = (
        host.memoryMiB, host.cpuNumber, host.cpuSpeedMHz.map { $0 * host.cpuNumber }
      )
      let taken = HostUse(host, in: view.state)
      use = (use.memory + taken.memoryMiB, use.cpus + taken.cpus, use.MHz + taken.cpuMHz)
    }
    let memory = machines.values.reduce(0) { $0 + $1.memory }
    var found = [
      capacity(.memory, use.memory * 1024 * 1024, memory * 1024 * 1024),
      capacity(.cpuCores, use.cpus, machines.values.reduce(0) { $0 + $1.cpus }),
    ]
    let speeds = machines.values.compactMap(\.MHz)
    if speeds.count == machines.count { found.append(capacity(.cpu, use.MHz, speeds.reduce(0, +))) }
    return found
  }

  private func isMeant(_ host: Host) -> Bool {
    (pod.map { host.pod == $0 } ?? true) && (cluster.map { host.cluster == $0 } ?? true)
  }

  private var ofAddresses: [Capacity] {
    let state = view.state
    var found: [Capacity] = []
    let pods = state.pods.matching("zone", .id(zone)).filter { pod == nil || pod == $0.id }
    let privates = pods.reduce(0) { $0 + ($1.network.map { Int($0.last.value - $0.first.value) + 1 } ?? 0) }
    let hosts = pods.reduce(0) { $0 + state.hosts.matching("pod", .id($1.id)).filter { $0.address != nil }.count }
    if privates > 0 { found.append(capacity(.privateAddresses, hosts, privates)) }
    guard pod == nil else { return found }
    let ranges = state.publicIPRanges.matching("zone", .id(zone))
    func size(_ ranges: [PublicIPRange]) -> Int { ranges.reduce(0) { $0 + Int($1.last.value - $1.first.value) + 1 } }
    let total = size(ranges.filter { $0.network == nil })
    let pools = state.cells.matching("zone", .id(zone)).map(\.id.uuid) + [zone.uuid]
    let free = pools.reduce(0) { $0 + state.publicIPs.count("free", .uuid($1)) }
    found.append(capacity(.publicAddresses, total - free, total))
    let shared = ranges.filter { $0.network != nil }
    if !shared.isEmpty {
      let networks = Set(shared.compactMap(\.network))
      let used = networks.reduce(0) { sum, network in
        sum
          + state.virtualMachines.matching("network", .id(network)).reduce(0) {
            $0 + $1.nics.filter { $0.network == network }.reduce(0) { $0 + $1.allAddresses.count }
          }
      }
      found.append(capacity(.sharedAddresses, used, size(shared)))
    }
    return found
  }
}
