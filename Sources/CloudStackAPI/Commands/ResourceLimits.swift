import CloudModel
import Control

extension Commands {
  static let resourceLimits = [
    Command(
      "listResourceLimits", "Lists the most that accounts and domains may have; -1 is no limit",
      [
        .integer("resourcetype", types),
        .string("resourcetypename", "the type's name, such as user_vm"),
      ] + Parameter.scope,
      refused: ["id", "tag"], response: .resourceLimit
    ) { request in
      let (state, arguments) = (request.state, request.arguments)
      let wanted = try LimitedResource.allCases.filter {
        try type(request) == $0 || !arguments.has("resourcetype")
      }.filter { request.matches("resourcetypename", $0.name) }
      var rows: [(type: LimitedResource, account: Account?, domain: Domain?)] = []
      if let domain: ID<Domain> = arguments.id("domainid"), arguments.string("account") == nil,
        request.caller.type != .user
      {
        let domains =
          arguments.flag("isrecursive") ? state.subtree(of: domain) : state.domains[domain].map { [$0] } ?? []
        rows = domains.flatMap { domain in wanted.map { ($0, nil, domain) } }
      } else {
        let accounts = try request.visible(state.accounts) { $0.id }.oldestFirst(\.created)
        rows = accounts.flatMap { account in wanted.map { ($0, account, nil) } }
      }
      return try request.page("resourcelimit", rows) {
        [$0.type.name]
      } fields: {
        request.view.limit($0.type, $0.account, $0.domain)
      }
    },
    Command(
      "updateResourceLimit", "Sets the most that an account or a domain may have", roles: .admins,
      [
        .long("max", "the most; -1, the default, for no limit"),
        .integer("resourcetype", types, required: true),
      ] + Parameter.owner,
      refused: ["tag"], response: .resourceLimit
    ) { request in
      guard let type = try type(request) else { throw APIError.missing("resourcetype", request.command) }
      let owner = try owner(request)
      try await request.control.updateResourceLimit(
        type, of: owner, max: max(-1, request.arguments.integer("max") ?? -1), by: request.caller)
      let latest = request.latest
      return switch owner {
      case .account(let id): .one("resourcelimit", latest.limit(type, latest.state.accounts[id], nil))
      case .domain(let id): .one("resourcelimit", latest.limit(type, nil, latest.state.domains[id]))
      }
    },
    Command(
      "updateResourceCount", "Counts anew what an account or a domain has", roles: .admins,
      [
        .string("account", "the account; all of the domain by default"),
        .id("domainid", .domain, "the domain", required: true),
        .id("projectid", .project, "the project, instead of an account"),
        .integer("resourcetype", types),
      ],
      refused: ["tag"], response: .resourceCount
    ) { request in
      let wanted = try type(request).map { [$0] } ?? LimitedResource.allCases
      let (view, owner) = (request.view, try owner(request))
      let rows = wanted.map { type in
        switch owner {
        case .account(let id): view.count(type, view.state.accounts[id], nil)
        case .domain(let id): view.count(type, nil, view.state.domains[id])
        }
      }
      return .list("resourcecount", rows, count: rows.count)
    },
  ]

  private static let types =
    "0 instances, 1 public addresses, 2 volumes, 3 snapshots, 4 templates, 5 projects, 6 networks, 7 VPCs, 8 CPUs, "
    + "9 memory in MiB, 10 primary and 11 secondary storage in GiB"

  private static func type(_ request: Request) throws -> LimitedResource? {
    try request.arguments.integer("resourcetype").map { number in
      guard let type = LimitedResource(rawValue: number) else {
        throw APIError.invalid("resourcetype", String(number), "it is 0 to 11")
      }
      return type
    }
  }

  /// The account that is named, else the domain, else the caller's account.
  private static func owner(_ request: Request) throws -> LimitOwner {
    let arguments = request.arguments
    let domain: ID<Domain>? = arguments.id("domainid")
    if arguments.string("account") == nil, let domain { return .domain(domain) }
    return .account(
      try Access.owner(for: request.caller, account: arguments.string("account"), domain: domain, in: request.state).id)
  }
}
