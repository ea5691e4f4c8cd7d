import CloudModel
import Control

extension Commands {
  static let accountStates = [
    Command(
      "updateAccount", "Changes an account", roles: .admins,
      named + [
        .map("accountdetails", "keys and values to keep with the account"),
        .string("networkdomain", "the DNS domain of the account's networks; empty for none"),
        .string("newname", "the new name"),
        .id("roleid", .role, "what the account may call"),
      ],
      refused: [.admin("apikeyaccess")], response: .account
    ) { request in
      let id = try account(request)
      try request.requireNoEscalation(to: id)
      var change = AccountChange()
      change.name = request.arguments.string("newname")
      change.role = request.arguments.id("roleid")
      change.networkDomain = request.arguments.string("networkdomain")
      change.details = request.arguments.entries("accountdetails")
      try Permission.requireNoEscalation(
        to: change.role.flatMap(request.state.role), by: request.caller, in: request.state)
      try await request.control.updateAccount(id, change, by: request.caller)
      return try told(id, request)
    },
    Command("enableAccount", "Lets an account act again", roles: .admins, named, response: .account) { request in
      let id = try account(request)
      try await request.control.enableAccount(id, by: request.caller)
      return try told(id, request)
    },
    .job(
      "disableAccount", "Shuts an account out", roles: .admins,
      named + [
        .boolean("lock", "true: its instances go on; false: they are stopped", required: true)
      ], response: .account
    ) { request in
      let id = try account(request)
      return try await request.arguments.flag("lock")
        ? request.control.startLockAccount(id, by: request.caller)
        : request.control.disableAccount(id, by: request.caller)
    },
    Command(
      "lockAccount", "Shuts an account out while its instances go on", roles: .admins,
      [
        .string("account", "the account's name", required: true),
        .id("domainid", .domain, "the domain of the account", required: true),
      ], response: .account
    ) { request in
      let id = try account(request)
      try await request.control.lockAccount(id, by: request.caller)
      return try told(id, request)
    },
  ]

  private static let named: [Parameter] = [
    .string("account", "the account's name, instead of the id; needs domainid for one of another domain"),
    .id("domainid", .domain, "the domain of the account"),
    .id("id", .account, "the account's id"),
  ]

  private static func account(_ request: Request) throws -> ID<Account> {
    if let id: ID<Account> = request.arguments.id("id") { return id }
    guard let name = request.arguments.string("account"), !name.isEmpty else {
      throw APIError.value("Either id or account with domainid is required by \(request.command.name)")
    }
    return try Access.owner(
      for: request.caller, account: name, domain: request.arguments.id("domainid"), in: request.state
    ).id
  }

  private static func told(_ id: ID<Account>, _ request: Request) throws -> Reply {
    try request.created(id, "account") { request.latest.fields(of: $0) }
  }
}
