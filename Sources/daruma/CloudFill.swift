import Addresses
import ArgumentParser
import CloudModel
import FoundationEssentials
import Ledger
import Logging

/// Gives an account of a stopped cloud very many rules at once, for `Benchmarks/rebuild.py`: its API takes them one by one.
///
/// Static NAT n leads from the nth public address to the nth guest address, which becomes a secondary address of one of the
/// account's instances; load balancers are on the public addresses behind those. All of these are to be free.
struct CloudFill: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "cloud-fill", abstract: "Fill the ledger of a stopped cloud with rules.", shouldDisplay: false)

  @OptionGroup var state: StateOption
  @OptionGroup var sealing: SealingKeyOption
  @Option(help: "Whose instances carry the rules.") var account: String
  @Option(help: "The public address of the first static NAT.") var publicFirst: String
  @Option(help: "The first guest address of static NATs; taken ones are passed over.") var guestFirst: String
  @Option var staticNats = 1000
  @Option var loadBalancers = 100
  @Option var members = 10
  @Option(help: "The port of the load balancers and their members, of UDP.") var port: UInt16 = 7

  private static let cause = Cause(actor: "benchmark", command: "cloud-fill")
  private static let batch = 250

  func run() async throws {
    let folder = state.folder
    guard folder.running("manager") == nil else {
      throw CommandFailure("The cloud's manager runs; stop it with `daruma down`")
    }
    guard let outside = IPv4(publicFirst), let inside = IPv4(guestFirst) else {
      throw CommandFailure("--public-first and --guest-first are IPv4 addresses")
    }
    let ledger = try Ledger.open(
      at: folder.ledger, keys: KeyFile(sealing.path(folder)), create: false, logger: Logger(label: "fill"))
    let before = ledger.snapshot.state
    guard let owner = before.accounts.all.first(where: { $0.name == account }) else {
      throw CommandFailure("There is no account \(account)")
    }
    let machines = before.virtualMachines.matching("account", .id(owner.id)).sorted { $0.name < $1.name }
    guard machines.count >= members, machines.allSatisfy({ !$0.nics.isEmpty }) else {
      throw CommandFailure("The account has too few instances")
    }
    let guests = Self.free(staticNats, from: inside, on: machines[0].nics[0].network, in: before)
    try await Self.each(machines.count, ledger) { [staticNats] position, draft in
      guard var machine = draft.get(machines[position].id) else { return }
      for number in stride(from: position, to: staticNats, by: machines.count) {
        let address = SecondaryAddress(id: draft.newUUID(), address: guests[number])
        machine.nics[0].secondary.append(address)
      }
      try draft.put(machine)
    }
    try await Self.each(staticNats, ledger) { number, draft in
      var address = try Self.take(outside.advanced(by: UInt32(number)), owner, &draft)
      address.staticNAT = StaticNATTarget(
        virtualMachine: machines[number % machines.count].id, guestAddress: guests[number])
      try draft.put(address)
    }
    try await Self.each(loadBalancers, ledger) { [staticNats, members, port] number, draft in
      let address = try Self.take(outside.advanced(by: UInt32(staticNats + number)), owner, &draft)
      try draft.put(address)
      let chosen = (0..<members).map { machines[(number * members + $0) % machines.count] }
      try draft.put(
        LoadBalancerRule(
          id: draft.newID(), name: "filled-\(number)", address: address.id, network: nil, account: owner.id,
          transport: .udp, publicPort: port, privatePort: port, algorithm: .roundRobin,
          members: chosen.map { LoadBalancerMember(virtualMachine: $0.id, guestAddress: $0.nics[0].address) },
          created: draft.now))
    }
    await ledger.close()
  }

  private static func free(_ count: Int, from first: IPv4, on network: ID<Network>, in state: CloudState) -> [IPv4] {
    var free: [IPv4] = []
    var next = first
    while free.count < count {
      if state.virtualMachines.count("address", .scoped(network.uuid, next.description)) == 0 { free.append(next) }
      next = next.advanced(by: 1)
    }
    return free
  }

  private static func take(_ wanted: IPv4, _ owner: Account, _ draft: inout Draft) throws -> PublicIPAddress {
    guard var address = draft.state.publicIPs.first("address", .number(UInt64(wanted.value))), address.state == .free
    else { throw CommandFailure("There is no free public address \(wanted)") }
    address.state = .allocated
    address.account = owner.id
    address.allocated = draft.now
    return address
  }

  private static func each(
    _ count: Int, _ ledger: Ledger, _ body: @escaping @Sendable (Int, inout Draft) throws -> Void
  ) async throws {
    for first in stride(from: 0, to: count, by: batch) {
      _ = try await ledger.transact(cause) { draft in
        for number in first..<min(first + batch, count) { try body(number, &draft) }
      }
    }
  }
}
