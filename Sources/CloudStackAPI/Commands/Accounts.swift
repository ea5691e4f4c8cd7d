import CloudModel
import Control

extension Commands {
  static let accounts = [
    Command(
      "createAccount", "Creates an account with its first user", roles: .admins,
      [
        .string("account", "the name of the account; the user's name by default"),
        .map("accountdetails", "keys and values to keep with the account"),
        .integer("accounttype", "0 user, 1 root admin, 2 domain admin, 3 resource admin; that of the role if given"),
        .id("domainid", .domain, "the domain of the account; the caller's by default"),
        .string("email", "the user's e-mail address", required: true),
        .string("firstname", "the user's first name", required: true),
        .string("lastname", "the user's last name", required: true),
        .string("networkdomain", "the DNS domain of the account's networks"),
        .string("password", "the user's password", required: true),
        .id("roleid", .role, "what the account may call; the role of its type by default"),
        .string("timezone", "the user's time zone"),
        .string("username", "the user's name, unique in the domain", required: true),
      ],
      refused: ["accountid", "userid"], response: .account
    ) { request in
      let arguments = request.arguments
      let role = arguments.id("roleid", Role.self).flatMap(request.state.role)
      let type = try arguments.integer("accounttype").map { number in
        guard let type = AccountType(rawValue: number) else {
          throw APIError.invalid("accounttype", String(number), "it is 0, 1, 2 or 3")
        }
        return type
      }
      guard role != nil || type != nil else {
        throw APIError.value("Account type must be given as accounttype: 0 user, 1 root admin, 2 domain admin")
      }
      try Permission.requireNoEscalation(
        to: role ?? type.flatMap { Role.builtIn($0) }, by: request.caller, in: request.state)
      var account = try NewAccount(
        name: arguments.string("account"), type: type, domain: arguments.id("domainid"),
        username: request.string("username"), password: request.string("password"),
        firstname: request.string("firstname"), lastname: request.string("lastname"), email: request.string("email"))
      account.role = role?.id
      account.timezone = arguments.string("timezone")
      account.networkDomain = arguments.string("networkdomain")
      account.details = arguments.entries("accountdetails")
      let id = try await request.control.createAccount(account, by: request.caller)
      return try request.created(id, "account") { request.latest.fields(of: $0) }
    },
    Command(
      "listAccounts", "Lists accounts",
      [
        .integer("accounttype", "0 user, 1 root admin, 2 domain admin, 3 resource admin"),
        .strings("details", "all, resource (what it has and may have) or min; all by default"),
        .id("domainid", .domain, "list the accounts of this domain"),
        .id("id", .account, "the account's id"),
        .boolean("isrecursive", "with domainid: also the domains below"),
        .boolean("listall", "administrators: every account that the caller may see"),
        .string("name", "the account's name"),
        .boolean("showicon", "whether to show icons; there are none"),
        .string("state", "enabled, disabled or locked"),
      ] + Parameter.paging,
      refused: [.admin("apikeyaccess"), "iscleanuprequired", "tag"], response: .account
    ) { request in
      let rows = try request.visible(request.state.accounts, byName: request.arguments.has("name")) { $0.id }.filter {
        account in
        request.matches("name", account.name) && request.matches("state", account.state.rawValue)
          && request.arguments.integer("accounttype").map { $0 == account.type.rawValue } ?? true
      }
      let isCounting = request.asksForCounts
      return try request.page("account", rows.oldestFirst(\.created)) {
        [$0.name]
      } fields: {
        request.view.fields(of: $0, counting: isCounting)
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
    guard let resource = R.row(id, in: control.state)?.value else {
      throw ControlError(.internalError, "The new \(name) is gone already")
    }
    return .one(name, fields(resource))
  }

  /// Whether `details` asks for what accounts and domains have and may have.
  var asksForCounts: Bool {
    arguments.strings("details").map { $0.contains { ["all", "resource"].contains($0.lowercased()) } } ?? true
  }
}

extension Arguments {
  /// The entries of a map parameter whose fields are keys of the caller's own, whatever their indexes.
  func entries(_ name: String) -> [String: String] {
    (rows(name) ?? []).reduce(into: [:]) { $0.merge($1) { _, last in last } }
  }
}
