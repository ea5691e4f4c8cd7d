package import CloudModel
package import FoundationEssentials
import Ledger

package struct NewHealthCheck: Sendable {
  package var description = ""
  package var pingPath = "/"
  /// In seconds.
  package var interval = 5
  package var timeout = 2
  package var healthy = 2
  package var unhealthy = 1

  package init() {}
}

/// Policies of load balancer rules. A rule has one of each kind at most. The job is about the rule.
extension Control {
  package func createStickinessPolicy(
    _ id: ID<LoadBalancerRule>, name: String, description: String, method: StickinessMethod,
    parameters: [String: String], isDisplayed: Bool?, by caller: Caller
  ) async throws -> Started {
    let policy = UUID.random()
    let started = try await change(id, "createLBStickinessPolicy", "LB.STICKINESSPOLICY.CREATE", caller) {
      rule, state in
      try Self.requireSimulated(Self.zone(of: rule, state), "Stickiness", state)
      guard rule.stickiness == nil else {
        throw ControlError(.invalidParameter, "Failed to create stickiness policy: the rule already has one")
      }
      try Self.checkName(name)
      guard rule.transport == .tcp else {
        throw ControlError(.invalidParameter, "Stickiness needs a rule of protocol tcp")
      }
      guard parameters.count <= 16,
        parameters.allSatisfy({ method.parameters.contains($0.key) && $0.value.utf8.count <= 255 })
      else {
        throw ControlError(
          .invalidParameter,
          "\(method.rawValue) has the parameters \(method.parameters.sorted().joined(separator: ", "))")
      }
      rule.stickiness = StickinessPolicy(
        id: policy, name: name, description: description, method: method, parameters: parameters)
      rule.stickiness?.isHidden = isDisplayed == false ? true : nil
    }
    return Started(job: started.job, resource: policy)
  }

  package func updateStickinessPolicy(
    _ id: UUID, isDisplayed: Bool?, by caller: Caller
  ) async throws -> Started {
    try await change(try rule(ofPolicy: id), "updateLBStickinessPolicy", "LB.STICKINESSPOLICY.UPDATE", caller) {
      rule, _ in
      if let isDisplayed { rule.stickiness?.isHidden = isDisplayed ? nil : true }
    }
  }

  package func deleteStickinessPolicy(_ id: UUID, by caller: Caller) async throws -> Started {
    try await change(try rule(ofPolicy: id), "deleteLBStickinessPolicy", "LB.STICKINESSPOLICY.DELETE", caller) {
      rule, _ in
      rule.stickiness = nil
    }
  }

  package func createHealthCheckPolicy(
    _ id: ID<LoadBalancerRule>, _ new: NewHealthCheck, isDisplayed: Bool?, by caller: Caller
  ) async throws -> Started {
    let policy = UUID.random()
    let started = try await change(id, "createLBHealthCheckPolicy", "LB.HEALTHCHECKPOLICY.CREATE", caller) {
      rule, state in
      try Self.requireSimulated(Self.zone(of: rule, state), "A health check policy", state)
      guard rule.healthCheck == nil else {
        throw ControlError(.invalidParameter, "Failed to create health check policy: the rule already has one")
      }
      let times = [new.interval, new.timeout, new.healthy, new.unhealthy]
      guard new.pingPath.hasPrefix("/"), times.allSatisfy({ (1...3600).contains($0) }), new.interval > new.timeout
      else {
        throw ControlError(
          .invalidParameter,
          "pingpath begins with /, times and thresholds are 1 to 3600, and intervaltime is above responsetimeout")
      }
      rule.healthCheck = HealthCheckPolicy(
        id: policy, description: new.description, pingPath: new.pingPath, interval: new.interval,
        timeout: new.timeout, healthy: new.healthy, unhealthy: new.unhealthy)
      rule.healthCheck?.isHidden = isDisplayed == false ? true : nil
    }
    return Started(job: started.job, resource: policy)
  }

  package func updateHealthCheckPolicy(
    _ id: UUID, isDisplayed: Bool?, by caller: Caller
  ) async throws -> Started {
    try await change(try rule(ofPolicy: id), "updateLBHealthCheckPolicy", "LB.HEALTHCHECKPOLICY.UPDATE", caller) {
      rule, _ in
      if let isDisplayed { rule.healthCheck?.isHidden = isDisplayed ? nil : true }
    }
  }

  package func deleteHealthCheckPolicy(_ id: UUID, by caller: Caller) async throws -> Started {
    try await change(try rule(ofPolicy: id), "deleteLBHealthCheckPolicy", "LB.HEALTHCHECKPOLICY.DELETE", caller) {
      rule, _ in
      rule.healthCheck = nil
    }
  }

  private func rule(ofPolicy id: UUID) throws -> ID<LoadBalancerRule> {
    guard let rule = state.loadBalancerRules.first("policy", .uuid(id)) else {
      throw ControlError(.invalidParameter, "Unable to find the policy \(id.uuidString.lowercased())")
    }
    return rule.id
  }

  static func zone(of rule: LoadBalancerRule, _ state: CloudState) throws -> ID<Zone> {
    guard let zone = state.publicIPs[rule.address]?.zone else {
      throw ControlError(.invalidParameter, "The rule's address is gone")
    }
    return zone
  }

  func change(
    _ id: ID<LoadBalancerRule>, _ command: String, _ event: String, _ caller: Caller,
    _ body: @escaping @Sendable (inout LoadBalancerRule, CloudState) throws -> Void
  ) async throws -> Started {
    try await begin(command, .loadBalancer, by: caller) { draft in
      var rule = try Self.rule(id, caller, draft)
      try body(&rule, draft.state)
      try draft.put(rule)
      try draft.put(
        Self.event(
          event, "Load balancer \(rule.name)", rule.account, caller.user, draft, resourceType: "LoadBalancer",
          resource: id.uuid))
      return id.uuid
    }
  }
}
