package import CloudModel
import FoundationEssentials

extension View {
  package func fields(of volume: Volume) -> Fields {
    let machine = volume.virtualMachine.flatMap { state.virtualMachines[$0] }
    var fields = Fields()
    fields.add("id", volume.id.description)
    fields.add("name", volume.name)
    fields.add("type", volume.type.rawValue)
    fields.add("state", volume.state.rawValue)
    fields.add("size", volume.sizeBytes)
    addOwner(volume.account, to: &fields)
    addZone(volume.zone, to: &fields)
    fields.add("hypervisor", volume.hypervisor?.rawValue)
    if let offering = volume.diskOffering.flatMap({ state.diskOfferings[$0] }) {
      fields.add("diskofferingid", offering.id.description)
      fields.add("diskofferingname", offering.name)
      fields.add("diskofferingdisplaytext", offering.displayText)
    }
    if volume.type == .root, let machine { addOrigin(of: machine, to: &fields) }
    if let machine {
      fields.add("virtualmachineid", machine.id.description)
      fields.add("vmname", machine.name)
      fields.add("vmdisplayname", machine.displayName)
      fields.add("vmstate", machine.state.rawValue)
      fields.add("vmtype", "User")
    }
    fields.add("deviceid", volume.deviceID)
    fields.add("attached", volume.attached.map(WireDate.text))
    fields.add("snapshotid", volume.snapshot?.description)
    let pool = volume.pool.flatMap { state.storagePools[$0] }
    fields.add("storagetype", pool == nil ? "local" : "shared")
    if isRootAdmin, let pool {
      fields.add("storageid", pool.id.description)
      fields.add("storage", pool.name)
    }
    fields.add("provisioningtype", "thin")
    fields.add("isextractable", volume.hypervisor != .kvm)
    fields.add("destroyed", volume.state == .destroyed)
    fields.add("quiescevm", false)
    fields.add("supportsstoragesnapshot", false)
    fields.add("displayvolume", volume.isShown)
    fields.add("deleteprotection", volume.isProtected)
    fields.add("created", WireDate.text(volume.created))
    addTags(volume.id, to: &fields)
    addJob(volume.id, to: &fields)
    return fields
  }

  private func addOrigin(of machine: VirtualMachine, to fields: inout Fields) {
    if let offering = state.serviceOfferings[machine.offering] {
      fields.add("serviceofferingid", offering.id.description)
      fields.add("serviceofferingname", offering.name)
      fields.add("serviceofferingdisplaytext", offering.displayText)
    }
    guard let template = state.templates[machine.template] else { return }
    let name = template.isISO ? "iso" : "template"
    fields.add("\(name)id", template.id.description)
    fields.add("\(name)name", template.name)
    fields.add("\(name)displaytext", template.displayText)
  }

  package func fields(of snapshot: VolumeSnapshot) -> Fields {
    let volume = state.volumes[snapshot.volume]
    var fields = Fields()
    fields.add("id", snapshot.id.description)
    fields.add("name", snapshot.name)
    addOwner(snapshot.account, to: &fields)
    fields.add("volumeid", snapshot.volume.description)
    fields.add("volumename", volume?.name ?? snapshot.volumeName)
    fields.add("volumetype", snapshot.volumeType.rawValue)
    fields.add("volumestate", volume?.state.rawValue)
    fields.add("snapshottype", snapshot.interval?.rawValue ?? "MANUAL")
    fields.add("intervaltype", snapshot.interval?.rawValue ?? "MANUAL")
    fields.add("state", snapshot.state.rawValue)
    fields.add("created", WireDate.text(snapshot.created))
    fields.add("virtualsize", snapshot.sizeBytes)
    fields.add("physicalsize", snapshot.sizeBytes)
    fields.add("locationtype", "PRIMARY")
    fields.add("revertable", volume != nil)
    fields.add("ostypeid", snapshot.osType?.uuidString.lowercased())
    fields.add("osdisplayname", snapshot.osType.flatMap { OperatingSystem.named($0)?.name })
    addZone(snapshot.zone, to: &fields)
    addTags(snapshot.id, to: &fields)
    addJob(snapshot.id, to: &fields)
    return fields
  }

  package func fields(of policy: SnapshotPolicy) -> Fields {
    var fields = Fields()
    fields.add("id", policy.id.description)
    fields.add("volumeid", policy.volume.description)
    fields.add("volumename", state.volumes[policy.volume]?.name)
    fields.add("schedule", policy.schedule)
    fields.add("intervaltype", SnapshotInterval.allCases.firstIndex(of: policy.interval))
    fields.add("maxsnaps", policy.kept)
    fields.add("timezone", policy.timezone)
    fields.add("fordisplay", policy.isShown)
    fields.add("tags", [Fields]())
    addJob(policy.id, to: &fields)
    return fields
  }

  /// What a job of storage has made or changed.
  func storage(of job: AsyncJob, _ id: UUID) -> Fields? {
    switch job.instanceType {
    case "Volume":
      guard let volume = state.volumes[ID(id)] else { return nil }
      guard job.command == "extractVolume" else { return fields(of: volume) }
      return extraction(job, id, volume.name, volume.format ?? "RAW", volume.account, volume.zone)
    case "Snapshot": return state.snapshots[ID(id)].map(fields)
    case "SnapshotPolicy": return state.snapshotPolicies[ID(id)].map(fields)
    default:
      guard let image = state.templates[ID(id)], let zone = image.zones.last else { return nil }
      guard job.command.hasPrefix("extract") else { return fields(of: image, in: zone) }
      return extraction(job, id, image.name, image.registration?.format ?? "RAW", image.account, image.zones[0])
    }
  }

  /// The simulator's store has a name that nobody can look up.
  private func extraction(
    _ job: AsyncJob, _ id: UUID, _ name: String, _ format: String, _ account: ID<Account>, _ zone: ID<Zone>
  ) -> Fields {
    var fields = Fields()
    fields.add("id", id.uuidString.lowercased())
    fields.add("name", name)
    fields.add("extractId", job.id.description)
    fields.add("extractMode", "HTTP_DOWNLOAD")
    fields.add("state", "DOWNLOAD_URL_CREATED")
    fields.add("url", "http://simulator.invalid/userdata/\(job.id).\(format.lowercased())")
    fields.add("accountid", account.description)
    addZone(zone, to: &fields)
    fields.add("created", WireDate.text(job.created))
    return fields
  }
}
