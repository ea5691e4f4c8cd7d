package import CloudModel
import Control

extension View {
  package func fields(of pool: StoragePool) -> Fields {
    var fields = Fields()
    fields.add("id", pool.id.description)
    fields.add("name", pool.name)
    addZone(pool.zone, to: &fields)
    addPod(pool.pod, to: &fields)
    addCluster(pool.cluster, to: &fields)
    fields.add("ipaddress", pool.server)
    fields.add("path", pool.path)
    fields.add("type", "NetworkFilesystem")
    fields.add("scope", pool.cluster == nil ? "ZONE" : "CLUSTER")
    fields.add("hypervisor", pool.hypervisor.rawValue)
    fields.add("provider", "DefaultPrimary")
    fields.add("state", pool.state.rawValue)
    fields.add("tags", pool.tags.isEmpty ? nil : pool.tags.joined(separator: ","))
    fields.add("disksizetotal", pool.capacityBytes)
    fields.add("disksizeallocated", state.allocated(in: pool.id))
    fields.add("capacityiops", pool.capacityIOPS)
    fields.add("managed", false)
    fields.add("overprovisionfactor", "1.0")
    fields.add("created", WireDate.text(pool.created))
    addJob(pool.id, to: &fields)
    return fields
  }

  package func fields(of store: ImageStore) -> Fields {
    var fields = Fields()
    fields.add("id", store.id.description)
    fields.add("name", store.name)
    addZone(store.zone, to: &fields)
    fields.add("url", store.url)
    fields.add("protocol", "nfs")
    fields.add("providername", store.provider)
    fields.add("scope", "ZONE")
    fields.add("readonly", store.isReadOnly)
    fields.add("disksizetotal", store.capacityBytes)
    return fields
  }

  /// What moving the data of an image store comes to: the cloud keeps none there.
  static let migrationOfNothing: Fields = {
    var fields = Fields()
    fields.add("message", "There is nothing on the image store to migrate")
    fields.add("migrationtype", "COMPLETE")
    fields.add("success", true)
    return fields
  }()
}
