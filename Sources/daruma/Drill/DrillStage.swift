import Addresses
import Foundation
import Kernel
import Synchronization

/// What a drill builds in the cloud through the public API: an account with instances and rules, on addresses of its own.
final class DrillStage: Sendable {
  struct Instance: Sendable {
    let id: String
    let nic: String
    let address: IPv4
  }

  /// An address in an instance, its NIC's first or a secondary one.
  struct Guest: Sendable {
    let instance: Int
    let address: IPv4
  }

  /// A public address and the guest addresses that may answer for it.
  struct Target: Sendable {
    enum Service: Sendable { case staticNAT, loadBalancer }
    let service: Service
    let address: IPv4
    let answers: Set<IPv4>
  }

  struct Contents {
    var client: APIClient?
    var zone = ""
    var instances: [Instance] = []
    var guests: [Guest] = []
    var targets: [Target] = []
    var gateways: [(scope: String, namespace: String)] = []
    var addresses: [String] = []
  }

  static let port: UInt16 = 7
  /// RFC 2544's block for benchmarks; its last /24 is the drill's public side.
  private static let pool = IPv4Prefix(IPv4(198, 18, 0, 0), length: 15)
  /// Instances at the most; more static NATs lead to secondary addresses.
  static let instanceLimit = 1000
  static let prefix = "drill-"

  let admin: APIClient
  let folder: StateFolder
  let contents = Mutex(Contents())

  init(admin: APIClient, folder: StateFolder) {
    self.admin = admin
    self.folder = folder
  }

  var instances: [Instance] { contents.withLock { $0.instances } }
  var gateways: [(scope: String, namespace: String)] { contents.withLock { $0.gateways } }
  private var client: APIClient {
    get throws {
      guard let client = contents.withLock({ $0.client }) else { throw CommandFailure("the drill has no account yet") }
      return client
    }
  }

  /// What a zone keeps of its guest prefix for itself.
  private static let reserved = 272

  /// An account, and a block of public addresses in every cell. `guests` is how many addresses instances will have.
  func prepare(addresses: Int, guests: Int) async throws {
    guard let zone = try await admin.list("listZones").first(where: { $0["networktype"] as? String == "Basic" }),
      let zoneID = zone["id"] as? String
    else { throw CommandFailure("The cloud has no Basic zone") }
    let networks = try await admin.list("listNetworks", ["zoneid": zoneID, "listall": "true"])
    for prefix in networks.compactMap({ ($0["cidr"] as? String).flatMap { IPv4Prefix($0) } })
    where prefix.count - Self.reserved < guests {
      throw CommandFailure(
        "The zone's instances have their addresses in \(prefix), which has no room for \(guests) more; begin a cloud for "
          + "this with `daruma up --guest-range 10.4.0.0/14`")
    }
    let name = Self.prefix + Secret.make(8).lowercased()
    let answer = try await admin.call(
      "createAccount",
      [
        "accounttype": "0", "username": name, "password": Secret.make(20), "firstname": "drill", "lastname": "drill",
        "email": "drill@localhost",
      ])
    guard let account = answer["account"] as? APIClient.Object,
      let user = (account["user"] as? [APIClient.Object])?.first?["id"] as? String,
      let keys = try await admin.call("registerUserKeys", ["id": user])["userkeys"] as? APIClient.Object,
      let key = keys["apikey"] as? String, let secret = keys["secretkey"] as? String
    else { throw CommandFailure("createAccount answered with something else than an account") }
    let client = APIClient(endpoint: admin.endpoint, apiKey: key, secretKey: secret)
    guard let group = try await client.list("listSecurityGroups").first?["id"] as? String else {
      throw CommandFailure("the account has no default security group")
    }
    _ = try await client.run(
      "authorizeSecurityGroupIngress",
      [
        "securitygroupid": group, "protocol": "UDP", "startport": "\(Self.port)", "endport": "\(Self.port)",
        "cidrlist": "0.0.0.0/0",
      ])
    let cells = try await lookAtGateways(of: zoneID)
    // Every cell gives an equal share, out of an equal block of its own; the last /24 of all is taken.
    let share = addresses / max(1, cells.count) + 2
    var block = 1 << 16
    while block * cells.count > 1 << 17 { block /= 2 }
    guard share <= block - 256 else {
      throw CommandFailure("\(cells.count) cells have room for \((block - 258) * cells.count) addresses of a drill")
    }
    for (position, cell) in cells.enumerated() {
      let first = Self.pool.first.advanced(by: UInt32(position * block))
      _ = try await admin.call(
        "createVlanIpRange",
        [
          "zoneid": zoneID, "cellid": cell["id"] as? String ?? "", "startip": first.description,
          "endip": first.advanced(by: UInt32(share - 1)).description,
        ])
    }
    contents.withLock { contents in
      contents.client = client
      contents.zone = zoneID
    }
  }

