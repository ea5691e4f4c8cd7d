import Addresses
package import CloudModel

extension View {
  package func fields(of machine: SystemVM) -> Fields {
    let host = state.hosts[machine.host]
    let zone = state.zones[machine.zone]
    var fields = Fields()
    fields.add("id", machine.id.description)
    fields.add("name", machine.name)
    fields.add("systemvmtype", machine.type.rawValue)
    fields.add("state", machine.state.rawValue)
    fields.add("agentstate", machine.state == .running ? "Up" : "Disconnected")
    addZone(machine.zone, to: &fields)
    addPod(host?.pod, to: &fields)
    if machine.state.isPlaced {
      fields.add("hostid", machine.host.description)
      fields.add("hostname", host?.name)
    }
    fields.add("hypervisor", host?.hypervisor.rawValue)
    for (position, server) in (zone?.dns ?? []).prefix(2).enumerated() {
      fields.add("dns\(position + 1)", server.description)
    }
    fields.add("networkdomain", zone?.domainName)
    if machine.type == .consoleProxy { fields.add("activeviewersessions", 0) }
    fields.add("created", WireDate.text(machine.created))
    addJob(machine.id, to: &fields)
    return fields
  }
}
