import Addresses
package import CloudModel
import Control
import FoundationEssentials

extension View {
  static func allocation(_ isEnabled: Bool) -> String { isEnabled ? "Enabled" : "Disabled" }

  func addPod(_ id: ID<Pod>?, to fields: inout Fields) {
    guard let id else { return }
    fields.add("podid", id.description)
    fields.add("podname", state.pods[id]?.name)
  }

  func addCluster(_ id: ID<Cluster>?, to fields: inout Fields) {
    guard let id else { return }
    fields.add("clusterid", id.description)
    fields.add("clustername", state.clusters[id]?.name)
  }

  /// - Parameters:
  ///   - isConnected: whether the agent that carries the host is there.
  ///   - hasUse: with what instances take of it.
  package func fields(of host: Host, isConnected: Bool = true, hasUse: Bool = true) -> Fields {
    var fields = Fields()
    fields.add("id", host.id.description)
    fields.add("name", host.name)
    fields.add("state", isConnected ? "Up" : "Disconnected")
    fields.add("type", "Routing")
    fields.add("resourcestate", (host.resourceState ?? .enabled).rawValue)
    fields.add("hypervisor", host.hypervisor.rawValue)
    fields.add("cpunumber", host.cpuNumber)
    fields.add("memorytotal", host.memoryMiB * 1024 * 1024)
    addZone(host.zone, to: &fields)
    addPod(host.pod, to: &fields)
    addCluster(host.cluster, to: &fields)
    if host.cluster != nil { fields.add("clustertype", "CloudManaged") }
    fields.add("ipaddress", host.address)
    fields.add("hosttags", host.tags?.joined(separator: ","))
    fields.add("explicithosttags", host.tags?.joined(separator: ","))
    fields.add("cpuspeed", host.cpuSpeedMHz)
    if hasUse {
      let use = HostUse(host, in: state)
      if let speed = host.cpuSpeedMHz, host.cpuNumber > 0 {
        fields.add("cpuallocated", HostUse.percent(use.cpuMHz, of: speed * host.cpuNumber))
      }
      fields.add("cpuallocatedvalue", use.cpuMHz)
      fields.add("memoryallocated", use.memoryMiB * 1024 * 1024)
      fields.add("memoryallocatedbytes", use.memoryMiB * 1024 * 1024)
    }
    fields.add("capabilities", "hvm")
    fields.add("islocalstorageactive", host.isCarried)
    fields.add("hahost", false)
    fields.add("created", WireDate.text(host.created))
    addJob(host.id, to: &fields)
    return fields
  }

  package func fields(of pod: Pod) -> Fields {
    var fields = Fields()
    fields.add("id", pod.id.description)
    fields.add("name", pod.name)
    addZone(pod.zone, to: &fields)
    if let network = pod.network {
      fields.add("gateway", network.gateway.description)
      fields.add("netmask", network.prefix.netmask.description)
      fields.add("startip", texts: [network.first.description])
      fields.add("endip", texts: [network.last.description])
      fields.add("forsystemvms", texts: ["0"])
      fields.add("vlanid", texts: ["vlan://untagged"])
      var range = Fields()
      range.add("startip", network.first.description)
      range.add("endip", network.last.description)
      range.add("forsystemvms", "0")
      range.add("vlanid", "vlan://untagged")
      fields.add("ipranges", [range])
    }
    fields.add("allocationstate", Self.allocation(pod.isEnabled))
    return fields
  }

  package func fields(of cluster: Cluster) -> Fields {
    var fields = Fields()
    fields.add("id", cluster.id.description)
    fields.add("name", cluster.name)
    addPod(cluster.pod, to: &fields)
    addZone(cluster.zone, to: &fields)
    fields.add("hypervisortype", cluster.hypervisor.rawValue)
    fields.add("clustertype", "CloudManaged")
    fields.add("allocationstate", Self.allocation(cluster.isEnabled))
    fields.add("managedstate", cluster.isManaged ? "Managed" : "Unmanaged")
    fields.add("cpuovercommitratio", "1.0")
    fields.add("memoryovercommitratio", "1.0")
    return fields
  }
}

/// What the instances that run on a host take of it.
struct HostUse {
  var cpus = 0
  var cpuMHz = 0
  var memoryMiB = 0

  init(_ host: Host, in state: CloudState) {
    cpus = state.sum("powered", host.id, \.cpuNumber)
    cpuMHz = state.sum("powered", host.id) { $0.cpuNumber * $0.cpuSpeedMHz }
    memoryMiB = state.sum("powered", host.id, \.memoryMiB)
  }

  /// With two digits, as in `12.50%`.
  static func percent(_ part: Int, of whole: Int, sign: String = "%") -> String {
    guard whole > 0 else { return "0\(sign)" }
    let hundredths = (part * 10_000 + whole / 2) / whole
    let rest = hundredths % 100
    return "\(hundredths / 100).\(rest < 10 ? "0" : "")\(rest)\(sign)"
  }
}
