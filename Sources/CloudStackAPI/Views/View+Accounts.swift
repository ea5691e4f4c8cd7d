package import CloudModel

extension View {
  package func fields(of account: Account) -> Fields {
    var fields = Fields()
    fields.add("id", account.id.description)
    fields.add("name", account.name)
    fields.add("accounttype", account.type.rawValue)
    fields.add("roletype", account.type.roleType)
    fields.add("rolename", account.type.roleName)
    addDomain(account.domain, to: &fields)
    fields.add("state", account.state.rawValue)
    fields.add("created", WireDate.text(account.created))
    fields.add("isdefault", false)
    let machines = state.virtualMachines.matching("account", .id(account.id)).filter { $0.state != .expunging }
    let running = machines.count { $0.state.isPoweredOn }
    addLimit("vm", total: machines.count, to: &fields)
    fields.add("vmrunning", running)
    fields.add("vmstopped", machines.count - running)
    addLimit("ip", total: state.publicIPs.count("account", .id(account.id)), to: &fields)
    addLimit("network", total: state.networks.count("account", .id(account.id)), to: &fields)
    fields.add("user", state.users.matching("account", .id(account.id)).oldestFirst(\.created).map(self.fields))
    fields.add("groups", texts: [])
    fields.add("accountdetails", .object(Fields()))
    addJob(account.id, to: &fields)
    return fields
  }

  /// Nothing is limited yet.
  private func addLimit(_ name: String, total: Int, to fields: inout Fields) {
    fields.add("\(name)limit", "Unlimited")
    fields.add("\(name)total", total)
    fields.add("\(name)available", "Unlimited")
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
    fields.add("state", user.enabled ? "enabled" : "disabled")
    fields.add("account", account?.name)
    fields.add("accountid", user.account.description)
    fields.add("accounttype", account?.type.rawValue)
    fields.add("roletype", account?.type.roleType)
    fields.add("rolename", account?.type.roleName)
    fields.add("domainid", user.domain.description)
    fields.add("domain", state.domains[user.domain]?.name)
    fields.add("isdefault", false)
    fields.add("usersource", "native")
    fields.add("is2faenabled", false)
    fields.add("is2famandated", false)
    return fields
  }

  package func fields(of domain: Domain) -> Fields {
    var fields = Fields()
    fields.add("id", domain.id.description)
    fields.add("name", domain.name)
    fields.add("level", domain.path.count { $0 == "/" })
    fields.add("parentdomainid", domain.parent?.description)
    fields.add("parentdomainname", domain.parent.flatMap { state.domains[$0]?.name })
    fields.add("haschild", state.domains.all.contains { $0.parent == domain.id })
    fields.add("path", domain.path)
    fields.add("state", "Active")
    fields.add("created", WireDate.text(domain.created))
    return fields
  }
}

extension AccountType {
  fileprivate var roleType: String {
    switch self {
    case .user: "User"
    case .rootAdmin: "Admin"
    case .domainAdmin: "DomainAdmin"
    }
  }

  fileprivate var roleName: String {
    switch self {
    case .user: "User"
    case .rootAdmin: "Root Admin"
    case .domainAdmin: "Domain Admin"
    }
  }
}
