import Addresses
import CloudModel
import Foundation
import Testing

@testable import CloudStackAPI

/// Whole answers, byte by byte. `DARUMA_REWRITE_GOLDENS=1` writes them anew.
@Suite struct GoldenTests {
  static let names = [
    "list", "empty", "past-the-end", "one", "async", "create", "success", "error", "job", "failed-job",
  ]

  @Test(arguments: names) func `answers are written as they always were`(name: String) throws {
    let (envelope, reply) = try #require(try Self.replies()[name])
    for isJSON in [true, false] {
      let answer = APIServer.render(reply, envelope, isJSON: isJSON)
      #expect(answer.contentType == (isJSON ? "application/json; charset=UTF-8" : "text/xml; charset=UTF-8"))
      let file = URL(filePath: #filePath).deletingLastPathComponent()
        .appending(path: "Goldens/\(name).\(isJSON ? "json" : "xml")")
      if ProcessInfo.processInfo.environment["DARUMA_REWRITE_GOLDENS"] == "1" {
        try Data(answer.body).write(to: file)
      }
      let golden = try Data(contentsOf: file)
      #expect(String(decoding: answer.body, as: UTF8.self) == String(decoding: golden, as: UTF8.self))
    }
  }

  private static func replies() throws -> [String: (String, Reply)] {
    let state = try state()
    let view = View(state: state, isRootAdmin: true)
    let machine = try #require(state.virtualMachines.all.first { _ in true })
    let zone = try #require(state.zones.all.first { _ in true })
    let jobs = Array(state.jobs.all).oldestFirst(\.created)
    var started = Fields()
    started.add("jobid", jobs[0].id.description)
    var created = Fields()
    created.add("id", machine.id.description)
    created.append(started)
    return [
      "list": ("listzonesresponse", .list("zone", [view.fields(of: zone), view.fields(of: zone)], count: 2)),
      "empty": ("listzonesresponse", .list("zone", [], count: 0)),
      "past-the-end": ("listzonesresponse", .list("zone", [], count: 7)),
      "one": ("listvirtualmachinesresponse", .list("virtualmachine", [view.fields(of: machine)], count: 1)),
      "async": ("startvirtualmachineresponse", .object(started)),
      "create": ("deployvirtualmachineresponse", .object(created)),
      "success": ("deletesecuritygroupresponse", .success()),
      "error": ("listzonesresponse", APIError.value("Something \"quoted\" & <odd>").reply),
      "job": ("queryasyncjobresultresponse", .object(view.fields(of: jobs[0]))),
      "failed-job": ("queryasyncjobresultresponse", .object(view.fields(of: jobs[1]))),
    ]
  }

  private static func id<R>(_ number: Int) -> ID<R> {
    ID(UUID(uuid: (0, 0, 0, 0, 0, 0, 0x40, 0, 0x80, 0, 0, 0, 0, 0, 0, UInt8(number))))
  }

  private static func state() throws -> CloudState {
    let created = Date(timeIntervalSince1970: 1_761_852_099)
    var state = CloudState()
    let domain = Domain(id: id(1), name: "ROOT", path: "ROOT", created: created)
    let account = Account(id: id(2), name: "alice", type: .user, domain: domain.id, created: created)
    let user = User(
      id: id(3), username: "alice", account: account.id, domain: domain.id, firstname: "Alice", lastname: "A",
      email: "alice@example.org", passwordHash: "secret-hash", secretKey: "secret-key", created: created)
    let guests = try #require(IPv4Prefix("10.1.0.0/16"))
    let zone = Zone(
      id: id(4), name: "basic", series: .basic, guestPrefix: guests, publicPrefixes: [],
      dns: [try #require(IPv4("9.9.9.9"))], created: created)
    let offering = ServiceOffering(
      id: id(5), name: "Small", displayText: "Small", cpuNumber: 1, cpuSpeedMHz: 500, memoryMiB: 512, created: created)
    let template = Template(
      id: id(6), name: "tiny", displayText: "Tiny", hypervisor: .simulator, source: "tiny", zones: [zone.id],
      account: account.id, created: created)
    let network = Network(
      id: id(7), name: "guest", displayText: "guest", zone: zone.id, offering: id(8), account: account.id,
      guestType: .shared, cidr: guests, gateway: try #require(IPv4("10.1.0.1")), domainName: "basic.internal",
      state: .implemented, created: created)
    let group = SecurityGroup(
      id: id(9), name: "default", description: "Default", account: account.id, domain: domain.id, created: created)
    let host = Host(
      id: id(10), name: "host", zone: zone.id, node: "node", hypervisor: .simulator, cpuNumber: 2, memoryMiB: 1024,
      created: created)
    let machine = VirtualMachine(
      id: id(11), name: "web", displayName: "Web <1>", account: account.id, zone: zone.id, host: host.id,
      template: template.id, offering: offering.id, hypervisor: .simulator, securityGroups: [group.id],
      nics: [
        NIC(id: id(12), network: network.id, address: try #require(IPv4("10.1.0.7")), mac: MAC(0x02_0000_000007))
      ], state: .running, created: created)
    try state.domains.put(domain)
    try state.accounts.put(account)
    try state.users.put(user)
    try state.zones.put(zone)
    try state.serviceOfferings.put(offering)
    try state.templates.put(template)
    try state.networks.put(network)
    try state.securityGroups.put(group)
    try state.hosts.put(host)
    try state.virtualMachines.put(machine)
    var job = AsyncJob(
      id: id(13), command: "deployVirtualMachine", account: account.id, user: user.id, instanceType: "VirtualMachine",
      instance: machine.id.uuid, status: .succeeded, created: created, completed: created.addingTimeInterval(2))
    job.result = JobResult.render(job, state)
    try state.jobs.put(job)
    try state.jobs.put(
      AsyncJob(
        id: id(14), command: "stopVirtualMachine", account: account.id, user: user.id, instanceType: "VirtualMachine",
        instance: machine.id.uuid, status: .failed, resultCode: 530,
        result: #"{"errorcode":530,"errortext":"the node said \"no\""}"#, created: created.addingTimeInterval(1),
        completed: created.addingTimeInterval(3)))
    return state
  }

  @Test func `no secret of a user is ever rendered`() throws {
    let state = try Self.state()
    let view = View(state: state, isRootAdmin: true)
    for user in state.users.all {
      #expect(!String(decoding: Reply.object(view.fields(of: user)).json, as: UTF8.self).contains("secret"))
    }
    for account in state.accounts.all {
      #expect(!String(decoding: Reply.object(view.fields(of: account)).json, as: UTF8.self).contains("secret"))
    }
  }
}
