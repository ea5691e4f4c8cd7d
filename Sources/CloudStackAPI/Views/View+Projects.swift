import CloudModel
import Control
import FoundationEssentials

extension View {
  func fields(of project: Project) -> Fields {
    var fields = Fields()
    fields.add("id", project.id.description)
    fields.add("name", project.name)
    fields.add("displaytext", project.displayText)
    addDomain(project.domain, to: &fields)
    fields.add("state", project.state.rawValue)
    fields.add("created", WireDate.text(project.created))
    fields.add(
      "owner",
      project.owners.map { owner in
        var fields = Fields()
        fields.add("account", state.accounts[owner.account]?.name)
        fields.add("userid", owner.user?.description)
        return fields
      })
    if let account = state.accounts[project.account] {
      fields.add("projectaccountname", account.name)
      let machines = state.virtualMachines.matching("account", .id(account.id)).filter { $0.state != .expunging }
      let running = machines.count { $0.state.isPoweredOn }
      fields.add("vmrunning", running)
      fields.add("vmstopped", machines.count - running)
      for type in LimitedResource.allCases where type != .project {
        addLimit(
          type, ResourceLimits.max(type, of: account, in: state), ResourceLimits.count(type, of: account, in: state),
          to: &fields)
      }
    }
    addTags(project.id, to: &fields)
    addJob(project.id, to: &fields)
    return fields
  }

  func fields(of member: ProjectMember, in project: Project) -> Fields {
    var fields = Fields()
    add(project, to: &fields)
    let account = state.accounts[member.account]
    fields.add("accountid", member.account.description)
    fields.add("account", account?.name)
    fields.add("accounttype", account?.type.rawValue)
    fields.add("userid", member.user?.description)
    fields.add("username", member.user.flatMap { state.users[$0]?.username })
    fields.add("role", member.isAdmin ? "Admin" : "Regular")
    fields.add("projectroleid", member.role?.wireText)
    addDomain(project.domain, to: &fields)
    let users = state.users.matching("account", .id(member.account)).filter {
      member.user == nil || $0.id == member.user
    }
    fields.add("user", users.oldestFirst(\.created).map(self.fields))
    return fields
  }

  /// - Parameter now: What decides whether it can still be accepted.
  func fields(of invitation: ProjectInvitation, in project: Project, now: Date) -> Fields {
    var fields = Fields()
    fields.add("id", invitation.id.wireText)
    add(project, to: &fields)
    addDomain(project.domain, to: &fields)
    fields.add("account", state.accounts[invitation.account]?.name)
    fields.add("userid", invitation.user?.description)
    fields.add("state", invitation.state(now, in: state).rawValue)
    return fields
  }

  func fields(of role: ProjectRole, in project: Project) -> Fields {
    var fields = Fields()
    fields.add("id", role.id.wireText)
    fields.add("name", role.name)
    fields.add("description", role.description)
    fields.add("projectid", project.id.description)
    fields.add("ispublic", false)
    return fields
  }

  func fields(of permission: RolePermission, of role: ProjectRole, in project: Project) -> Fields {
    var fields = Fields()
    fields.add("id", permission.id.wireText)
    fields.add("projectid", project.id.description)
    fields.add("projectroleid", role.id.wireText)
    fields.add("projectrolename", role.name)
    fields.add("rule", permission.rule)
    fields.add("permission", permission.isAllowed ? "allow" : "deny")
    fields.add("description", permission.description)
    return fields
  }

  private func add(_ project: Project, to fields: inout Fields) {
    fields.add("projectid", project.id.description)
    fields.add("project", project.name)
  }
}

extension ProjectInvitation {
  func state(_ now: Date, in state: CloudState) -> ProjectInvitationState {
    self.state == .pending && Control.isExpired(self, now, in: state) ? .expired : self.state
  }
}
