import CloudModel
import Control

extension Commands {
  static let accounts = [
    Command(
      "createAccount", "Creates an account with its first user", roles: .admins,
      [
        .string("account", "the name of the account; the user's name by default"),
        .integer("accounttype", "0 user, 1 root admin, 2 domain admin"),
        .id("domainid", .domain, "the domain of the account; the caller's by default"),
        .string("email", "the user's e-mail address", required: true),
        .string("firstname", "the user's first name", required: true),
        .string("lastname", "the user's last name", required: true),
        .string("password", "the user's password", required: true),
        .string("username", "the user's name, unique in the domain", required: true),
      ],
      refused: ["accountdetails", "accountid", "networkdomain", "roleid", "userid"], response: .account
    ) { request in
      guard let number = request.arguments.integer("accounttype") else {
        throw APIError.value("Account type must be given as accounttype: 0 user, 1 root admin, 2 domain admin")
      }
      guard let type = AccountType(rawValue: number) else {
        throw APIError.invalid("accounttype", String(number), "it is 0, 1 or 2")
      }
      let id = try await request.control.createAccount(
        NewAccount(
          name: request.arguments.string("account"), type: type, domain: request.arguments.id("domainid"),
          username: request.string("username"), password: request.string("password"),
          firstname: request.string("firstname"), lastname: request.string("lastname"), email: request.string("email")),
        by: request.caller)
      return try request.created(id, "account") { request.latest.fields(of: $0) }
    },
    Command(
      "listAccounts", "Lists accounts",
      [
        .integer("accounttype", "0 user, 1 root admin, 2 domain admin"),
        .id("domainid", .domain, "list the accounts of this domain"),
        .id("id", .account, "the account's id"),
        .boolean("isrecursive", "with domainid: also the domains below"),
        .boolean("listall", "administrators: every account that the caller may see"),
        .string("name", "the account's name"),
        .string("state", "enabled or disabled"),
      ] + Parameter.paging,
      refused: [.admin("apikeyaccess"), "iscleanuprequired", "tag"], response: .account
    ) { request in
      let rows = try request.visible(request.state.accounts, byName: request.arguments.has("name")) { $0.id }.filter {
        account in
        request.matches("name", account.name) && request.matches("state", account.state.rawValue)
          && request.arguments.integer("accounttype").map { $0 == account.type.rawValue } ?? true
      }
      return try request.page("account", rows.oldestFirst(\.created)) {
        [$0.name]
      } fields: {
        request.view.fields(of: $0)
      }
    },
    .job(
      "deleteAccount", "Deletes an account with all that it has", roles: .admins,
      [.id("id", .account, "the account's id", required: true)]
    ) { request in
      try await request.control.deleteAccount(request.id("id"), by: request.caller)
    },
  ]
}

extension Request {
  /// The answer to the creation of `id`.
  func created<R: Resource>(_ id: ID<R>, _ name: String, _ fields: (R) -> Fields) throws -> Reply {
    guard let resource = control.state[keyPath: R.table][id] else {
      throw ControlError(.internalError, "The new \(name) is gone already")
    }
    return .one(name, fields(resource))
  }
}