  /// The zone's cells, each of which has a gateway.
  func lookAtGateways(of zone: String) async throws -> [APIClient.Object] {
    let cells = try await admin.list("listCells", ["zoneid": zone])
    contents.withLock { contents in
      contents.gateways = cells.compactMap { $0["id"] as? String }.map {
        ("router/\($0)", "r-" + $0.replacing("-", with: "").prefix(12))
      }
    }
    return cells
  }

  func deploy(_ count: Int) async throws {
    let client = try self.client
    let zone = contents.withLock { $0.zone }
    guard
      let template = try await client.list("listTemplates", ["templatefilter": "executable", "name": "tiny-simulator"])
        .first?["id"] as? String,
      let offering = try await client.list("listServiceOfferings").first?["id"] as? String
    else { throw CommandFailure("The cloud has no simulator template or no offering") }
    let deployed = try await Self.concurrently(count) { number in
      let result = try await client.run(
        "deployVirtualMachine",
        ["zoneid": zone, "templateid": template, "serviceofferingid": offering, "name": "target-\(number)"])
      guard let machine = result["virtualmachine"] as? APIClient.Object, let id = machine["id"] as? String,
        let nic = (machine["nic"] as? [APIClient.Object])?.first,
        let card = nic["id"] as? String, let address = (nic["ipaddress"] as? String).flatMap({ IPv4($0) })
      else { throw CommandFailure("deployVirtualMachine answered without an address") }
      return Instance(id: id, nic: card, address: address)
    }
    contents.withLock { contents in
      contents.instances = deployed
      contents.guests = deployed.enumerated().map { Guest(instance: $0, address: $1.address) }
    }
  }

  /// Gives the instances secondary addresses, evenly, until there are `count` addresses in all.
  func addAddresses(upTo count: Int) async throws {
    let client = try self.client
    let instances = self.instances
    let added = try await Self.concurrently(count - instances.count) { number in
      let instance = number % instances.count
      let result = try await client.run("addIpToNic", ["nicid": instances[instance].nic])
      guard let secondary = result["nicsecondaryip"] as? APIClient.Object,
        let address = (secondary["ipaddress"] as? String).flatMap({ IPv4($0) })
      else { throw CommandFailure("addIpToNic answered without an address") }
      return Guest(instance: instance, address: address)
    }
    contents.withLock { $0.guests += added }
  }

  func enableStaticNATs() async throws {
    let client = try self.client
    let (instances, guests) = contents.withLock { ($0.instances, $0.guests) }
    let targets = try await Self.concurrently(guests.count) { number in
      let (id, address) = try await self.acquire(client)
      let guest = guests[number]
      _ = try await client.call(
        "enableStaticNat",
        [
          "ipaddressid": id, "virtualmachineid": instances[guest.instance].id, "vmguestip": guest.address.description,
        ])
      return Target(service: .staticNAT, address: address, answers: [guest.address])
    }
    contents.withLock { $0.targets += targets }
  }

  func createLoadBalancers(_ count: Int, members: Int) async throws {
    let client = try self.client
    let instances = self.instances
    let targets = try await Self.concurrently(count) { number in
      let (id, address) = try await self.acquire(client)
      let chosen = (0..<members).map { instances[(number * members + $0) % instances.count] }
      let answer = try await client.run(
        "createLoadBalancerRule",
        [
          "publicipid": id, "name": "drill-\(number)", "algorithm": "roundrobin", "protocol": "udp",
          "publicport": "\(Self.port)", "privateport": "\(Self.port)",
        ])
      guard let rule = (answer["loadbalancer"] as? APIClient.Object)?["id"] as? String else {
        throw CommandFailure("createLoadBalancerRule answered without a rule")
      }
      _ = try await client.run(
        "assignToLoadBalancerRule",
        ["id": rule, "virtualmachineids": Set(chosen.map(\.id)).sorted().joined(separator: ",")])
      return Target(service: .loadBalancer, address: address, answers: Set(chosen.map(\.address)))
    }
    contents.withLock { $0.targets += targets }
  }

  /// An address of the drill's own blocks.
  private func acquire(_ client: APIClient) async throws -> (id: String, address: IPv4) {
    let zone = contents.withLock { $0.zone }
    while true {
      let next = try await nextAddress()
      let answer = try await client.run("associateIpAddress", ["zoneid": zone, "ipaddress": next])
      if let found = answer["ipaddress"] as? APIClient.Object, let id = found["id"] as? String,
        let address = (found["ipaddress"] as? String).flatMap({ IPv4($0) })
      {
        return (id, address)
      }
    }
  }

