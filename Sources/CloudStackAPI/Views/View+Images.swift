package import CloudModel
import FoundationEssentials

extension View {
  /// A template or ISO as it is in one of its zones.
  package func fields(of template: Template, in zone: ID<Zone>) -> Fields {
    let said = template.registration
    var fields = Fields()
    fields.add("id", template.id.description)
    fields.add("name", template.name)
    fields.add("displaytext", template.displayText)
    fields.add("ispublic", template.isPublic)
    fields.add("isfeatured", template.isFeatured)
    fields.add("isextractable", said?.isExtractable ?? false)
    fields.add("isready", true)
    fields.add("crossZones", template.zones.count > 1)
    fields.add("passwordenabled", said?.hasPassword ?? false)
    fields.add("sshkeyenabled", said?.hasSSHKey ?? false)
    fields.add("isdynamicallyscalable", said?.isScalable ?? false)
    fields.add("requireshvm", said?.needsHVM ?? true)
    fields.add("bootable", said?.isBootable ?? true)
    fields.add("format", said?.format ?? (template.hypervisor == .kvm ? "QCOW2" : "RAW"))
    if !template.isISO { fields.add("hypervisor", template.hypervisor.rawValue) }
    fields.add("ostypeid", template.osType.uuidString.lowercased())
    fields.add("ostypename", OperatingSystem.named(template.osType)?.name)
    fields.add("status", "Download Complete")
    fields.add("templatetype", said == nil ? "BUILTIN" : "USER")
    fields.add("size", template.sizeBytes)
    fields.add("created", WireDate.text(template.created))
    fields.add("accountid", template.account.description)
    addOwner(template.account, to: &fields)
    addZone(zone, to: &fields)
    fields.add("checksum", said?.checksum)
    fields.add("templatetag", said?.tag)
    if let linked = template.linkedUserData.flatMap({ state.registeredUserData[$0] }) {
      fields.add("userdataid", linked.id.description)
      fields.add("userdataname", linked.name)
      fields.add("userdatapolicy", (template.userDataPolicy ?? .allowOverride).rawValue)
      fields.add("userdataparams", linked.parameters)
    }
    if isRootAdmin { fields.add("url", said?.url) }
    var details = Fields()
    for detail in said?.details ?? [] { details.add(detail.name, detail.value) }
    fields.add("details", .object(details))
    addTags(template.id, to: &fields)
    return fields
  }

  package func permissions(of image: Template) -> Fields {
    var fields = Fields()
    fields.add("id", image.id.description)
    fields.add("ispublic", image.isPublic)
    fields.add("domainid", state.accounts[image.account]?.domain.description)
    let accounts = (image.sharedWith ?? []).compactMap { state.accounts[$0]?.name }
    if !accounts.isEmpty { fields.add("account", texts: accounts) }
    return fields
  }

  package func fields(of system: OperatingSystem) -> Fields {
    var fields = Fields()
    fields.add("id", system.id.uuidString.lowercased())
    fields.add("name", system.name)
    fields.add("description", system.name)
    fields.add("oscategoryid", system.category.id.uuidString.lowercased())
    fields.add("oscategoryname", system.category.name)
    fields.add("isuserdefined", false)
    fields.add("fordisplay", true)
    return fields
  }
}
