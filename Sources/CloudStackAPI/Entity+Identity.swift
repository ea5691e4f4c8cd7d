import CloudModel
import Control

extension Entity {
  static let role = Entity("role", "role") { uuid, state in
    state.role(ID(uuid)).map { $0.isPublic ? .everybody : .rootAdmin }
  }
  static let rolePermission = Entity("rolepermission", "rolepermission") { uuid, state in
    state.roles.first("permission", .uuid(uuid)).map { _ in .rootAdmin }
  }
  /// A project as those may name it who are invited to it.
  static let invitingProject = Entity("invitingproject", "project") { uuid, state in
    state.projects[ID(uuid)].map { .accounts([$0.account] + $0.invitations.map(\.account)) }
  }
  /// A user as those may name it who work on a project with it.
  static let projectUser = Entity("projectuser", "user") { uuid, state in
    state.users[ID(uuid)].map { user in
      .accounts([user.account] + state.projects.matching("user", .uuid(uuid)).map(\.account))
    }
  }
  /// Its project's, and whose who is invited.
  static let projectInvitation = Entity("projectinvitation", "projectinvitation") { uuid, state in
    state.projects.first("invitation", .uuid(uuid)).map { project in
      .accounts([project.account] + project.invitations.filter { $0.id == uuid }.map(\.account))
    }
  }
  static let projectRole = Entity("projectrole", "projectrole") { uuid, state in
    state.projects.first("role", .uuid(uuid)).map { .account($0.account) }
  }
  static let projectRolePermission = Entity("projectrolepermission", "projectrolepermission") { uuid, state in
    state.projects.first("permission", .uuid(uuid)).map { .account($0.account) }
  }
}
