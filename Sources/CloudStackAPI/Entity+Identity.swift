import CloudModel
import Control

extension Entity {
  static let role = Entity("role", "role") { uuid, state in
    state.role(ID(uuid)).map { $0.isPublic ? .everybody : .rootAdmin }
  }
  static let rolePermission = Entity("rolepermission", "rolepermission") { uuid, state in
    state.roles.first("permission", .uuid(uuid)).map { _ in .rootAdmin }
  }
}
