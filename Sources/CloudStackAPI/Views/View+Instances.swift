package import CloudModel
package import Control
import FoundationEssentials

extension View {
  /// What was chosen for an instance besides its place and its networks.
  func addChoices(of machine: VirtualMachine, to fields: inout Fields) {
    var details = Fields()
    for detail in machine.details ?? [] { details.add(detail.name, detail.value) }
    fields.add("details", .object(details))
    fields.add("groupid", machine.group?.description)
    fields.add("group", machine.group.flatMap { state.instanceGroups[$0]?.name })
    fields.add("keypairs", machine.keys.map { $0.map(\.name).joined(separator: ",") })
    fields.add("userdataid", machine.userDataSource?.description)
    fields.add("userdataname", machine.userDataSource.flatMap { state.registeredUserData[$0]?.name })
    fields.add("deleteprotection", machine.isDeleteProtected ?? false)
  }

  /// A group as instances show it.
  func summary(of group: AffinityGroup) -> Fields {
    var fields = Fields()
    fields.add("id", group.id.description)
    fields.add("name", group.name)
    fields.add("type", group.type.rawValue)
    return fields
  }

  package func fields(of group: AffinityGroup) -> Fields {
    var fields = Fields()
    fields.add("id", group.id.description)
    fields.add("name", group.name)
    fields.add("description", group.description)
    fields.add("type", group.type.rawValue)
    addOwner(group.account, to: &fields)
    fields.add(
      "virtualmachineIds",
      texts: state.virtualMachines.matching("affinitygroup", .id(group.id)).map(\.id.description).sorted())
    return fields
  }

  package func fields(of group: InstanceGroup) -> Fields {
    var fields = Fields()
    fields.add("id", group.id.description)
    fields.add("name", group.name)
    fields.add("created", WireDate.text(group.created))
    addOwner(group.account, to: &fields)
    return fields
  }

  package func fields(of pair: SSHKeyPair) -> Fields {
    var fields = Fields()
    fields.add("id", pair.id.description)
    fields.add("name", pair.name)
    fields.add("fingerprint", pair.fingerprint)
    addOwner(pair.account, to: &fields)
    return fields
  }

  package func fields(of source: RegisteredUserData) -> Fields {
    var fields = Fields()
    fields.add("id", source.id.description)
    fields.add("name", source.name)
    fields.add("accountid", source.account.description)
    addOwner(source.account, to: &fields)
    fields.add("userdata", Data(source.content).base64EncodedString())
    fields.add("params", source.parameters)
    return fields
  }

  package func fields(of snapshot: InstanceSnapshot) -> Fields {
    let machine = state.virtualMachines[snapshot.virtualMachine]
    var fields = Fields()
    fields.add("id", snapshot.id.description)
    fields.add("name", snapshot.name)
    fields.add("displayname", snapshot.displayName)
    fields.add("description", snapshot.description)
    fields.add("state", snapshot.state.rawValue)
    fields.add("type", snapshot.hasMemory ? "DiskAndMemory" : "Disk")
    fields.add("current", snapshot.isCurrent)
    fields.add("parent", snapshot.parent?.description)
    fields.add("parentName", snapshot.parent.flatMap { state.instanceSnapshots[$0]?.displayName })
    fields.add("virtualmachineid", snapshot.virtualMachine.description)
    fields.add("virtualmachinename", machine?.name)
    if let machine { addZone(machine.zone, to: &fields) }
    fields.add("hypervisor", machine?.hypervisor.rawValue)
    fields.add("created", WireDate.text(snapshot.created))
    addOwner(snapshot.account, to: &fields)
    fields.add("tags", [Fields]())
    addJob(snapshot.id, to: &fields)
    return fields
  }

  package func fields(of schedule: InstanceSchedule) -> Fields {
    var fields = Fields()
    fields.add("id", schedule.id.description)
    fields.add("virtualmachineid", schedule.virtualMachine.description)
    fields.add("description", schedule.description)
    fields.add("schedule", schedule.schedule)
    fields.add("timezone", schedule.timeZone)
    fields.add("action", schedule.action.rawValue)
    fields.add("enabled", schedule.isEnabled)
    fields.add("startdate", WireDate.text(schedule.start))
    fields.add("enddate", schedule.end.map(WireDate.text))
    fields.add("created", WireDate.text(schedule.created))
    return fields
  }

  package func fields(of destination: MigrationDestination) -> Fields {
    var fields = fields(of: destination.host)
    fields.add("hasenoughcapacity", destination.hasRoom)
    fields.add("requiresStorageMotion", false)
    fields.add("suitableformigration", destination.isSuitable)
    return fields
  }
}
