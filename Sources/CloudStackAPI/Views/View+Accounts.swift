package import CloudModel
import Control

extension View {
  package func fields(of account: Account) -> Fields { fields(of: account, counting: true) }

  /// - Parameter counting: whether to tell what it has and may have.
  func fields(of account: Account, counting: Bool) -> Fields {
    var fields = Fields()
    fields.add("id", account.id.description)
    fields.add("name", account.name)
    fields.add("accounttype", account.type.rawValue)
    addRole(of: account, to: &fields)
    addDomain(account.domain, to: &fields)
    fields.add("state", account.state.rawValue)
    fields.add("created", WireDate.text(account.created))
    fields.add("isdefault", false)
    fields.add("networkdomain", account.networkDomain)
    if counting {
      let machines = state.virtualMachines.matching("account", .id(account.id)).filter { $0.state != .expunging }
      let running = machines.count { $0.state.isPoweredOn }
      fields.add("vmrunning", running)
      fields.add("vmstopped", machines.count - running)
      for type in LimitedResource.allCases {
        addLimit(
          type, ResourceLimits.max(type, of: account, in: state), ResourceLimits.count(type, of: account, in: state),
          to: &fields)
      }
    }
    fields.add("user", state.users.matching("account", .id(account.id)).oldestFirst(\.created).map(self.fields))
    fields.add("groups", texts: [])
    var details = Fields()
    for detail in state.resourceDetails.matching("resource", .uuid(account.id.uuid)).sorted(by: { $0.key < $1.key })
    where detail.isShown || isRootAdmin {
      details.add(detail.key, detail.value)
    }
    fields.add("accountdetails", .object(details))
    addJob(account.id, to: &fields)
    return fields
  }

  func addLimit(_ type: LimitedResource, _ max: Int, _ total: Int, to fields: inout Fields) {
    fields.add("\(type.prefix)limit", max < 0 ? "Unlimited" : String(max))
    fields.add("\(type.prefix)total", total)
    fields.add("\(type.prefix)available", max < 0 ? "Unlimited" : String(Swift.max(0, max - total)))
  }

  private func addRole(of account: Account, to fields: inout Fields) {
    guard let role = state.role(of: account) else { return }
    fields.add("roleid", role.id.description)
    fields.add("roletype", role.type.roleType)
    fields.add("rolename", role.name)
  }

  /// Keys and password hashes are never part of it.
  package func fields(of user: User) -> Fields {
    let account = state.accounts[user.account]
    var fields = Fields()
    fields.add("id", user.id.description)
    fields.add("username", user.username)
    fields.add("firstname", user.firstname)
    fields.add("lastname", user.lastname)
    fields.add("email", user.email)
    fields.add("created", WireDate.text(user.created))
    fields.add("state", user.state.rawValue)
    fields.add("account", account?.name)
    fields.add("accountid", user.account.description)
    fields.add("accounttype", account?.type.rawValue)
    if let account { addRole(of: account, to: &fields) }
    fields.add("domainid", user.domain.description)
    fields.add("domain", state.domains[user.domain]?.name)
    fields.add("timezone", user.timezone)
    fields.add("isdefault", false)
    fields.add("usersource", "native")
    fields.add("is2faenabled", false)
    fields.add("is2famandated", false)
    addJob(user.id, to: &fields)
    return fields
  }

  package func fields(of domain: Domain) -> Fields { fields(of: domain, counting: true) }

  /// - Parameter counting: whether to tell what its accounts and those below it have and may have.
  func fields(of domain: Domain, counting: Bool) -> Fields {
    var fields = Fields()
    fields.add("id", domain.id.description)
    fields.add("name", domain.name)
    fields.add("level", domain.path.count { $0 == "/" })
    fields.add("parentdomainid", domain.parent?.description)
    fields.add("parentdomainname", domain.parent.flatMap { state.domains[$0]?.name })
    fields.add("haschild", state.domains.count("parent", .id(domain.id)) > 0)
    fields.add("path", domain.path)
    fields.add("state", domain.isRemoving == true ? "Inactive" : "Active")
    fields.add("created", WireDate.text(domain.created))
    fields.add("networkdomain", domain.networkDomain)
    if counting {
      for type in LimitedResource.allCases {
        addLimit(
          type, ResourceLimits.max(type, of: domain, in: state), ResourceLimits.count(type, of: domain.id, in: state),
          to: &fields)
      }
    }
    addJob(domain.id, to: &fields)
    return fields
  }
}

extension AccountType {
  /// CloudStack's name of the type of its role.
  var roleType: String {
    switch self {
    case .user: "User"
    case .rootAdmin: "Admin"
    case .domainAdmin: "DomainAdmin"
    case .resourceDomainAdmin: "ResourceAdmin"
    case .project: "Project"
    }
  }
}

extension LimitedResource {
  /// What fields of accounts and domains about it begin with.
  fileprivate var prefix: String {
    switch self {
    case .instance: "vm"
    case .publicIP: "ip"
    case .volume: "volume"
    case .snapshot: "snapshot"
    case .template: "template"
    case .project: "project"
    case .network: "network"
    case .vpc: "vpc"
    case .cpu: "cpu"
    case .memory: "memory"
    case .primaryStorage: "primarystorage"
    case .secondaryStorage: "secondarystorage"
    }
  }
}
