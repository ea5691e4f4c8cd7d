package import CloudModel
import Control
import FoundationEssentials

/// One command, declared: everything that routing, validation and listApis know of it.
package struct Command: Sendable {
  package let name: String
  package let description: String
  package let roles: Roles
  package let parameters: [Parameter]
  /// What CloudStack understands here, Daruma does not yet, and would change what the call means.
  package let refused: [RefusedParameter]
  package let response: ResponseType
  /// The name under which the object stands in the answer.
  package let resultName: String
  /// Answers with a job.
  package let isAsync: Bool
  /// The first answer of an asynchronous command also names the new resource.
  package let isCreate: Bool
  /// Tells what the nodes reported, which only the manager that leads knows.
  package let isOfNodes: Bool
  package let run: @Sendable (Request) async throws -> Reply

  package let lowercasedName: String
  package var envelope: String { lowercasedName + "response" }

  /// Answers at once.
  init(
    _ name: String, _ description: String, roles: Roles = .everybody, _ parameters: [Parameter] = [],
    refused: [RefusedParameter] = [], response: ResponseType, object: String? = nil, isOfNodes: Bool = false,
    run: @escaping @Sendable (Request) async throws -> Reply
  ) {
    self.init(
      name: name, description: description, roles: roles, parameters: parameters, refused: refused,
      response: response, resultName: object ?? response.name, isAsync: false, isCreate: false, isOfNodes: isOfNodes,
      run: run)
  }

  /// Answers with a job, and with the new resource's id when `creates`.
  static func job(
    _ name: String, _ description: String, roles: Roles = .everybody, creates: Bool = false,
    _ parameters: [Parameter], refused: [RefusedParameter] = [], response: ResponseType = .success,
    object: String? = nil,
    start: @escaping @Sendable (Request) async throws -> Started
  ) -> Command {
    Command(
      name: name, description: description, roles: roles, parameters: parameters,
      refused: refused + ["customjobid"] + (creates ? ["customid"] : []), response: response,
      resultName: object ?? response.name, isAsync: true, isCreate: creates, isOfNodes: false
    ) { request in
      let started = try await start(request)
      var fields = Fields()
      if creates { fields.add("id", started.resource?.uuidString.lowercased()) }
      fields.add("jobid", started.job.description)
      return .object(fields)
    }
  }

  private init(
    name: String, description: String, roles: Roles, parameters: [Parameter], refused: [RefusedParameter],
    response: ResponseType, resultName: String, isAsync: Bool, isCreate: Bool, isOfNodes: Bool,
    run: @escaping @Sendable (Request) async throws -> Reply
  ) {
    self.name = name
    self.lowercasedName = name.lowercased()
    self.description = description
    self.roles = roles
    self.parameters = parameters + (Self.isReading(name) ? [] : [.dryRun])
    self.refused = refused
    self.response = response
    self.resultName = resultName
    self.isAsync = isAsync
    self.isCreate = isCreate
    self.isOfNodes = isOfNodes
    self.run = run
  }

  /// Whether another account than the caller's, or a project, can be named as the one that it is for.
  var actsForAccounts: Bool {
    parameters.contains { $0.name == "account" } && parameters.contains { $0.name == "domainid" }
      && parameters.contains { $0.name == "projectid" && !$0.isRequired }
  }

  /// Changes nothing.
  package var isReading: Bool { Self.isReading(name) }

  private static func isReading(_ name: String) -> Bool {
    ["list", "find", "get", "query"].contains { name.hasPrefix($0) }
      || ["quotaIsEnabled", "quotaSummary", "quotaTariffList"].contains(name)
  }
}

/// Kinds of accounts that may call a command or give a parameter.
package struct Roles: OptionSet, Hashable, Sendable {
  package let rawValue: Int

  package init(rawValue: Int) {
    self.rawValue = rawValue
  }

  package static let admin = Roles(rawValue: 1)
  package static let domainAdmin = Roles(rawValue: 2)
  package static let user = Roles(rawValue: 4)
  package static let resourceAdmin = Roles(rawValue: 8)
  package static let admins: Roles = [.admin, .domainAdmin, .resourceAdmin]
  package static let everybody: Roles = [.admin, .domainAdmin, .resourceAdmin, .user]

  package init(_ type: AccountType) {
    switch type {
    case .rootAdmin: self = .admin
    case .domainAdmin: self = .domainAdmin
    case .resourceDomainAdmin: self = .resourceAdmin
    case .project: self = []
    case .user: self = .user
    }
  }
}
