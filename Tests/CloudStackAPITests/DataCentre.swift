import CloudModel
import Control
import Foundation
import Testing

@testable import CloudStackAPI

/// A data centre of simulated hosts that is built through the API alone.
struct DataCentre {
  let cloud: TestCloud
  let series: Series
  let zone: String
  let pod: String
  let cluster: String
  let hosts: [String]
  let physicalNetwork: String
  private(set) var sharedNetwork: String?

  /// - Parameter net: the third octet of its addresses, so that several do not overlap.
  init(_ cloud: TestCloud, _ series: Series, hosts count: Int = 3, net: Int = 7) async throws {
    self.cloud = cloud
    self.series = series
    let name = "dc-\(series.rawValue.lowercased())-\(net)"
    let zone = try await cloud.made(
      "createZone", "zone",
      ["name": name, "networktype": series.rawValue, "dns1": "192.0.2.53", "internaldns1": "192.0.2.54"])
    self.zone = zone
    let physical = try await cloud.begun("createPhysicalNetwork", ["name": "physical", "zoneid": zone])
    physicalNetwork = physical
    for kind in series == .basic ? ["Guest", "Management"] : ["Guest", "Management", "Public"] {
      _ = try await cloud.begun("addTrafficType", ["physicalnetworkid": physical, "traffictype": kind])
    }
    try await cloud.must("updatePhysicalNetwork", ["id": physical, "state": "Enabled"])
    let provider = try #require(
      try await cloud.call(
        "listNetworkServiceProviders", ["physicalnetworkid": physical, "name": "VirtualRouter"]
      ).at("listnetworkserviceprovidersresponse", "networkserviceprovider", "id"))
    let element = try #require(
      try await cloud.call("listVirtualRouterElements", ["nspid": provider])
        .at("listvirtualrouterelementsresponse", "virtualrouterelement", "id"))
    try await cloud.must("configureVirtualRouterElement", ["id": element, "enabled": "true"])
    try await cloud.must("updateNetworkServiceProvider", ["id": provider, "state": "Enabled"])
    let pod = try await cloud.made(
      "createPod", "pod",
      [
        "name": "pod", "zoneid": zone, "gateway": "172.16.\(net).1", "netmask": "255.255.255.0",
        "startip": "172.16.\(net).10", "endip": "172.16.\(net).100",
      ])
    self.pod = pod
    let cluster = try await cloud.made(
      "addCluster", "cluster",
      [
        "clustername": "cluster", "clustertype": "CloudManaged", "hypervisor": "Simulator", "podid": pod,
        "zoneid": zone,
      ])
    self.cluster = cluster
    var hosts: [String] = []
    for number in 0..<count {
      hosts.append(
        try await cloud.made(
          "addHost", "host",
          [
            "hypervisor": "Simulator", "podid": pod, "zoneid": zone, "clusterid": cluster,
            "url": "http://sim/c0/h\(number)", "username": "root", "password": "password",
          ]))
    }
    self.hosts = hosts
    sharedNetwork = nil
    if series == .basic {
      let offering = try #require(
        cloud.control.state.networkOfferings.all.first { $0.guestType == .shared }?.id.description)
      sharedNetwork = try await cloud.made(
        "createNetwork", "network", ["name": "guest", "zoneid": zone, "networkofferingid": offering])
      try await cloud.must(
        "createVlanIpRange",
        [
          "zoneid": zone, "podid": pod, "forvirtualnetwork": "false", "gateway": "10.7.\(net).1",
          "netmask": "255.255.255.0", "startip": "10.7.\(net).10", "endip": "10.7.\(net).20",
        ])
    } else {
      try await cloud.must(
        "createVlanIpRange",
        [
          "zoneid": zone, "physicalnetworkid": physical, "forvirtualnetwork": "true", "gateway": "198.51.\(net).1",
          "netmask": "255.255.255.0", "startip": "198.51.\(net).10", "endip": "198.51.\(net).20", "vlan": "50",
        ])
    }
    try await cloud.must("updateZone", ["id": zone, "allocationstate": "Enabled"])
  }

  /// The id of a new instance, which runs.
  func deploy(_ name: String, as keys: TestCloud.Keys, networks: [String] = []) async throws -> String {
    let state = cloud.control.state
    let template = try #require(state.templates.first("name", .text("tiny-simulator")))
    let offering = try #require(state.serviceOfferings.first("name", .text("tiny instance")))
    var parameters = [
      "name": name, "zoneid": zone, "templateid": template.id.description,
      "serviceofferingid": offering.id.description,
    ]
    if !networks.isEmpty { parameters["networkids"] = networks.joined(separator: ",") }
    return try await cloud.begun("deployVirtualMachine", parameters, as: keys)
  }

  func isolatedNetwork(_ name: String, as keys: TestCloud.Keys) async throws -> String {
    let offering = try #require(
      cloud.control.state.networkOfferings.all.first { $0.guestType == .isolated && $0.forVPC != true })
    return try await cloud.made(
      "createNetwork", "network",
      ["name": name, "zoneid": zone, "networkofferingid": offering.id.description], as: keys)
  }
}

extension TestCloud {
  /// The id of what a command made that answers at once.
  func made(
    _ command: String, _ object: String, _ parameters: [String: String], as keys: Keys = TestCloud.admin
  ) async throws -> String {
    let told = try await call(command, parameters, as: keys)
    return try #require(
      told.at(command.lowercased() + "response", object, "id"), "\(command): \(told.errorText ?? "no id")")
  }

  /// The id of what a command with a job made; the job has succeeded.
  func begun(
    _ command: String, _ parameters: [String: String], as keys: Keys = TestCloud.admin
  ) async throws -> String {
    let told = try await call(command, parameters, as: keys)
    let id = try #require(
      told.at(command.lowercased() + "response", "id"), "\(command): \(told.errorText ?? "no id")")
    try await succeed(command, told)
    return id
  }

  /// Fails the test if the command does not succeed, its job included.
  func must(_ command: String, _ parameters: [String: String], as keys: Keys = TestCloud.admin) async throws {
    let told = try await call(command, parameters, as: keys)
    try #require(told.status == 200, "\(command): \(told.errorText ?? "")")
    try await succeed(command, told)
  }

  private func succeed(_ command: String, _ told: Told) async throws {
    guard let job = told.at(command.lowercased() + "response", "jobid") else { return }
    let deadline = ContinuousClock.now + .seconds(120)
    while ContinuousClock.now < deadline {
      let state = try await call("queryAsyncJobResult", ["jobid": job])
      switch state.at("queryasyncjobresultresponse", "jobstatus") {
      case "0": try await Task.sleep(for: .milliseconds(2))
      case "1": return
      default:
        Issue.record("\(command): \(state.at("queryasyncjobresultresponse", "jobresult", "errortext") ?? "failed")")
        return
      }
    }
    Issue.record("\(command) did not end within 120 s")
  }

  /// A cloud whose jobs end, with no node.
  static func withRunning(_ body: (TestCloud) async throws -> Void) async throws {
    let cloud = try await TestCloud()
    let running = Task { try await cloud.control.run() }
    defer { running.cancel() }
    try await body(cloud)
  }
}
