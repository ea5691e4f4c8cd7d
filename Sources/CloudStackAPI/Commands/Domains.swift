import CloudModel
import Control

extension Commands {
  static let domains = [
    Command(
      "createDomain", "Creates a domain", roles: [.admin, .domainAdmin],
      [
        .string("name", "the domain's name", required: true),
        .string("networkdomain", "the DNS domain of the networks of its accounts"),
        .id("parentdomainid", .domain, "the domain that it lies in; the caller's by default"),
      ],
      refused: ["domainid"], response: .domain
    ) { request in
      let id = try await request.control.createDomain(
        name: request.string("name"), parent: request.arguments.id("parentdomainid"),
        networkDomain: request.arguments.string("networkdomain"), by: request.caller)
      return try request.created(id, "domain") { request.latest.fields(of: $0) }
    },
    Command(
      "updateDomain", "Changes a domain; a new name changes the paths of all below", roles: .admin,
      [
        .id("id", .domain, "the domain's id", required: true),
        .string("name", "the new name"),
        .string("networkdomain", "the DNS domain of the networks of its accounts; empty for none"),
      ], response: .domain
    ) { request in
      let id: ID<Domain> = try request.id("id")
      try await request.control.updateDomain(
        id, name: request.arguments.string("name"), networkDomain: request.arguments.string("networkdomain"),
        by: request.caller)
      return try request.created(id, "domain") { request.latest.fields(of: $0) }
    },
    Command(
      "moveDomain", "Puts a domain, with all below it, into another", roles: .admin,
      [
        .id("domainid", .domain, "the domain's id", required: true),
        .id("parentdomainid", .domain, "the domain that it is to lie in", required: true),
      ], response: .domain
    ) { request in
      let id: ID<Domain> = try request.id("domainid")
      try await request.control.moveDomain(id, to: request.id("parentdomainid"), by: request.caller)
      return try request.created(id, "domain") { request.latest.fields(of: $0) }
    },
    .job(
      "deleteDomain", "Deletes a domain", roles: [.admin, .domainAdmin],
      [
        .boolean("cleanup", "also the domains and accounts in it, with all that they have"),
        .id("id", .domain, "the domain's id", required: true),
      ]
    ) { request in
      try await request.control.deleteDomain(
        request.id("id"), cleanup: request.arguments.flag("cleanup"), by: request.caller)
    },
    Command(
      "listDomains", "Lists domains", roles: .admins,
      [
        .strings("details", "all, resource (what it has and may have) or min; all by default"),
        .id("id", .domain, "the domain's id"),
        .integer("level", "the depth below ROOT, which has 0"),
        .boolean("listall", "domain administrators: also the domains below their own"),
        .string("name", "the domain's name"),
        .boolean("showicon", "whether to show icons; there are none"),
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
      return try list(rows, request)
    },
    Command(
      "listDomainChildren", "Lists the domains in a domain", roles: .admins,
      [
        .id("id", .domain, "the domain; the caller's by default"),
        .boolean("isrecursive", "also the domains in those"),
        .boolean("listall", "the same as isrecursive, of the caller's domain"),
        .string("name", "the domain's name"),
        .boolean("showicon", "whether to show icons; there are none"),
      ] + Parameter.paging, response: .domain
    ) { request in
      let parent = request.arguments.id("id") ?? request.caller.domain
      let isDeep =
        request.arguments.flag("isrecursive") || request.arguments.flag("listall") && !request.arguments.has("id")
      let rows =
        isDeep
        ? Array(request.state.subtree(of: parent).dropFirst())
        : request.state.domains.matching("parent", .id(parent))
      return try list(rows.filter { request.matches("name", $0.name) }, request)
    },
  ]

  private static func list(_ rows: [Domain], _ request: Request) throws -> Reply {
    let isCounting = request.asksForCounts
    return try request.page("domain", rows.oldestFirst(\.created)) {
      [$0.name]
    } fields: {
      request.view.fields(of: $0, counting: isCounting)
    }
  }
}
