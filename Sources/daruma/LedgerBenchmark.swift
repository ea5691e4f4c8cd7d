import Addresses
import ArgumentParser
import CloudModel
import FoundationEssentials
import Glibc
import Ledger
import Synchronization

/// Measures the ledger for `Benchmarks/ledger.py`, each figure a line of JSON.
struct LedgerBenchmark: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "ledger-benchmark", abstract: "Measure the ledger.", shouldDisplay: false)

  enum Phase: String, ExpressibleByArgument {
    case fill, open, write, measure, single
  }

  @OptionGroup var arguments: LedgerArguments
  @Option var phase: Phase
  @Option var instances = 100_000
  @Option var seconds = 2.0
  @Option var repeats = 5
  @Flag(help: "Say so when ready, then wait for a line of input before each round and tell of it.")
  var inTurns = false

  func run() async throws {
    let began = ContinuousClock.now
    let ledger = try await arguments.open(create: phase == .fill)
    let opening = ContinuousClock.now - began
    let fleet = Fleet(instances: instances)
    switch phase {
    case .fill:
      try await fill(ledger, fleet)
    case .open:
      Self.say("start to ready", "s", [opening.seconds])
      Self.say("resident memory", "MiB", [Self.residentMiB])
      Self.say("resources", "", [Double(ledger.snapshot.state.count)])
    case .write:
      try await writeInRounds(ledger, fleet)
    case .measure:
      try await writeInRounds(ledger, fleet)
      try preview(ledger, fleet)
      for (name, callers) in [("alone", 0), ("while 4 callers write", 4)] {
        try await read(ledger, fleet, name, callers)
      }
      Self.say("resident memory after writing", "MiB", [Self.residentMiB])
    case .single:
      try await writeAlone(ledger, fleet)
    }
    let closing = ContinuousClock.now
    await ledger.close()
    Self.say("\(phase): close", "s", [(ContinuousClock.now - closing).seconds])
  }

  private func fill(_ ledger: Ledger, _ fleet: Fleet) async throws {
    let time = try await ContinuousClock().measured {
      try await withThrowingTaskGroup(of: Void.self) { group in
        for caller in 0..<64 {
          group.addTask {
            for number in stride(from: caller, to: instances, by: 64) {
              _ = try await ledger.transact(Fleet.cause) { try fleet.deploy(number, &$0) }
            }
          }
        }
        try await group.waitForAll()
      }
    }
    Self.say("deploying: 6 new resources each, 64 callers", "1/s", [Double(instances) / time.seconds])
  }

  private func writeInRounds(_ ledger: Ledger, _ fleet: Fleet) async throws {
    var rates: [Double] = []
    var costs: [Double] = []
    try await inRounds {
      let before = Self.processorSeconds
      let (rate, latencies) = try await write(ledger, fleet, callers: 64)
      rates.append(rate)
      costs.append((Self.processorSeconds - before) / Double(latencies.count) * 1_000_000)
      return rate
    }
    Self.say("transactions of 5 resources, 64 callers", "1/s", rates)
    Self.say("processor time of such a transaction, all threads", "us", costs)
  }

  private func writeAlone(_ ledger: Ledger, _ fleet: Fleet) async throws {
    var all: [Double] = []
    try await inRounds {
      let latencies = try await write(ledger, fleet, callers: 1).latencies.sorted()
      all += latencies
      return latencies[latencies.count / 2] * 1000
    }
    all.sort()
    Self.say(
      "a single caller's transaction: 5, 50, 95 %", "ms",
      [0.05, 0.5, 0.95].map { all[Int(Double(all.count) * $0)] * 1000 })
  }

  /// `round` returns what a turn is told by.
  private func inRounds(_ round: () async throws -> Double) async throws {
    if inTurns { Self.say("ready", "", []) }
    for _ in 0..<repeats {
      if inTurns, readLine() == nil { break }
      let value = try await round()
      if inTurns { Self.say("turn", "", [value]) }
    }
  }

  private func write(
    _ ledger: Ledger, _ fleet: Fleet, callers: Int
  ) async throws -> (rate: Double, latencies: [Double]) {
    let end = ContinuousClock.now + .seconds(seconds)
    var latencies: [Double] = []
    let time = try await ContinuousClock().measured {
      latencies = try await withThrowingTaskGroup(of: [Double].self) { group in
        for _ in 0..<callers {
          group.addTask {
            var own: [Double] = []
            while ContinuousClock.now < end {
              let number = Int.random(in: 0..<instances)
              let job = UUID.random()
              let time = try await ContinuousClock().measured {
                _ = try await ledger.transact(Fleet.cause, prefetching: fleet.touched(number, job)) {
                  try fleet.change(number, job, &$0)
                }
              }
              own.append(time.seconds)
            }
            return own
          }
        }
        return try await group.reduce(into: []) { $0 += $1 }
      }
    }
    return (Double(latencies.count) / time.seconds, latencies)
  }

  private func preview(_ ledger: Ledger, _ fleet: Fleet) throws {
    var times: [Double] = []
    for _ in 0..<repeats {
      let count = 2000
      let begin = Self.threadSeconds
      for _ in 0..<count {
        let number = Int.random(in: 0..<instances)
        _ = try ledger.preview(Fleet.cause) { try fleet.change(number, .random(), &$0) }
      }
      times.append((Self.threadSeconds - begin) / Double(count) * 1_000_000)
    }
    Self.say("preview of the same transaction", "us", times)
  }

  private func read(_ ledger: Ledger, _ fleet: Fleet, _ name: String, _ callers: Int) async throws {
    let machines = (0..<10_000).map { _ in fleet.machine(Int.random(in: 0..<instances)) }
    let keys = machines.map { IndexKey.id($0) }
    var byID: [Double] = []
    var byIndex: [Double] = []
    var snapshots: [Double] = []
    let isOver = Ending()
    let load = Task {
      while callers > 0, !isOver.isSet { _ = try await write(ledger, fleet, callers: callers) }
    }
    for _ in 0..<repeats {
      var found = 0
      var begin = Self.threadSeconds
      for _ in 0..<20 {
        for id in machines {
          guard let row = ledger.snapshot.state.virtualMachines.row(id) else { continue }
          if row.value.state == .running || row.value.bootCount > 0 { found += 1 }
        }
      }
      byID.append(Double(found) / (Self.threadSeconds - begin) / 1_000_000)
      found = 0
      begin = Self.threadSeconds
      for _ in 0..<20 {
        for key in keys {
          guard let row = ledger.snapshot.state.publicIPs.firstRow("instance", key) else { continue }
          if row.value.state == .allocated { found += 1 }
        }
      }
      byIndex.append(Double(found) / (Self.threadSeconds - begin) / 1_000_000)
      begin = Self.threadSeconds
      var sum: UInt64 = 0
      for _ in 0..<200_000 { sum &+= ledger.snapshot.revision }
      snapshots.append((Self.threadSeconds - begin) / 200_000 * 1_000_000)
      precondition(sum > 0 && found > 0)
    }
    isOver.set()
    try await load.value
    Self.say("reads by id, \(name)", "million/s", byID)
    Self.say("reads by index, \(name)", "million/s", byIndex)
    Self.say("taking a snapshot, \(name)", "us", snapshots)
  }

  /// Of this thread's processor time, so that it does not matter what else runs.
  private static var threadSeconds: Double {
    var time = timespec()
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
    return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
  }

  private static var residentMiB: Double {
    let status = (try? String(contentsOf: URL(filePath: "/proc/self/status"), encoding: .utf8)) ?? ""
    let line = status.split(separator: "\n").first { $0.hasPrefix("VmRSS") } ?? ""
    return (line.split(separator: " ").dropFirst().first.flatMap { Double($0) } ?? 0) / 1024
  }

  private static var processorSeconds: Double {
    var usage = rusage()
    getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
    func seconds(_ time: timeval) -> Double { Double(time.tv_sec) + Double(time.tv_usec) / 1_000_000 }
    return seconds(usage.ru_utime) + seconds(usage.ru_stime)
  }

  private static func say(_ name: String, _ unit: String, _ values: [Double]) {
    let numbers = values.map { String(Double(Int($0 * 10_000)) / 10_000) }.joined(separator: ", ")
    print(#"{"name": "\#(name)", "unit": "\#(unit)", "values": [\#(numbers)]}"#)
    fflush(nil)
  }
}

