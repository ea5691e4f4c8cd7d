import Addresses
import ArgumentParser
import CloudModel
import Foundation
import Planning

/// Measures planning for `Benchmarks/planning.py`, each figure a line of JSON.
struct PlanningBenchmark: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "planning-benchmark", abstract: "Measure planning.", shouldDisplay: false)

  @Option var staticNats = 100_000
  @Option var loadBalancers = 10_000
  @Option var members = 10
  @Option var repeats = 5

  private static let clock = ContinuousClock()
  static let now = Date(timeIntervalSince1970: 1_700_000_000)

  func run() async throws {
    var estate = try Estate(staticNats: staticNats, loadBalancers: loadBalancers, members: members)
    var whole: [Double] = []
    var objects = 0
    for _ in 0..<repeats {
      let begin = Self.clock.now
      objects = Planner.plan(node: "node", state: estate.state, revision: 1).count
      whole.append((Self.clock.now - begin).seconds)
    }
    say("a zone compiled", "s", whole, ["objects": objects])
    say("objects compiled", "1/s", whole.map { Double(objects) / $0 }, [:])
    var single: [Double] = []
    for number in 0..<max(100, repeats) {
      let (before, after, touched) = try estate.retarget(number)
      let begin = Self.clock.now
      let difference = Planner.difference(
        node: "node", resources: touched, before: before, after: after, revision: 2)
      single.append((Self.clock.now - begin).seconds * 1e6)
      guard difference.upserts.count == 1, difference.removals.isEmpty else {
        throw CommandFailure("one changed rule came to \(difference.upserts.count) objects")
      }
    }
    say("one changed static NAT", "us", single, ["objects": 1])
  }

  private func say(_ name: String, _ unit: String, _ values: [Double], _ more: [String: Int]) {
    let row: [String: Any] = ["name": name, "unit": unit, "values": values, "more": more]
    guard let data = try? JSONSerialization.data(withJSONObject: row, options: [.sortedKeys]) else { return }
    print(String(decoding: data, as: UTF8.self))
  }

  /// A Basic zone of four cells.
  private struct Estate {
    var state = CloudState()
    private var addresses: [PublicIPAddress] = []

    init(staticNats: Int, loadBalancers: Int, members: Int) throws {
      let zone = ID<Zone>(UUID())
      let guests = IPv4Prefix(IPv4(10, 0, 0, 0), length: 8)
      try put(
        Zone(
          id: zone, name: "basic", series: .basic, guestPrefix: guests, publicPrefixes: [],
          created: PlanningBenchmark.now))
      let host = ID<CloudModel.Host>(UUID())
      try put(
        CloudModel.Host(
          id: host, name: "host", zone: zone, node: "node", hypervisor: .simulator, cpuNumber: 1, memoryMiB: 1,
          created: PlanningBenchmark.now))
      let cells = (1...4).map { _ in ID<Cell>(UUID()) }
      for (index, cell) in cells.enumerated() {
        try put(
          Cell(
            id: cell, name: "cell", zone: zone, index: index + 1, publicPrefixes: [], node: "node",
            created: PlanningBenchmark.now))
      }
      let accounts = (0..<100).map { _ in ID<Account>(UUID()) }
      let machines = (0..<1000).map { _ in ID<VirtualMachine>(UUID()) }
      for (number, id) in machines.enumerated() {
        try put(
          VirtualMachine(
            id: id, name: "m\(number)", displayName: "", account: accounts[number % 100], zone: zone, host: host,
            template: ID(UUID()), offering: ID(UUID()), hypervisor: .simulator, securityGroups: [], nics: [],
            state: .running, created: PlanningBenchmark.now))
      }
      let range = ID<PublicIPRange>(UUID())
      for number in 0..<(staticNats + loadBalancers) {
        var address = PublicIPAddress(
          id: ID(UUID()), address: IPv4(0x6500_0000 + UInt32(number)), zone: zone, cell: cells[number % 4],
          range: range, state: .allocated, account: accounts[number % 100])
        if number < staticNats {
          address.staticNAT = StaticNATTarget(
            virtualMachine: machines[number % 1000], guestAddress: IPv4(0x0a01_0000 + UInt32(number)))
          addresses.append(address)
          try put(address)
          continue
        }
        try put(address)
        try put(
          LoadBalancerRule(
            id: ID(UUID()), name: "lb", address: address.id, network: nil, account: accounts[number % 100],
            transport: .tcp, publicPort: 80, privatePort: 80, algorithm: .roundRobin,
            members: (0..<members).map {
              LoadBalancerMember(
                virtualMachine: machines[(number + $0) % 1000], guestAddress: IPv4(0x0a80_0000 + UInt32(number + $0)))
            }, created: PlanningBenchmark.now))
      }
    }

    private mutating func put<R: Resource>(_ resource: R) throws {
      let table = R.table
      try state[keyPath: table].put(resource)
    }

    mutating func retarget(_ number: Int) throws -> (CloudState, CloudState, [any Resource]) {
      let before = state
      let old = addresses[number]
      var new = old
      new.staticNAT?.guestAddress = IPv4(0x0af0_0000 + UInt32(number))
      try put(new)
      return (before, state, [old, new])
    }
  }
}
