import CloudModel
import Control

extension Commands {
  static let domains = [
    Command(
      "listDomains", "Lists domains", roles: .admins,
      [
        .id("id", .domain, "the domain's id"),
        .integer("level", "the depth below ROOT, which has 0"),
        .boolean("listall", "domain administrators: also the domains below their own"),
        .string("name", "the domain's name"),
      ] + Parameter.paging,
      refused: ["tag"], response: .domain
    ) { request in
      let caller = request.caller
      let rows = request.state.domains.all.filter { domain in
        let isVisible =
          caller.isRootAdmin || domain.id == caller.domain
          || (request.arguments.flag("listall") || request.arguments.has("id"))
            && Access.isWithin(domain.id, caller.domain, in: request.state)
        return isVisible && request.matches("id", domain.id) && request.matches("name", domain.name)
          && request.arguments.integer("level").map { level in domain.path.count { $0 == "/" } == level } ?? true
      }
      return try request.page("domain", rows.oldestFirst(\.created)) {
        [$0.name]
      } fields: {
        request.view.fields(of: $0)
      }
    }
  ]
}
