import Addresses
package import CloudModel
import Control

extension View {
  package func fields(of zone: Zone) -> Fields {
    var fields = Fields()
    fields.add("id", zone.id.description)
    fields.add("name", zone.name)
    for (position, server) in zone.dns.prefix(2).enumerated() {
      fields.add("dns\(position + 1)", server.description)
    }
    for (position, server) in (zone.internalDNS ?? zone.dns).prefix(2).enumerated() {
      fields.add("internaldns\(position + 1)", server.description)
    }
    fields.add("networktype", zone.series.rawValue)
    fields.add("securitygroupsenabled", zone.series == .basic)
    if zone.series == .basic { fields.add("guestcidraddress", zone.guestPrefix.description) }
    fields.add("allocationstate", View.allocation(zone.isDisabled != true))
    fields.add("dhcpprovider", "VirtualRouter")
    fields.add("localstorageenabled", zone.hasNoLocalStorage != true)
    fields.add("type", zone.isEdge == true ? "Edge" : "Core")
    fields.add("domain", zone.domainName)
    fields.add("tags", [Fields]())
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
    fields.add("availability", offering.availability ?? "Optional")
    fields.add("conservemode", true)
    fields.add("ispersistent", false)
    fields.add("forvpc", offering.forVPC ?? false)
    fields.add("egressdefaultpolicy", offering.egressDefaultAllow)
    fields.add("internetprotocol", "IPv4")
    fields.add("serviceofferingid", ServiceOffering.ofRouters.id.description)
    fields.add("state", View.allocation(offering.isDisabled != true))
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
}
