import Addresses
import ArgumentParser
import Dataplane
import Foundation
import Glibc
import NodePlan

/// Measures the refill of one edge gateway for `Benchmarks/rebuild.py`, in the network namespace it is started in. Prints
/// one line of JSON, times in seconds.
struct RebuildBenchmark: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "rebuild-benchmark", abstract: "Measure the refill of a gateway.", shouldDisplay: false)

  @Option var nats = 1000
  @Option var balancers = 100
  @Option var members = 10
  @Option(help: "Single changes to measure.") var adds = 0
  @Flag(help: "Measure reading everything back.") var read = false
  @Flag(help: "Compare with what somebody else made of the namespace; makes nothing.") var audit = false
  @Flag(help: "Stay until the input ends, so that the rule set can be looked at.") var hold = false
  @Option(help: "Build so many virtual routers in this state folder instead.") var routers = 0
  @Option var folder = ""

  private static let router = "c1000000-0000-0000-0000-000000000001"

  func run() async throws {
    if routers > 0 {
      print(try await RouterBenchmark(count: routers, folder: folder).run())
      return
    }
    let gateway = try GatewayMeasurement()
    let plan = (0..<nats).map(nat) + (0..<balancers).map(balancer)
    var figures: [String] = []
    let planned = try Self.seconds { try gateway.plan(plan) }
    figures.append(#""plan": \#(planned)"#)
    if audit {
      print(#"{"differs": "\#(try gateway.compare())"}"#)
      return
    }
    try gateway.wipe()
    let refilled = try Self.seconds { try gateway.refill() }
    figures.append(#""refill": \#(refilled)"#)
    if read {
      figures.append(#""read": \#(try compared(gateway.compare)), "confirm": \#(try compared(gateway.confirm))"#)
    }
    if adds > 0 {
      figures.append(try change("nat", gateway) { [nat(nats + $0)] })
      if balancers > 0 { figures.append(try change("lb", gateway) { [balancer(balancers + $0)] }) }
      if read {
        let next = nats + 2 * adds
        let (read, more) = try comparedUnderChanges(gateway, next, gateway.compare)
        figures.append(#""read_busy": \#(read)"#)
        figures.append(#""confirm_busy": \#(try comparedUnderChanges(gateway, more, gateway.confirm).seconds)"#)
      }
    }
    figures.append(#""memory_mib": \#(Self.peakMiB)"#)
    print("{\(figures.joined(separator: ", "))}")
    fflush(nil)
    if hold { while readLine() != nil {} }
  }

  /// Single changes by turns: the transaction alone is timed, or all of it.
  private func change(_ name: String, _ gateway: GatewayMeasurement, _ object: (Int) -> [PlanObject]) throws -> String {
    var transactions: [Double] = []
    var whole: [Double] = []
    for number in 0..<adds {
      let one = object(2 * number)
      let other = object(2 * number + 1)
      transactions.append(try Self.seconds { try gateway.transact(one) })
      let difference = try gateway.readBack()
      guard difference.isEmpty else { throw CommandFailure("the kernel has not what it was given: \(difference)") }
      whole.append(try Self.seconds { try gateway.change(other) })
    }
    return #""add_\#(name)": \#(Self.summary(transactions)), "add_\#(name)_read": \#(Self.summary(whole))"#
  }

  private func compared(_ compare: () throws -> String) throws -> Double {
    var difference = ""
    let time = try Self.seconds { difference = try compare() }
    guard difference.isEmpty else { throw CommandFailure("the kernel has not what it was given: \(difference)") }
    return time
  }

  /// Comparing everything again and again while 1,000 changes a second come in, each time with those that came meanwhile. The
  /// median, and the number of the next static NAT after those from `next` on that came.
  private func comparedUnderChanges(
    _ gateway: GatewayMeasurement, _ next: Int, _ compare: () throws -> String
  ) throws -> (seconds: Double, next: Int) {
    var times: [Double] = []
    var next = next
    var due = 1
    for _ in 0..<5 {
      try gateway.change((0..<due).map { nat(next + $0) })
      next += due
      let time = try compared(compare)
      times.append(time)
      due = max(1, Int(time * 1000))
    }
    return (times.sorted()[times.count / 2], next)
  }

  // The same rules as `Benchmarks/floor.c` writes.
  private func nat(_ number: Int) -> PlanObject {
    var nat = StaticNAT()
    nat.router = Self.router
    nat.public = 0x6440_0100 + UInt32(number)
    nat.private = 0x0A40_0100 + UInt32(number)
    return object("nat/\(Self.router)/\(IPv4(nat.public))", .staticNat(nat))
  }

  private func balancer(_ number: Int) -> PlanObject {
    var balancer = LoadBalancer()
    balancer.router = Self.router
    balancer.public = 0x6460_0000 + UInt32(number)
    balancer.protocol = 6
    balancer.publicPort = 80
    balancer.balance = .roundRobin
    balancer.members = (0..<members).map { position in
      var member = LoadBalancer.Member()
      member.address = 0x0A80_0000 + UInt32(number * members + position)
      member.port = 8080
      return member
    }
    return object("lb/\(Self.router)/\(number)", .loadBalancer(balancer))
  }

  private func object(_ key: String, _ body: PlanObject.OneOf_Body) -> PlanObject {
    var object = PlanObject()
    object.key = key
    object.scope = "router/\(Self.router)"
    object.body = body
    return object
  }

  private static func summary(_ times: [Double]) -> String {
    let sorted = times.sorted()
    let (median, late) = (sorted[sorted.count / 2], sorted[sorted.count * 99 / 100])
    return #"{"median": \#(median), "p99": \#(late), "min": \#(sorted[0]), "max": \#(sorted[sorted.count - 1])}"#
  }

  static func seconds(_ body: () throws -> Void) rethrows -> Double {
    let time = try ContinuousClock().measure(body)
    return Double(time.components.seconds) + Double(time.components.attoseconds) / 1e18
  }

  static var peakMiB: Int {
    var usage = rusage()
    getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
    return usage.ru_maxrss / 1024
  }
}
