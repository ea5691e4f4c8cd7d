package import FoundationEssentials

/// How a load balancer rule keeps a client with one instance. `method` is CloudStack's name.
package struct StickinessPolicy: Codable, Hashable, Sendable {
  package var id: UUID
  package var name: String
  package var description: String
  package var method: StickinessMethod
  package var parameters: [String: String]
  package var isHidden: Bool?

  package init(id: UUID, name: String, description: String, method: StickinessMethod, parameters: [String: String]) {
    self.id = id
    self.name = name
    self.description = description
    self.method = method
    self.parameters = parameters
  }
}

package enum StickinessMethod: String, Codable, Hashable, Sendable, CaseIterable {
  case loadBalancerCookie = "LbCookie"
  case appCookie = "AppCookie"
  case sourceBased = "SourceBased"

  /// The parameters that it knows.
  package var parameters: Set<String> {
    switch self {
    case .loadBalancerCookie: ["cookie-name", "mode", "nocache", "indirect", "postonly", "domain"]
    case .appCookie: ["cookie-name", "length", "holdtime", "request-learn", "prefix", "mode"]
    case .sourceBased: ["tablesize", "expire"]
    }
  }
}

/// How a load balancer rule finds out which instances live. Times are in seconds.
package struct HealthCheckPolicy: Codable, Hashable, Sendable {
  package var id: UUID
  package var description: String
  package var pingPath: String
  package var interval: Int
  package var timeout: Int
  package var healthy: Int
  package var unhealthy: Int
  package var isHidden: Bool?

  package init(
    id: UUID, description: String, pingPath: String, interval: Int, timeout: Int, healthy: Int, unhealthy: Int
  ) {
    self.id = id
    self.description = description
    self.pingPath = pingPath
    self.interval = interval
    self.timeout = timeout
    self.healthy = healthy
    self.unhealthy = unhealthy
  }
}
