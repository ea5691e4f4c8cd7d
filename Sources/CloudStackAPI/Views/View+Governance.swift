package import CloudModel
import Control
import FoundationEssentials

extension View {
  /// The most that the account, or else the domain, may have.
  func limit(_ type: LimitedResource, _ account: Account?, _ domain: Domain?) -> Fields {
    var fields = limited(type, account, domain)
    let max =
      account.map { ResourceLimits.max(type, of: $0, in: state) }
      ?? domain.map { ResourceLimits.max(type, of: $0, in: state) }
    fields.add("max", max)
    return fields
  }

  /// What the account, or else the domain, has.
  func count(_ type: LimitedResource, _ account: Account?, _ domain: Domain?) -> Fields {
    var fields = limited(type, account, domain)
    let count =
      account.map { ResourceLimits.count(type, of: $0, in: state) }
      ?? domain.map { ResourceLimits.count(type, of: $0.id, in: state) }
    fields.add("resourcecount", count)
    return fields
  }

  private func limited(_ type: LimitedResource, _ account: Account?, _ domain: Domain?) -> Fields {
    var fields = Fields()
    if let account {
      addOwner(account.id, to: &fields)
    } else if let domain {
      addDomain(domain.id, to: &fields)
    }
    fields.add("resourcetype", String(type.rawValue))
    fields.add("resourcetypename", type.name)
    return fields
  }

  func addTags<R>(_ id: ID<R>, to fields: inout Fields) {
    let tags = state.tags.matching("resource", .uuid(id.uuid)).sorted { $0.key < $1.key }
    fields.add("tags", tags.map(self.fields))
  }

  /// Keys and values alone, as CloudStack shows tags of what belongs to networks; clients compare whole entries.
  func addPlainTags<R>(_ id: ID<R>, to fields: inout Fields) {
    let tags = state.tags.matching("resource", .uuid(id.uuid)).sorted { $0.key < $1.key }
    fields.add(
      "tags",
      tags.map { tag in
        var fields = Fields()
        fields.add("key", tag.key)
        fields.add("value", tag.value)
        return fields
      })
  }

  package func fields(of tag: ResourceTag) -> Fields {
    var fields = Fields()
    fields.add("key", tag.key)
    fields.add("value", tag.value)
    fields.add("resourcetype", tag.resourceType)
    fields.add("resourceid", tag.resource.uuidString.lowercased())
    fields.add("customer", tag.customer)
    if case .account(let account)? = ResourceKind.named(tag.resourceType)?.entity.owner(tag.resource, state) {
      addOwner(account, to: &fields)
    }
    return fields
  }

  package func fields(of detail: ResourceDetail) -> Fields {
    var fields = Fields()
    fields.add("key", detail.key)
    fields.add("value", detail.value)
    fields.add("resourcetype", detail.resourceType)
    fields.add("resourceid", detail.resource.uuidString.lowercased())
    fields.add("fordisplay", detail.isShown)
    return fields
  }

  func fields(of configuration: Configuration) -> Fields {
    var fields = Fields()
    fields.add("category", "Advanced")
    fields.add("name", configuration.name)
    fields.add("value", state.text(configuration))
    fields.add("description", configuration.description)
    fields.add("scope", "Global")
    fields.add("isdynamic", true)
    fields.add("defaultvalue", configuration.fallback)
    fields.add("displaytext", configuration.name.replacing(".", with: " "))
    fields.add("group", configuration.group)
    fields.add("subgroup", configuration.subgroup)
    fields.add("component", "daruma")
    fields.add("type", configuration.kind == .boolean ? "Boolean" : "Number")
    return fields
  }

  package func fields(of role: Role) -> Fields {
    var fields = Fields()
    fields.add("id", role.id.description)
    fields.add("name", role.name)
    fields.add("type", role.type.roleType)
    fields.add("description", role.description)
    fields.add("isdefault", role.isBuiltIn)
    fields.add("ispublic", role.isPublic)
    fields.add("state", role.isEnabled ? "enabled" : "disabled")
    return fields
  }

  func fields(of rule: RolePermission, _ role: Role) -> Fields {
    var fields = Fields()
    fields.add("id", rule.id.uuidString.lowercased())
    fields.add("roleid", role.id.description)
    fields.add("rolename", role.name)
    fields.add("rule", rule.rule)
    fields.add("permission", rule.isAllowed ? "allow" : "deny")
    fields.add("description", rule.description)
    return fields
  }
}
