package import CloudModel

/// A setting of the cloud that is changed while it runs. Each is one that something follows.
package struct Configuration: Hashable, Sendable {
  package enum Kind: Hashable, Sendable {
    case boolean
    case integer(ClosedRange<Int>)
  }

  package let name: String
  package let kind: Kind
  package let fallback: String
  package let group: String
  package let subgroup: String
  package let description: String

  private init(
    _ name: String, _ kind: Kind, _ fallback: String, _ group: String, _ subgroup: String, _ description: String
  ) {
    self.name = name
    self.kind = kind
    self.fallback = fallback
    self.group = group
    self.subgroup = subgroup
    self.description = description
  }

  package static let all: [Configuration] =
    ([
      expungeDelay, expungeInterval, pageSize, uiPageSize, eventRetention, jobRetention, loginAttempts,
      isThrottled, throttledCalls, throttleInterval, isQuotaEnabled, allowUserCreateProjects, projectInviteRequired,
      projectInviteTimeout,
    ] + LimitedResource.allCases.flatMap { [accountLimit($0), domainLimit($0), projectLimit($0)] }).sorted {
      $0.name < $1.name
    }

  package static func named(_ name: String) -> Configuration? { all.first { $0.name == name } }

  /// The value as it is kept, or nil if it is none of the setting's.
  package func normalized(_ text: String) -> String? {
    switch kind {
    case .boolean: return ["true", "false"].first { $0 == text.lowercased() }
    case .integer(let range): return Int(text).flatMap { range.contains($0) ? String($0) : nil }
    }
  }

  /// What values it takes, for an error's text.
  package var expectation: String {
    switch kind {
    case .boolean: "it is true or false"
    case .integer(let range): "it is a number from \(range.lowerBound) to \(range.upperBound)"
    }
  }
}

extension Configuration {
  private static let year = 365 * 86_400

  package static let expungeDelay = Configuration(
    "expunge.delay", .integer(1...year), "60", "Compute", "Virtual Machine",
    "Seconds after which a destroyed instance is expunged")
  package static let expungeInterval = Configuration(
    "expunge.interval", .integer(1...86_400), "1", "Compute", "Virtual Machine",
    "Seconds between looks for destroyed instances whose time has come")
  package static let pageSize = Configuration(
    "default.page.size", .integer(1...5000), "500", "Management Server", "API",
    "How many entries a list answers with when no page is asked for, and the most that a page may have")
  package static let uiPageSize = Configuration(
    "default.ui.page.size", .integer(1...5000), "20", "User Interface", "User Interface",
    "How many entries user interfaces are told to show at a time")
  package static let eventRetention = Configuration(
    "event.purge.delay", .integer(0...3650), "0", "Management Server", "Events",
    "Days after which events are forgotten; 0 forgets by number only, the oldest first")
  package static let jobRetention = Configuration(
    "job.expire.minutes", .integer(0...5_256_000), "0", "Management Server", "Asynchronous Jobs",
    "Minutes after which finished jobs are forgotten; 0 forgets by number only, the oldest first")
  package static let loginAttempts = Configuration(
    "incorrect.login.attempts.allowed", .integer(0...1000), "5", "Access", "Account",
    "Wrong passwords in a row after which a user has to wait before another is looked at; 0 for any number")
  package static let isThrottled = Configuration(
    "api.throttling.enabled", .boolean, "false", "Management Server", "API",
    "Whether the calls of each account are limited; those of root administrators never are")
  package static let throttledCalls = Configuration(
    "api.throttling.max", .integer(1...1_000_000), "25", "Management Server", "API",
    "How many calls an account may make in an interval")
  package static let throttleInterval = Configuration(
    "api.throttling.interval", .integer(1...86_400), "1", "Management Server", "API",
    "Seconds that an interval for the calls of an account has")

  package static let allowUserCreateProjects = Configuration(
    "allow.user.create.projects", .boolean, "true", "Management Server", "Projects",
    "Whether accounts that are no administrators may create projects")
  package static let projectInviteRequired = Configuration(
    "project.invite.required", .boolean, "false", "Management Server", "Projects",
    "Whether accounts and users are invited to projects and have to accept, rather than added")
  package static let projectInviteTimeout = Configuration(
    "project.invite.timeout", .integer(1...year), "86400", "Management Server", "Projects",
    "Seconds after which an invitation to a project can no longer be accepted")

  package static let isQuotaEnabled = Configuration(
    "quota.enable.service", .boolean, "false", "Billing", "Quota",
    "Whether there are tariffs of what accounts use, and what they have left")

  package static func accountLimit(_ type: LimitedResource) -> Configuration {
    Configuration(
      "max.account.\(type.plural)", .integer(-1...limit), "-1", "Management Server", "Limits",
      "The most of this that an account may have for which no limit was set; -1 for as many as wanted")
  }

  package static func projectLimit(_ type: LimitedResource) -> Configuration {
    Configuration(
      "max.project.\(type.plural)", .integer(-1...limit), "-1", "Management Server", "Limits",
      "The most of this that a project may have for which no limit was set; -1 for as many as wanted")
  }

  package static func domainLimit(_ type: LimitedResource) -> Configuration {
    Configuration(
      "max.domain.\(type.plural)", .integer(-1...limit), "-1", "Management Server", "Limits",
      "The most of this that the accounts of a domain may have for which no limit was set; -1 for as many as wanted")
  }

  static let limit = 1_000_000_000
}

extension LimitedResource {
  /// As names of settings say it.
  fileprivate var plural: String {
    switch self {
    case .instance: "user.vms"
    case .publicIP: "public.ips"
    case .volume: "volumes"
    case .snapshot: "snapshots"
    case .template: "templates"
    case .project: "projects"
    case .network: "networks"
    case .vpc: "vpcs"
    case .cpu: "cpus"
    case .memory: "memory"
    case .primaryStorage: "primary.storage"
    case .secondaryStorage: "secondary.storage"
    }
  }
}

extension CloudState {
  package func text(_ configuration: Configuration) -> String {
    settings.first("name", .text(configuration.name))?.value ?? configuration.fallback
  }

  package func integer(_ configuration: Configuration) -> Int {
    Int(text(configuration)) ?? Int(configuration.fallback) ?? 0
  }

  package func flag(_ configuration: Configuration) -> Bool { text(configuration) == "true" }
}