private final class Ending: Sendable {
  private let value = Atomic(false)
  var isSet: Bool { value.load(ordering: .relaxed) }
  func set() { value.store(true, ordering: .relaxed) }
}

extension Clock where Duration == Swift.Duration {
  fileprivate func measured(_ body: () async throws -> Void) async throws -> Duration {
    let begin = now
    try await body()
    return begin.duration(to: now)
  }
}

extension Duration {
  var seconds: Double { Double(components.seconds) + Double(components.attoseconds) / 1e18 }
}

extension CloudState {
  fileprivate var count: Int {
    virtualMachines.count + publicIPs.count + jobs.count + events.count + firewallRules.count
      + portForwardingRules.count
  }
}

/// Instances with what belongs to each: an address, a job, an event and two rules.
private struct Fleet {
  static let cause = Cause(actor: "user/0b1ad6f5-8f4c-4a3e-9a39-3d0c4a9a0c11", command: "deployVirtualMachine")

  let instances: Int
  private let created = Date(timeIntervalSinceReferenceDate: 800_000_000)
  private let zone = ID<Zone>(Self.identity(10, 0))
  private let cell = ID<Cell>(Self.identity(11, 0))
  private let range = ID<PublicIPRange>(Self.identity(12, 0))
  private let network = ID<Network>(Self.identity(13, 0))
  private let template = ID<CloudModel.Template>(Self.identity(14, 0))
  private let offering = ID<ServiceOffering>(Self.identity(15, 0))
  private let hosts = (0..<100).map { ID<Host>(Self.identity(16, $0)) }
  private let groups = (0..<100).map { ID<SecurityGroup>(Self.identity(17, $0)) }

  init(instances: Int) { self.instances = instances }

