package import FoundationEssentials

/// What the accounts that have it may call: of its rules the first that fits a command decides; where none does, the command's
/// own declaration for the role's type.
package struct Role: Resource {
  package static let kind = "role"
  package static var table: TablePath<Role> { \.roles }
  package static let indexes: [Index<Role>] = [
    Index("name", unique: true) { [.text("\($0.type.rawValue)/\($0.name.lowercased())")] },
    Index("permission", unique: true, of: { $0.permissions.map { $0.id } }),
  ]

  package let id: ID<Role>
  package var name: String
  package var type: AccountType
  package var description: String
  /// Whether administrators of domains may give it to their accounts.
  package var isPublic: Bool
  package var isEnabled: Bool
  package var permissions: [RolePermission]
  package var created: Date

  package init(
    id: ID<Role>, name: String, type: AccountType, description: String = "", isPublic: Bool = true,
    isEnabled: Bool = true, permissions: [RolePermission] = [], created: Date
  ) {
    self.id = id
    self.name = name
    self.type = type
    self.description = description
    self.isPublic = isPublic
    self.isEnabled = isEnabled
    self.permissions = permissions
    self.created = created
  }

  /// What the first rule that fits says; nil where none does.
  package func decision(on command: String) -> Bool? {
    permissions.first { $0.fits(command) }?.isAllowed
  }
}

/// A rule of a role: a command's name, in which `*` stands for any letters.
package struct RolePermission: Codable, Hashable, Sendable {
  package var id: UUID
  package var rule: String
  package var isAllowed: Bool
  package var description: String

  package init(id: UUID, rule: String, isAllowed: Bool, description: String = "") {
    self.id = id
    self.rule = rule
    self.isAllowed = isAllowed
    self.description = description
  }

  package static func isValid(_ rule: String) -> Bool {
    (1...255).contains(rule.utf8.count)
      && rule.utf8.allSatisfy { byte in
        byte == UInt8(ascii: "*") || (48...57).contains(byte) || (65...90).contains(byte) || (97...122).contains(byte)
      }
  }

  package func fits(_ command: String) -> Bool {
    let (rule, command) = (Array(rule.lowercased().utf8), Array(command.lowercased().utf8))
    var (inRule, inCommand) = (0, 0)
    /// Where to go on after the last star, which then stands for one letter more.
    var retry: (rule: Int, command: Int)?
    while inCommand < command.count {
      if inRule < rule.count, rule[inRule] == UInt8(ascii: "*") {
        inRule += 1
        retry = (inRule, inCommand)
      } else if inRule < rule.count, rule[inRule] == command[inCommand] {
        inRule += 1
        inCommand += 1
      } else if let last = retry {
        inRule = last.rule
        inCommand = last.command + 1
        retry = (last.rule, inCommand)
      } else {
        return false
      }
    }
    return rule[inRule...].allSatisfy { $0 == UInt8(ascii: "*") }
  }
}

extension Role {
  /// The roles that every cloud has, which nobody changes. They have no rows.
  package static let builtIn: [Role] = [
    builtIn(1, "Root Admin", .rootAdmin, "Default root admin role"),
    builtIn(2, "Resource Admin", .resourceDomainAdmin, "Default resource admin role"),
    builtIn(3, "Domain Admin", .domainAdmin, "Default domain admin role"),
    builtIn(4, "User", .user, "Default user role"),
  ]

  package static func builtIn(_ id: ID<Role>) -> Role? { builtIn.first { $0.id == id } }

  /// The role of accounts of a type that were given none.
  package static func builtIn(_ type: AccountType) -> Role? { builtIn.first { $0.type == type } }

  private static func builtIn(
    _ number: UInt8, _ name: String, _ type: AccountType, _ description: String
  ) -> Role {
    Role(
      id: ID(UUID(uuid: (0, 0, 0, 0, 0, 0, 0x40, 0, 0x80, 0, 0, 0, 0, 0, 0, number))), name: name, type: type,
      description: description, created: Date(timeIntervalSince1970: 0))
  }

  package var isBuiltIn: Bool { Self.builtIn(id) != nil }
}

extension CloudState {
  package func role(_ id: ID<Role>) -> Role? { Role.builtIn(id) ?? roles[id] }

  package func role(of account: Account) -> Role? { account.role.flatMap(role) ?? Role.builtIn(account.type) }
}