  private func nextAddress() async throws -> String {
    if let next = contents.withLock({ $0.addresses.popLast() }) { return next }
    let ranges = try await admin.list("listVlanIpRanges", ["zoneid": contents.withLock { $0.zone }])
    let own = ranges.compactMap { range -> (IPv4, IPv4)? in
      guard let first = (range["startip"] as? String).flatMap({ IPv4($0) }), Self.isOwn(first),
        let last = (range["endip"] as? String).flatMap({ IPv4($0) })
      else { return nil }
      return (first, last)
    }
    let filled: String? = contents.withLock { contents in
      if contents.addresses.isEmpty, contents.targets.isEmpty {
        let depth = own.map { $0.1.value - $0.0.value }.min() ?? 0
        contents.addresses = (0...depth).flatMap { step in own.map { $0.0.advanced(by: step).description } }.reversed()
      }
      return contents.addresses.popLast()
    }
    guard let filled else { throw CommandFailure("the drill's address blocks are used up") }
    return filled
  }

  private static func isOwn(_ address: IPv4) -> Bool { pool.contains(address) }

  /// Up to `limit` targets, evenly drawn from each service, of which each has its share.
  func targets(limit: Int) -> [Target] {
    let all = contents.withLock { $0.targets }
    guard all.count > limit else { return all }
    return [Target.Service.staticNAT, .loadBalancer].flatMap { service in
      let part = all.filter { $0.service == service }
      return Self.some(part, part.isEmpty ? 0 : max(1, limit * part.count / all.count))
    }
  }

  /// At most `limit` of them, evenly drawn.
  static func some<Item>(_ all: [Item], _ limit: Int) -> [Item] {
    let count = min(all.count, limit)
    return (0..<count).map { all[$0 * all.count / count] }
  }

  /// Deletes every rule of every gateway; the time just before, in nanoseconds since 1970.
  func destroyGateways() throws -> Int64 {
    let tables = try gateways.map { gateway in
      NFTDemolition(
        tables: try NFTables(
          in: NetworkNamespace.open(path: "\(folder.path)/run/netns/\(gateway.namespace)")))
    }
    let lossAt = Timestamp.now()
    for table in tables { try table.run() }
    return lossAt
  }

  /// Takes away everything that a drill, this or an earlier one, built.
  func clear() async throws {
    if let cloud = StateFolder.read(CloudFile.self, folder.cloud),
      let range = IPv4Prefix(cloud.publicRange), Self.isOwn(range.first)
    {
      throw CommandFailure("The cloud's own range \(range) lies in \(Self.pool), which drills build in and clear away")
    }
    for account in try await admin.list("listAccounts", ["listall": "true"]) {
      guard let name = account["name"] as? String, name.hasPrefix(Self.prefix), let id = account["id"] as? String
      else { continue }
      _ = try await admin.run("deleteAccount", ["id": id], timeout: .seconds(300))
    }
    for range in try await admin.list("listVlanIpRanges") {
      guard let id = range["id"] as? String, let first = (range["startip"] as? String).flatMap({ IPv4($0) }),
        Self.isOwn(first)
      else { continue }
      _ = try await admin.call("deleteVlanIpRange", ["id": id])
    }
    PublicSide.removeLeftovers(folder)
  }

  private static let concurrency = 64

  /// Runs `body` for 0 ..< count, a few at a time; the results in order.
  private static func concurrently<T: Sendable>(
    _ count: Int, _ body: @escaping @Sendable (Int) async throws -> T
  ) async throws -> [T] {
    try await withThrowingTaskGroup(of: (Int, T).self) { group in
      var results: [Int: T] = [:]
      var next = 0
      while next < min(concurrency, count) {
        let number = next
        group.addTask { (number, try await body(number)) }
        next += 1
      }
      while let (number, value) = try await group.next() {
        results[number] = value
        if next < count {
          let number = next
          group.addTask { (number, try await body(number)) }
          next += 1
        }
      }
      return (0..<count).compactMap { results[$0] }
    }
  }
}

/// Deletes all tables of one namespace in one transaction.
struct NFTDemolition {
  let tables: NFTables

  func run() throws {
    var batch = NFTBatch()
    for table in try tables.tables() { batch.deleteTable(table.family, table.name) }
    try tables.commit(batch)
  }
}

enum Timestamp {
  /// Nanoseconds since 1970.
  static func now() -> Int64 {
    var time = timespec()
    clock_gettime(CLOCK_REALTIME, &time)
    return Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
  }
}