  func machine(_ number: Int) -> ID<VirtualMachine> { ID(Self.identity(1, number)) }
  private func account(_ number: Int) -> ID<Account> { ID(Self.identity(7, number % 1000)) }
  private func user(_ number: Int) -> ID<User> { ID(Self.identity(8, number % 1000)) }
  private func guest(_ number: Int) -> IPv4 { IPv4(0x0a00_0000 + UInt32(number)) }

  /// The same in every process, and spread evenly.
  private static func identity(_ kind: UInt64, _ number: Int) -> UUID {
    func mix(_ value: UInt64) -> UInt64 {
      var value = value &* 0x9E37_79B9_7F4A_7C15
      value = (value ^ value >> 30) &* 0xBF58_476D_1CE4_E5B9
      value = (value ^ value >> 27) &* 0x94D0_49BB_1331_11EB
      return value ^ value >> 31
    }
    let words = (mix(UInt64(number) << 8 | kind), mix(UInt64(number) << 8 | kind | 0x80))
    return withUnsafeBytes(of: words) { UUID(uuid: $0.loadUnaligned(as: uuid_t.self)) }
  }

  func deploy(_ number: Int, _ draft: inout Draft) throws {
    let owner = account(number)
    let address = ID<PublicIPAddress>(Self.identity(2, number))
    try draft.put(
      VirtualMachine(
        id: machine(number), name: "instance-\(number)", displayName: "instance-\(number)", account: owner, zone: zone,
        host: hosts[number % 100], template: template, offering: offering, hypervisor: .kvm,
        securityGroups: [groups[number % 100]],
        nics: [
          NIC(
            id: ID(Self.identity(6, number)), network: network, address: guest(number),
            mac: MAC(0x0200_0000_0000 + UInt64(number)))
        ],
        state: .running, bootCount: 1, created: created))
    var publicIP = PublicIPAddress(
      id: address, address: IPv4(0x5000_0000 + UInt32(number)), zone: zone, cell: cell, range: range, state: .allocated,
      account: owner, allocated: created)
    publicIP.staticNAT = StaticNATTarget(virtualMachine: machine(number), guestAddress: guest(number))
    try draft.put(publicIP)
    try job(Self.identity(3, number), number, &draft)
    try event(Self.identity(4, number), number, &draft)
    try draft.put(
      FirewallRule(
        id: ID(Self.identity(5, number)), network: network, account: owner, address: address,
        match: .transport(.tcp, PortRange(80, 443)), sources: [IPv4Prefix(.any, length: 0)], state: .active,
        created: created))
    try draft.put(rule(number, address, .active))
  }

  /// The instance, its address and one rule change, a job takes the place of an older one: five resources.
  func change(_ number: Int, _ newJob: UUID, _ draft: inout Draft) throws {
    guard var machine = draft.get(machine(number)),
      var address = draft.get(ID<PublicIPAddress>(Self.identity(2, number)))
    else { throw ModelError("instance \(number) is missing") }
    machine.bootCount += 1
    machine.state = machine.state == .running ? .stopped : .running
    address.staticNAT?.isRemoving.toggle()
    try draft.put(machine)
    try draft.put(address)
    try draft.put(rule(number, address.id, machine.state == .running ? .active : .deleting))
    // As many leave as come, so that the size stays.
    if let old = draft.state.jobs.first("instance", .id(machine.id)) { try draft.remove(old.id) }
    try job(newJob, number, &draft)
  }

  /// What `change` looks at.
  func touched(_ number: Int, _ newJob: UUID) -> [Prefetch] {
    [
      .row(machine(number)), .row(ID<PublicIPAddress>(Self.identity(2, number))),
      .row(ID<PortForwardingRule>(Self.identity(9, number))), .row(ID<AsyncJob>(newJob)),
      .index(AsyncJob.self, "instance", .id(machine(number))),
      .index(AsyncJob.self, "account", .id(account(number)), changing: ID(newJob)),
      .index(VirtualMachine.self, "powered", .ids(hosts[number % 100], offering), changing: machine(number)),
    ]
  }

  private func rule(_ number: Int, _ address: ID<PublicIPAddress>, _ state: RuleState) -> PortForwardingRule {
    PortForwardingRule(
      id: ID(Self.identity(9, number)), address: address, network: network, account: account(number), transport: .tcp,
      publicPorts: PortRange(22, 22), privatePorts: PortRange(22, 22), virtualMachine: machine(number),
      guestAddress: guest(number), state: state, created: created)
  }

  private func job(_ id: UUID, _ number: Int, _ draft: inout Draft) throws {
    try draft.put(
      AsyncJob(
        id: ID(id), command: "deployVirtualMachine", account: account(number), user: user(number),
        instanceType: "VirtualMachine", instance: machine(number).uuid, status: .succeeded,
        result: #"{"virtualmachine":{"id":"\#(machine(number))"}}"#, revision: draft.nextRevision, created: created,
        completed: created))
  }

  private func event(_ id: UUID, _ number: Int, _ draft: inout Draft) throws {
    try draft.put(
      Event(
        id: ID(id), type: "VM.START", description: "Started instance-\(number)", account: account(number),
        user: user(number), resourceType: "VirtualMachine", resource: machine(number).uuid, created: created))
  }
}
