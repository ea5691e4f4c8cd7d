import Addresses
import ArgumentParser
import CloudModel
import FoundationEssentials
import Ledger
import Logging

/// Gives a stopped cloud a zone of simulated hosts with very many instances of many accounts, for `Benchmarks/api.py`.
///
/// The user of account n, counted from 0, has the API key `benchmark-n` and the secret key `secret-n`.
struct InstanceFill: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "instance-fill", abstract: "Fill the ledger of a stopped cloud with instances.", shouldDisplay: false)

  @OptionGroup var state: StateOption
  @OptionGroup var sealing: SealingKeyOption
  @Option var instances = 100_000
  @Option var accounts = 1000
  @Option var hosts = 200

  private static let cause = Cause(actor: "benchmark", command: "instance-fill")
  private static let batch = 250
  /// Finished jobs and events are kept up to a number of their own, which is lower.
  private static let remembered = 10_000

  func run() async throws {
    let folder = state.folder
    guard folder.running("manager") == nil else {
      throw CommandFailure("The cloud's manager runs; stop it with `daruma down`")
    }
    let ledger = try Ledger.open(
      at: folder.ledger, keys: KeyFile(sealing.path(folder)), create: false, logger: Logger(label: "fill"))
    let place = try await ledger.transact(Self.cause) { [hosts] draft in try Place(&draft, hosts: hosts) }.value
    let owners = try await ledger.transact(Self.cause) { [accounts] draft in
      try (0..<accounts).map { try Self.account($0, place, &draft) }
    }.value
    for first in stride(from: 0, to: instances, by: Self.batch) {
      _ = try await ledger.transact(Self.cause) { [instances] draft in
        for number in first..<min(first + Self.batch, instances) {
          let owner = owners[number % owners.count]
          try place.put(number, owner, isRemembered: instances - number <= Self.remembered, &draft)
        }
      }
    }
    await ledger.close()
    print(#"{"zone": "\#(place.zone)", "template": "\#(place.template.id)", "offering": "\#(place.offering)"}"#)
  }

  private static func account(_ number: Int, _ place: Place, _ draft: inout Draft) throws -> User {
    let account = Account(
      id: draft.newID(), name: "benchmark-\(number)", type: .user, domain: place.domain, created: draft.now)
    let user = User(
      id: draft.newID(), username: account.name, account: account.id, domain: place.domain, firstname: "Benchmark",
      lastname: String(number), email: "\(account.name)@example.org", passwordHash: "", apiKey: account.name,
      secretKey: "secret-\(number)", created: draft.now)
    try draft.put(account)
    try draft.put(user)
    return user
  }
}

/// Where the instances are, and what they are made of.
private struct Place: Sendable {
  let domain: ID<Domain>
  let zone: ID<Zone>
  let network: ID<Network>
  let template: CloudModel.Template
  let offering: ID<ServiceOffering>
  let hosts: [ID<Host>]
  private let guests = IPv4Prefix(IPv4(10, 64, 0, 0), length: 12)
  private let began: Date

  init(_ draft: inout Draft, hosts count: Int) throws {
    let state = draft.state
    guard let administrator = state.accounts.all.first(where: { $0.type == .rootAdmin }),
      var template = state.templates.all.first(where: { $0.hypervisor == .simulator && !$0.isISO }),
      let offering = state.serviceOfferings.first("name", .text("tiny instance")),
      let shared = state.networkOfferings.all.first(where: { $0.guestType == .shared })
    else { throw CommandFailure("The cloud lacks an administrator, a template of the Simulator or Tiny Instance") }
    domain = administrator.domain
    began = draft.now
    zone = draft.newID()
    try draft.put(
      Zone(
        id: zone, name: "benchmark", series: .basic, guestPrefix: guests, publicPrefixes: [],
        dns: [IPv4(192, 0, 2, 53)], created: began))
    template.zones.append(zone)
    try draft.put(template)
    self.template = template
    self.offering = offering.id
    network = draft.newID()
    try draft.put(
      Network(
        id: network, name: "guest", displayText: "guest", zone: zone, offering: shared.id, account: administrator.id,
        guestType: .shared, cidr: guests, gateway: guests.first.advanced(by: 1), domainName: "benchmark.internal",
        state: .implemented, created: began))
    var range = PublicIPRange(
      id: draft.newID(), zone: zone, cell: nil, first: guests.first.advanced(by: 10),
      last: IPv4(guests.last.value - 1), created: began)
    range.network = network
    try draft.put(range)
    var hosts: [ID<Host>] = []
    for number in 0..<count {
      let host = Host(
        id: draft.newID(), name: "benchmark-\(number)", zone: zone, node: "", hypervisor: .simulator, cpuNumber: 256,
        memoryMiB: 1_048_576, created: draft.now)
      try draft.put(host)
      hosts.append(host.id)
    }
    self.hosts = hosts
  }

  func put(_ number: Int, _ owner: User, isRemembered: Bool, _ draft: inout Draft) throws {
    let created = began.addingTimeInterval(Double(number) / 1000)
    var machine = VirtualMachine(
      id: draft.newID(), name: "instance-\(number)", displayName: "instance-\(number)", account: owner.account,
      zone: zone, host: hosts[number % hosts.count], template: template.id, offering: offering, hypervisor: .simulator,
      nics: [
        NIC(
          id: draft.newID(), network: network, address: guests.first.advanced(by: UInt32(number) + 10),
          mac: MAC(0x0200_0000_0000 + UInt64(number)))
      ], state: .running, bootCount: 1, created: created)
    machine.user = owner.id
    try draft.put(machine)
    try draft.put(Volume.root(of: machine, id: draft.newID(), sizeBytes: Volume.bytesPerGiB))
    guard isRemembered else { return }
    try draft.put(
      AsyncJob(
        id: draft.newID(), command: "deployVirtualMachine", account: owner.account, user: owner.id,
        instanceType: "VirtualMachine", instance: machine.id.uuid, status: .succeeded,
        result: #"{"virtualmachine":{"id":"\#(machine.id)"}}"#, revision: draft.nextRevision, created: created,
        completed: created))
    try draft.put(
      Event(
        id: draft.newID(), type: "VM.CREATE", description: "Deployed \(machine.name)", account: owner.account,
        user: owner.id, resourceType: "VirtualMachine", resource: machine.id.uuid, created: created))
  }
}
