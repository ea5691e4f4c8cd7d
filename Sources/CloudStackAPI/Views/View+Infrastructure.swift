import Addresses
package import CloudModel

extension View {
  package func fields(of zone: Zone) -> Fields {
    var fields = Fields()
    fields.add("id", zone.id.description)
    fields.add("name", zone.name)
    for (position, server) in zone.dns.prefix(2).enumerated() {
      fields.add("dns\(position + 1)", server.description)
      fields.add("internaldns\(position + 1)", server.description)
    }
    fields.add("networktype", zone.series.rawValue)
    fields.add("securitygroupsenabled", zone.series == .basic)
    if zone.series == .basic { fields.add("guestcidraddress", zone.guestPrefix.description) }
    fields.add("allocationstate", "Enabled")
    fields.add("dhcpprovider", "VirtualRouter")
    fields.add("localstorageenabled", true)
    fields.add("type", "Core")
    fields.add("tags", [Fields]())
    return fields
  }

  /// A template as it is in one of its zones.
  package func fields(of template: Template, in zone: ID<Zone>) -> Fields {
    var fields = Fields()
    fields.add("id", template.id.description)
    fields.add("name", template.name)
    fields.add("displaytext", template.displayText)
    fields.add("ispublic", true)
    fields.add("isfeatured", true)
    fields.add("isextractable", false)
    fields.add("isready", true)
    fields.add("crossZones", template.zones.count > 1)
    fields.add("passwordenabled", false)
    fields.add("sshkeyenabled", false)
    fields.add("isdynamicallyscalable", false)
    fields.add("requireshvm", true)
    fields.add("bootable", true)
    fields.add("format", template.hypervisor == .kvm ? "QCOW2" : "RAW")
    fields.add("hypervisor", template.hypervisor.rawValue)
    fields.add("ostypename", "Other Linux (64-bit)")
    fields.add("status", "Download Complete")
    fields.add("templatetype", "BUILTIN")
    fields.add("size", template.sizeBytes)
    fields.add("created", WireDate.text(template.created))
    fields.add("accountid", template.account.description)
    addOwner(template.account, to: &fields)
    addZone(zone, to: &fields)
    fields.add("details", .object(Fields()))
    fields.add("tags", [Fields]())
    return fields
  }

  package func fields(of offering: ServiceOffering) -> Fields {
    var fields = Fields()
    fields.add("id", offering.id.description)
    fields.add("name", offering.name)
    fields.add("displaytext", offering.displayText)
    fields.add("cpunumber", offering.cpuNumber)
    fields.add("cpuspeed", offering.cpuSpeedMHz)
    fields.add("memory", offering.memoryMiB)
    fields.add("created", WireDate.text(offering.created))
    fields.add("storagetype", "local")
    fields.add("provisioningtype", "thin")
    fields.add("offerha", false)
    fields.add("limitcpuuse", false)
    fields.add("isvolatile", false)
    fields.add("issystem", false)
    fields.add("defaultuse", false)
    fields.add("iscustomized", false)
    fields.add("dynamicscalingenabled", false)
    fields.add("state", "Active")
    return fields
  }

  package func fields(of offering: NetworkOffering) -> Fields {
    var fields = Fields()
    fields.add("id", offering.id.description)
    fields.add("name", offering.name)
    fields.add("displaytext", offering.displayText)
    fields.add("traffictype", "Guest")
    fields.add("guestiptype", offering.guestType.rawValue)
    fields.add("isdefault", offering.isDefault)
    fields.add("specifyvlan", false)
    fields.add("specifyipranges", offering.guestType == .shared)
    fields.add("availability", "Optional")
    fields.add("conservemode", true)
    fields.add("ispersistent", false)
    fields.add("forvpc", false)
    fields.add("egressdefaultpolicy", offering.egressDefaultAllow)
    fields.add("internetprotocol", "IPv4")
    fields.add("state", "Enabled")
    fields.add("created", WireDate.text(offering.created))
    fields.add("service", services(of: offering))
    return fields
  }

  func services(of offering: NetworkOffering) -> [Fields] {
    offering.services.map { name in
      var provider = Fields()
      provider.add("name", name == "SecurityGroup" ? "SecurityGroupProvider" : "VirtualRouter")
      var service = Fields()
      service.add("name", name)
      service.add("provider", [provider])
      service.add("capability", [Fields]())
      return service
    }
  }

  package func fields(of host: Host) -> Fields {
    var fields = Fields()
    fields.add("id", host.id.description)
    fields.add("name", host.name)
    fields.add("type", "Routing")
    fields.add("resourcestate", "Enabled")
    fields.add("hypervisor", host.hypervisor.rawValue)
    fields.add("cpunumber", host.cpuNumber)
    fields.add("memorytotal", host.memoryMiB * 1024 * 1024)
    addZone(host.zone, to: &fields)
    fields.add("hahost", false)
    fields.add("created", WireDate.text(host.created))
    return fields
  }
}
