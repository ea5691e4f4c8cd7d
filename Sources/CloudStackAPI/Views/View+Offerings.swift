package import CloudModel
import Control

extension View {
  package func fields(of offering: ServiceOffering) -> Fields {
    var fields = Fields()
    fields.add("id", offering.id.description)
    fields.add("name", offering.name)
    fields.add("displaytext", offering.displayText)
    fields.add("cpunumber", offering.cpuNumber)
    fields.add("cpuspeed", offering.cpuSpeedMHz)
    fields.add("memory", offering.memoryMiB)
    fields.add("rootdisksize", offering.rootDiskGiB)
    fields.add("created", WireDate.text(offering.created))
    fields.add("storagetype", "local")
    fields.add("provisioningtype", "thin")
    fields.add("offerha", false)
    fields.add("limitcpuuse", false)
    fields.add("isvolatile", false)
    fields.add("issystem", offering.id == ServiceOffering.ofRouters.id)
    if offering.id == ServiceOffering.ofRouters.id { fields.add("systemvmtype", "domainrouter") }
    fields.add("defaultuse", false)
    fields.add("iscustomized", false)
    fields.add("dynamicscalingenabled", false)
    fields.add("state", offering.isInactive == true ? "Inactive" : "Active")
    addPlaces(offering.domains ?? [], offering.zones ?? [], to: &fields)
    return fields
  }

  package func fields(of offering: DiskOffering) -> Fields {
    var fields = Fields()
    fields.add("id", offering.id.description)
    fields.add("name", offering.name)
    fields.add("displaytext", offering.displayText)
    fields.add("disksize", offering.sizeGiB ?? 0)
    fields.add("iscustomized", offering.sizeGiB == nil)
    fields.add("iscustomizediops", false)
    fields.add("storagetype", "local")
    fields.add("provisioningtype", "thin")
    fields.add("displayoffering", offering.isShown)
    fields.add("encrypt", false)
    fields.add("disksizestrictness", false)
    fields.add("state", offering.isActive ? "Active" : "Inactive")
    fields.add("created", WireDate.text(offering.created))
    addPlaces(offering.domains, offering.zones, to: &fields)
    return fields
  }

  /// Whom an offering is for: ids and names with commas between, as CloudStack writes them.
  private func addPlaces(_ domains: [ID<Domain>], _ zones: [ID<Zone>], to fields: inout Fields) {
    if !domains.isEmpty {
      fields.add("domainid", domains.map(\.description).joined(separator: ","))
      fields.add("domain", domains.compactMap { state.domains[$0]?.name }.joined(separator: ","))
    }
    if !zones.isEmpty {
      fields.add("zoneid", zones.map(\.description).joined(separator: ","))
      fields.add("zone", zones.compactMap { state.zones[$0]?.name }.joined(separator: ","))
    }
  }
}
