/// A parameter of a command. `length` bounds strings, in UTF-16 units as CloudStack counts; `element` is the type of a
/// list's elements.
package struct Parameter: Sendable {
  package let name: String
  package let type: ParameterType
  package let description: String
  package let isRequired: Bool
  package let length: Int
  package let entity: Entity?
  package let element: ParameterType?
  package let roles: Roles
  /// Whether `-1` stands for all there are.
  let allowsEvery: Bool

  private init(
    _ name: String, _ type: ParameterType, _ description: String, required: Bool = false, length: Int = 255,
    entity: Entity? = nil, element: ParameterType? = nil, roles: Roles = .everybody, allowsEvery: Bool = false
  ) {
    self.allowsEvery = allowsEvery
    self.name = name
    self.type = type
    self.description = description
    self.isRequired = required
    self.length = length
    self.entity = entity
    self.element = element
    self.roles = roles
  }

  static func string(
    _ name: String, _ description: String, required: Bool = false, length: Int = 255, roles: Roles = .everybody
  ) -> Parameter {
    Parameter(name, .string, description, required: required, length: length, roles: roles)
  }

  static func id(
    _ name: String, _ entity: Entity, _ description: String, required: Bool = false, roles: Roles = .everybody
  ) -> Parameter {
    Parameter(name, .uuid, description, required: required, entity: entity, roles: roles)
  }

  /// An id, or `-1` for all there are.
  static func idOrAll(_ name: String, _ entity: Entity, _ description: String, required: Bool = false) -> Parameter {
    Parameter(name, .uuid, description, required: required, entity: entity, allowsEvery: true)
  }

  static func ids(_ name: String, _ entity: Entity, _ description: String, required: Bool = false) -> Parameter {
    Parameter(name, .list, description, required: required, entity: entity, element: .uuid)
  }

  static func strings(_ name: String, _ description: String) -> Parameter {
    Parameter(name, .list, description, element: .string)
  }

  static func boolean(
    _ name: String, _ description: String, required: Bool = false, roles: Roles = .everybody
  ) -> Parameter {
    Parameter(name, .boolean, description, required: required, roles: roles)
  }

  static func integer(_ name: String, _ description: String, required: Bool = false) -> Parameter {
    Parameter(name, .integer, description, required: required)
  }

  static func long(_ name: String, _ description: String, required: Bool = false) -> Parameter {
    Parameter(name, .long, description, required: required)
  }

  static func double(_ name: String, _ description: String, required: Bool = false) -> Parameter {
    Parameter(name, .double, description, required: required)
  }

  static func requiredStrings(_ name: String, _ description: String) -> Parameter {
    Parameter(name, .list, description, required: true, element: .string)
  }

  static func requiredMap(_ name: String, _ description: String) -> Parameter {
    Parameter(name, .map, description, required: true)
  }

  static func date(_ name: String, _ description: String) -> Parameter {
    Parameter(name, .date, description)
  }

  static func map(_ name: String, _ description: String) -> Parameter {
    Parameter(name, .map, description)
  }
}

/// Raw values are the names that listApis gives the types.
package enum ParameterType: String, Hashable, Sendable {
  case boolean, integer, long, double, string, uuid, list, map, date
}

/// A parameter that is refused rather than ignored, unless its value asks for what happens anyway.
package struct RefusedParameter: Sendable, ExpressibleByStringLiteral {
  package let name: String
  package let accepted: String
  /// For whom CloudStack has the parameter; it is ignored for others.
  package let roles: Roles

  private init(name: String, accepted: String = "false", roles: Roles = .everybody) {
    self.name = name
    self.accepted = accepted
    self.roles = roles
  }

  package init(stringLiteral name: String) {
    self.init(name: name)
  }

  static func unless(_ name: String, _ accepted: String) -> RefusedParameter {
    RefusedParameter(name: name, accepted: accepted)
  }

  static func admin(_ name: String) -> RefusedParameter {
    RefusedParameter(name: name, roles: .admin)
  }
}

extension Parameter {
  static let account = Parameter.string("account", "the account to act for; administrators only")
  static let domainID = Parameter.id("domainid", .domain, "the domain of the account")

  /// What every command understands that changes something.
  static let dryRun = Parameter.boolean("dryrun", "only tell what would change, in the cloud and on its nodes")

  /// Whom a new resource is for.
  static let owner: [Parameter] = [
    .account, .domainID, .id("projectid", .project, "the project to act for, instead of an account"),
  ]

  /// What every list understands.
  static let paging: [Parameter] = [
    .string("keyword", "a part of the name"),
    .integer("page", "the page to answer with, from 1; needs pagesize"),
    .integer("pagesize", "how many entries a page has; -1 for all"),
  ]

  /// What lists of resources that belong to accounts understand.
  static let scope: [Parameter] =
    [
      .string("account", "list what this account has; needs domainid for an account of another domain"),
      .id("domainid", .domain, "list what this domain has"),
      .boolean("isrecursive", "with domainid: also the domains below"),
      .boolean("listall", "administrators: everything that the caller may see"),
      .id("projectid", .project, "list what a project has; -1 for all projects"),
    ] + paging
}
