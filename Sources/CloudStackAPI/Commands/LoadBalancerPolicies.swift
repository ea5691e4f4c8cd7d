import CloudModel
import Control
import FoundationEssentials

extension Commands {
  static let balancingPolicies = [
    Command.job(
      "createLBStickinessPolicy", "Keeps clients of a load balancer rule with one instance", creates: true,
      [
        .string("description", "what it is for", length: 4096),
        .forDisplay, balancingRule,
        .string("methodname", "LbCookie, AppCookie or SourceBased", required: true),
        .string("name", "the policy's name", required: true),
        .map("param", "param[0].name and param[0].value: parameters of the method"),
      ], response: .stickinessPolicies
    ) { request in
      let text = try request.string("methodname")
      guard let method = StickinessMethod.allCases.first(where: { $0.rawValue.lowercased() == text.lowercased() })
      else { throw APIError.invalid("methodname", text, "it is LbCookie, AppCookie or SourceBased") }
      var parameters: [String: String] = [:]
      for row in request.arguments.rows("param") ?? [] {
        guard let name = row["name"], let value = row["value"] else {
          throw APIError.value("Parameters are given as param[0].name and param[0].value")
        }
        parameters[name.lowercased()] = value
      }
      return try await request.control.createStickinessPolicy(
        request.id("lbruleid"), name: request.string("name"),
        description: request.arguments.string("description") ?? "", method: method, parameters: parameters,
        isDisplayed: request.isDisplayed, by: request.caller)
    },
    .job(
      "updateLBStickinessPolicy", "Changes whether users see a stickiness policy", [stickinessPolicy, .forDisplay],
      refused: [.admin("customid")], response: .stickinessPolicies
    ) { request in
      try await request.control.updateStickinessPolicy(
        try policy(request), isDisplayed: request.isDisplayed, by: request.caller)
    },
    .job("deleteLBStickinessPolicy", "Lets clients go to any instance again", [stickinessPolicy]) { request in
      try await request.control.deleteStickinessPolicy(try policy(request), by: request.caller)
    },
    Command(
      "listLBStickinessPolicies", "Lists the stickiness policy of a load balancer rule",
      [
        .forDisplay, .id("id", .stickinessPolicy, "the policy's id"),
        .id("lbruleid", .loadBalancerRule, "the rule's id"),
      ] + Parameter.paging, response: .stickinessPolicies
    ) { request in
      let rows = try rules(request) { $0.stickiness.map { ($0.id, $0.isHidden) } }
      return try request.page("stickinesspolicies", rows) {
        [$0.stickiness?.name ?? ""]
      } fields: {
        request.view.stickiness(of: $0)
      }
    },
    .job(
      "createLBHealthCheckPolicy", "Says how a load balancer rule finds out which instances live", creates: true,
      [
        .string("description", "what it is for", length: 4096),
        .forDisplay,
        .integer("healthythreshold", "how many successes make an instance live; 2 by default"),
        .integer("intervaltime", "seconds between checks; 5 by default"),
        balancingRule,
        .string("pingpath", "the path that is asked for; / by default"),
        .integer("responsetimeout", "seconds that an answer may take; 2 by default"),
        .integer("unhealthythreshold", "how many failures make an instance dead; 1 by default"),
      ], response: .healthCheckPolicies, object: "healthcheckpolicy"
    ) { request in
      let arguments = request.arguments
      var check = NewHealthCheck()
      check.description = arguments.string("description") ?? ""
      if let path = arguments.string("pingpath"), !path.isEmpty { check.pingPath = path }
      check.interval = arguments.integer("intervaltime") ?? check.interval
      check.timeout = arguments.integer("responsetimeout") ?? check.timeout
      check.healthy = arguments.integer("healthythreshold") ?? check.healthy
      check.unhealthy = arguments.integer("unhealthythreshold") ?? check.unhealthy
      return try await request.control.createHealthCheckPolicy(
        request.id("lbruleid"), check, isDisplayed: request.isDisplayed, by: request.caller)
    },
    .job(
      "updateLBHealthCheckPolicy", "Changes whether users see a health check policy", [checkPolicy, .forDisplay],
      refused: [.admin("customid")], response: .healthCheckPolicies, object: "healthcheckpolicy"
    ) { request in
      try await request.control.updateHealthCheckPolicy(
        try policy(request), isDisplayed: request.isDisplayed, by: request.caller)
    },
    .job("deleteLBHealthCheckPolicy", "Deletes a health check policy", [checkPolicy]) { request in
      try await request.control.deleteHealthCheckPolicy(try policy(request), by: request.caller)
    },
    Command(
      "listLBHealthCheckPolicies", "Lists the health check policy of a load balancer rule",
      [
        .forDisplay, .id("id", .healthCheckPolicy, "the policy's id"),
        .id("lbruleid", .loadBalancerRule, "the rule's id"),
      ] + Parameter.paging, response: .healthCheckPolicies
    ) { request in
      let rows = try rules(request) { $0.healthCheck.map { ($0.id, $0.isHidden) } }
      return try request.page("healthcheckpolicies", rows) {
        [$0.healthCheck?.description ?? ""]
      } fields: {
        request.view.healthCheck(of: $0)
      }
    },
  ]

  private static let balancingRule = Parameter.id("lbruleid", .loadBalancerRule, "the rule's id", required: true)
  private static let stickinessPolicy = Parameter.id("id", .stickinessPolicy, "the policy's id", required: true)
  private static let checkPolicy = Parameter.id("id", .healthCheckPolicy, "the policy's id", required: true)

  private static func policy(_ request: Request) throws -> UUID {
    guard let id = request.arguments.uuid("id") else { throw APIError.missing("id", request.command) }
    return id
  }

  /// The rules with such a policy that are asked for by `id` or `lbruleid`; else all of the caller's.
  private static func rules(
    _ request: Request, _ policy: (LoadBalancerRule) -> (id: UUID, isHidden: Bool?)?
  ) throws -> [LoadBalancerRule] {
    let id = request.arguments.uuid("id")
    let state = request.state
    let found: [LoadBalancerRule] =
      if let rule: ID<LoadBalancerRule> = request.arguments.id("lbruleid") {
        state.loadBalancerRules[rule].map { [$0] } ?? []
      } else if let id {
        state.loadBalancerRules.matching("policy", .uuid(id))
      } else {
        state.loadBalancerRules.matching("account", .id(request.caller.account))
      }
    return found.filter { rule in
      guard let policy = policy(rule) else { return false }
      return (id == nil || policy.id == id) && request.shows(policy.isHidden)
    }.oldestFirst(\.created)
  }
}
