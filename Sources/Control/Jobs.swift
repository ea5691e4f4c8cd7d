package import CloudModel
import CoreMetrics
package import FoundationEssentials
import Ledger
import Logging

/// What an asynchronous use case answers at once.
package struct Started: Sendable {
  package let job: ID<AsyncJob>
  package let resource: UUID?
}

/// What a job is about, by CloudStack's names of resource types.
enum JobSubject: String, Sendable {
  case account = "Account"
  case detail = "ResourceDetail"
  case domain = "Domain"
  case tag = "ResourceTag"
  case user = "User"
  case network = "Network"
  case virtualMachine = "VirtualMachine"
  case publicIP = "IpAddress"
  case securityGroup = "SecurityGroup"
  case firewallRule = "FirewallRule"
  case portForwardingRule = "PortForwardingRule"
  case loadBalancer = "LoadBalancer"
  case secondaryAddress = "NicSecondaryIp"
  case revision = "Revision"
  case rollout = "Rebuild"
  case volume = "Volume"
  case snapshot = "Snapshot"
  case snapshotPolicy = "SnapshotPolicy"
  case template = "Template"
  case iso = "Iso"
  case host = "Host"
  case physicalNetwork = "PhysicalNetwork"
  case trafficType = "TrafficType"
  case serviceProvider = "PhysicalNetworkServiceProvider"
  case routerElement = "VirtualRouterProvider"
  case storagePool = "StoragePool"
  case imageStore = "ImageStore"
  case alert = "Alert"
  case affinityGroup = "AffinityGroup"
  case instanceSnapshot = "VMSnapshot"
  case ipForwardingRule = "IpForwardingRule"
  case router = "DomainRouter"
  case vpc = "Vpc"
  case vpcOffering = "VpcOffering"
  case networkACL = "NetworkAcl"
  case networkACLItem = "NetworkAclItem"
  case privateGateway = "PrivateGateway"
  case staticRoute = "StaticRoute"
  case remoteAccessVPN = "RemoteAccessVpn"
  case vpnUser = "VpnUser"
  case vpnGateway = "VpnGateway"
  case vpnCustomerGateway = "VpnCustomerGateway"
  case vpnConnection = "VpnConnection"
  case portableIPRange = "PortableIpRange"
  case internalLoadBalancer = "InternalLoadBalancer"
  case internalLoadBalancerVM = "InternalLbVm"
  case storageIPRange = "StorageNetworkIpRange"
  case project = "Project"
  case systemVM = "SystemVm"
}

extension Control {
  /// Records an intent and the job that pursues it in one revision. `body` writes the intent and returns its resource.
  func begin(
    _ command: String, _ subject: JobSubject, by caller: Caller,
    _ body: @escaping @Sendable (inout Draft) throws -> UUID
  ) async throws -> Started {
    try await begin(command, subject, by: caller, about: { draft in About(resource: try body(&draft)) })
  }

  /// What a job is about, and a password that its result is to tell.
  struct About: Sendable {
    var resource: UUID?
    var references: [JobReference]?
    var password: String?
  }

  /// The same for what has no resource of its own, or several.
  func begin(
    _ command: String, _ subject: JobSubject, by caller: Caller,
    _ body: @escaping @Sendable (inout Draft) throws -> (resource: UUID?, references: [JobReference]?)
  ) async throws -> Started {
    try await begin(
      command, subject, by: caller,
      about: { draft in
        let about = try body(&draft)
        return About(resource: about.resource, references: about.references)
      })
  }

  func begin(
    _ command: String, _ subject: JobSubject, by caller: Caller,
    about body: @escaping @Sendable (inout Draft) throws -> About
  ) async throws -> Started {
    let id = ID<AsyncJob>(.random())
    let cause = Cause(actor: "user/\(caller.user)", command: command, job: id.uuid)
    let prefetches: [Prefetch] = [
      .row(id), .row(caller.account), .index(AsyncJob.self, "account", .id(caller.account), changing: id),
    ]
    let resource = try await transact(cause, prefetching: prefetches) { draft in
      let about = try body(&draft)
      var job = AsyncJob(
        id: id, command: command, account: caller.account, user: caller.user, instanceType: subject.rawValue,
        instance: about.resource, revision: draft.nextRevision, created: draft.now)
      job.references = about.references
      job.password = about.password
      job.events = try Self.markStarted(&draft)
      try draft.put(job)
      return about.resource
    }
    return Started(job: id, resource: resource)
  }

  /// The events of this revision tell of something that has only begun; others, of the same type, will tell of its end.
  private static func markStarted(_ draft: inout Draft) throws -> [ID<Event>]? {
    let begun = draft.touched(Event.self).compactMap { draft.get($0) }.filter { $0.parent == nil }
    for var event in begun {
      event.state = "Started"
      try draft.put(event)
    }
    return begun.isEmpty ? nil : begun.map(\.id).sorted()
  }

