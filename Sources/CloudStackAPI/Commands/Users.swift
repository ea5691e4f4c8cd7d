import CloudModel
import Control

extension Commands {
  static let users = [
    Command(
      "createUser", "Creates a user of an account", roles: .admins,
      [
        .string("account", "the account's name", required: true),
        .id("domainid", .domain, "the domain of the account; the caller's by default"),
        .string("email", "the user's e-mail address", required: true),
        .string("firstname", "the user's first name", required: true),
        .string("lastname", "the user's last name", required: true),
        .string("password", "the user's password", required: true),
        .string("timezone", "the user's time zone"),
        .string("username", "the user's name, unique in the domain", required: true),
      ],
      refused: ["userid"], response: .user
    ) { request in
      let arguments = request.arguments
      let owner = try Access.owner(
        for: request.caller, account: request.string("account"), domain: arguments.id("domainid"), in: request.state)
      try request.requireNoEscalation(to: owner.id)
      var user = try NewAccount(
        name: request.string("account"), type: nil, domain: arguments.id("domainid"),
        username: request.string("username"), password: request.string("password"),
        firstname: request.string("firstname"), lastname: request.string("lastname"), email: request.string("email"))
      user.timezone = arguments.string("timezone")
      let id = try await request.control.createUser(user, by: request.caller)
      return try request.created(id, "user") { request.latest.fields(of: $0) }
    },
    Command(
      "getUser", "Finds the user of an API key", roles: .admin,
      [.string("userapikey", "the API key", required: true)], response: .user
    ) { request in
      guard let user = request.state.users.first("apikey", .text(try request.string("userapikey"))) else {
        throw APIError.value("No user has this API key")
      }
      return .one("user", request.view.fields(of: user))
    },
    Command(
      "listUsers", "Lists users",
      [
        .string("account", "list the users of this account; needs domainid for an account of another domain"),
        .integer("accounttype", "0 user, 1 root admin, 2 domain admin, 3 resource admin"),
        .id("domainid", .domain, "list the users of this domain"),
        .id("id", .user, "the user's id"),
        .boolean("isrecursive", "with domainid: also the domains below"),
        .boolean("listall", "administrators: every user that the caller may see"),
        .boolean("showicon", "whether to show icons; there are none"),
        .string("state", "enabled, disabled or locked"),
        .string("username", "the user's name"),
      ] + Parameter.paging,
      refused: [.admin("apikeyaccess"), .unless("usersource", "native")], response: .user
    ) { request in
      let state = request.state
      let rows = try request.visible(state.users, byName: request.arguments.has("username")) { $0.account }.filter {
        user in
        request.matches("username", user.username) && request.matches("state", user.state.rawValue)
          && request.arguments.integer("accounttype").map { $0 == state.accounts[user.account]?.type.rawValue } ?? true
      }
      return try request.page("user", rows.oldestFirst(\.created)) {
        [$0.username, $0.firstname, $0.lastname]
      } fields: {
        request.view.fields(of: $0)
      }
    },
    Command(
      "updateUser", "Changes a user",
      [
        user,
        .string("currentpassword", "the password that is replaced; administrators need not know it"),
        .string("email", "the e-mail address"),
        .string("firstname", "the first name"),
        .string("lastname", "the last name"),
        .string("password", "the new password"),
        .string("timezone", "the time zone"),
        .string("userapikey", "the new API key; with usersecretkey"),
        .string("username", "the new name"),
        .string("usersecretkey", "the new secret key; with userapikey"),
      ],
      refused: [.admin("apikeyaccess"), "mandate2fa"], response: .user
    ) { request in
      let (id, arguments) = (try request.id("id", User.self), request.arguments)
      try request.requireNoEscalation(toUser: id)
      var change = UserChange()
      change.username = arguments.string("username")
      change.password = arguments.string("password")
      change.currentPassword = arguments.string("currentpassword")
      change.firstname = arguments.string("firstname")
      change.lastname = arguments.string("lastname")
      change.email = arguments.string("email")
      change.timezone = arguments.string("timezone")
      change.apiKey = arguments.string("userapikey")
      change.secretKey = arguments.string("usersecretkey")
      try await request.control.updateUser(id, change, by: request.caller)
      return try request.created(id, "user") { request.latest.fields(of: $0) }
    },
    Command(
      "registerUserKeys", "Gives a user a new API key and secret key; the old ones are void", [user],
      response: .userKeys
    ) { request in
      try request.requireNoEscalation(toUser: request.id("id"))
      let keys = try await request.control.registerUserKeys(request.id("id"), by: request.caller)
      return userKeys(keys.apiKey, keys.secretKey)
    },
    Command("getUserKeys", "Tells a user's API key and secret key", [user], response: .userKeys) { request in
      try request.requireNoEscalation(toUser: request.id("id"))
      let keys = try request.control.userKeys(request.id("id"), by: request.caller)
      return userKeys(keys.apiKey, keys.secretKey)
    },
  ]

  static let user = Parameter.id("id", .user, "the user's id", required: true)

  private static func userKeys(_ apiKey: String?, _ secretKey: String?) -> Reply {
    var fields = Fields()
    fields.add("apikey", apiKey)
    fields.add("secretkey", secretKey)
    return .one("userkeys", fields)
  }
}
