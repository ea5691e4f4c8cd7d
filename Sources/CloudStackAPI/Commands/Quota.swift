import CloudModel
import Control
import FoundationEssentials

extension Commands {
  static let quota = [
    Command("quotaIsEnabled", "Tells whether the quota service is on", response: .quotaEnabled, object: "isenabled") {
      request in
      var fields = Fields()
      fields.add("isenabled", request.state.flag(.isQuotaEnabled))
      return .one("isenabled", fields)
    },
    Command(
      "quotaSummary", "Tells what accounts have used and have left, which is nothing: no usage is recorded",
      [
        .string("account", "the account; needs domainid for an account of another domain"),
        .id("domainid", .domain, "the domain of the account, or of all accounts that are asked for"),
        .boolean("listall", "administrators: all accounts that the caller may see"),
      ] + Parameter.paging, response: .quotaSummary
    ) { request in
      try request.state.requireQuota()
      let isVisible = try request.visibility(request.scope)
      let rows = request.state.accounts.all.filter { isVisible($0.id) && $0.state != .removing }
      return try request.page("summary", rows.sorted { ($0.name, $0.id) < ($1.name, $1.id) }) {
        [$0.name]
      } fields: {
        request.view.summary(of: $0, at: Date())
      }
    },
  ]
}