  private static func tellEnd(of job: AsyncJob, failure: String? = nil, _ draft: inout Draft) throws {
    for begun in (job.events ?? []).compactMap({ draft.get($0) }) {
      try draft.put(
        Event(
          id: draft.newID(), type: begun.type, level: failure == nil ? "INFO" : "ERROR",
          description: failure.map { "\(begun.description): failed, \($0)" } ?? "\(begun.description): done",
          account: begun.account, user: begun.user, resourceType: begun.resourceType, resource: begun.resource,
          parent: begun.id, created: draft.now))
    }
  }

  /// Waits until the job is done.
  package func finished(_ id: ID<AsyncJob>) async throws -> AsyncJob {
    await jobWaits.wait(for: id, settings.syncTimeout) { self.hasEnded(id) }
    guard let job = state.jobs[id], job.status != .pending else {
      throw ControlError(
        .internalError, "The change is recorded but not yet confirmed by the node; ask for job \(id) later")
    }
    return job
  }

  /// Returns when the job has ended or is no longer young. Most changes are verified within milliseconds, so who asks for
  /// one at once need not ask again.
  package func waitWhileYoung(_ id: ID<AsyncJob>) async {
    guard let job = state.jobs[id], job.status == .pending, !jobWaits.isFull else { return }
    let left = settings.jobYouth - .seconds(max(0, Date().timeIntervalSince(job.created)))
    if left > .zero { await jobWaits.wait(for: id, left) { self.hasEnded(id) } }
  }

  private func hasEnded(_ id: ID<AsyncJob>) -> Bool { state.jobs[id]?.status != .pending }

  /// What the job asked for is verified.
  func complete(_ id: ID<AsyncJob>) async { await end([.verified(id)]) }

  /// What the job asked for could not be done.
  func fail(_ id: ID<AsyncJob>, _ reason: String) async { await end([.failed(id, reason)]) }

  /// Records the ends of jobs, each in a revision of its own.
  func end(_ outcomes: [NodeBoard.Outcome]) async {
    var left = outcomes
    // A disk that is full now has room later; until then a job is pending, as is what it is about.
    for attempt in 0..<Self.endAttempts where !left.isEmpty && !ledger.isClosed {
      if attempt > 0 { try? await Task.sleep(for: .seconds(1)) }
      let ends = await transact(all: left.map { (Self.endCause($0.job), endBody($0)) })
      var failed: [NodeBoard.Outcome] = []
      for (outcome, end) in zip(left, ends) {
        switch end {
        case .success(let ended):
          if let ended { tell(ended) }
          jobWaits.wake(outcome.job)
        case .failure(let error):
          logger.error(
            "a job could not be finished",
            metadata: ["job": "\(outcome.job)", "attempt": "\(attempt)", "error": "\(error)"])
          failed.append(outcome)
        }
      }
      left = failed
    }
    for outcome in left { jobWaits.wake(outcome.job) }
  }

  private static func endCause(_ job: ID<AsyncJob>) -> Cause {
    Cause(actor: "system/jobs", command: finishing, job: job.uuid)
  }

  /// What is verified is settled; of what a node could not do, the intent is taken back.
  private func endBody(_ outcome: NodeBoard.Outcome) -> @Sendable (inout Draft) throws -> AsyncJob? {
    { draft in
      guard var job = draft.get(outcome.job), job.status == .pending else { return nil }
      switch outcome {
      case .verified:
        try Settlement.settle(job, &draft)
        try Self.tellEnd(of: job, &draft)
        job.status = .succeeded
        try draft.put(job)
        job.result = self.jobResult(job, draft.state)
      case .failed(_, let reason):
        try Settlement.abandon(job, reason, &draft)
        try Self.tellEnd(of: job, failure: reason, &draft)
        job.status = .failed
        job.resultCode = 530
        job.result = Self.failure(530, reason)
      }
      job.completed = draft.now
      job.settled = draft.nextRevision
      try draft.put(job)
      return job
    }
  }

  /// Counts and logs the end of a job.
  private func tell(_ job: AsyncJob) {
    let status = job.status == .succeeded ? "succeeded" : "failed"
    Counter(label: "daruma_jobs_ended", dimensions: [("command", job.command), ("status", status)]).increment()
    logger.info("job", metadata: ["job": "\(job.id)", "command": "\(job.command)", "status": "\(status)"])
  }

  private static let endAttempts = 600
  /// The command of revisions that record the end of a job.
  static let finishing = "finishJob"

  private static func failure(_ code: Int, _ text: String) -> String {
    struct Failure: Encodable {
      let errorcode: Int
      let errortext: String
    }
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    guard let data = try? encoder.encode(Failure(errorcode: code, errortext: text)) else { return "{}" }
    return String(decoding: data, as: UTF8.self)
  }
}
