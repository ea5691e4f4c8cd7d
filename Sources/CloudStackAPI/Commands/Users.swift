import CloudModel
import Control

extension Commands {
  static let users = [
    Command(
      "listUsers", "Lists users",
      [
        .string("account", "list the users of this account; needs domainid for an account of another domain"),
        .integer("accounttype", "0 user, 1 root admin, 2 domain admin"),
        .id("domainid", .domain, "list the users of this domain"),
        .id("id", .user, "the user's id"),
        .boolean("isrecursive", "with domainid: also the domains below"),
        .boolean("listall", "administrators: every user that the caller may see"),
        .string("state", "enabled or disabled"),
        .string("username", "the user's name"),
      ] + Parameter.paging,
      refused: [.admin("apikeyaccess"), .unless("usersource", "native")], response: .user
    ) { request in
      let state = request.state
      let rows = try request.visible(state.users, byName: request.arguments.has("username")) { $0.account }.filter {
        user in
        request.matches("username", user.username) && request.matches("state", user.enabled ? "enabled" : "disabled")
          && request.arguments.integer("accounttype").map { $0 == state.accounts[user.account]?.type.rawValue } ?? true
      }
      return try request.page("user", rows.oldestFirst(\.created)) {
        [$0.username, $0.firstname, $0.lastname]
      } fields: {
        request.view.fields(of: $0)
      }
    },
    Command(
      "registerUserKeys", "Gives a user a new API key and secret key; the old ones are void",
      [.id("id", .user, "the user's id", required: true)], response: .userKeys
    ) { request in
      let keys = try await request.control.registerUserKeys(request.id("id"), by: request.caller)
      return userKeys(keys.apiKey, keys.secretKey)
    },
    Command(
      "getUserKeys", "Tells a user's API key and secret key",
      [.id("id", .user, "the user's id", required: true)], response: .userKeys
    ) { request in
      let keys = try request.control.userKeys(request.id("id"), by: request.caller)
      return userKeys(keys.apiKey, keys.secretKey)
    },
  ]

  private static func userKeys(_ apiKey: String?, _ secretKey: String?) -> Reply {
    var fields = Fields()
    fields.add("apikey", apiKey)
    fields.add("secretkey", secretKey)
    return .one("userkeys", fields)
  }
}
