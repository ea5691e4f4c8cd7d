import CloudModel
import Control

extension Commands {
  static let apiLimits = [
    Command("getApiLimit", "Tells how many calls the account has made and may make", response: .apiLimit) { request in
      try requireThrottling(request)
      let standing = request.control.throttle.standing(of: request.caller.account, in: request.state)
      var fields = Fields()
      fields.add("accountid", request.caller.account.description)
      fields.add("account", request.state.accounts[request.caller.account]?.name)
      fields.add("apiIssued", standing.issued)
      fields.add("apiAllowed", standing.allowed)
      fields.add("expireAfter", standing.left.milliseconds)
      return .one("apilimit", fields)
    },
    Command(
      "resetApiLimit", "Has the calls of an account counted anew", roles: .admin,
      [.id("account", .account, "the account's id; all by default")], response: .success
    ) { request in
      try requireThrottling(request)
      request.control.throttle.reset(request.arguments.id("account"))
      return .success()
    },
  ]

  private static func requireThrottling(_ request: Request) throws {
    guard request.state.flag(.isThrottled) else {
      throw APIError(432, "This api is only available when api.throttling.enabled = true.")
    }
  }
}
