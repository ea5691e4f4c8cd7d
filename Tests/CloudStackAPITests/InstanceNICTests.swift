import Addresses
import CloudModel
import Control
import Foundation
import Testing

@testable import CloudStackAPI

/// The NICs of instances of an Advanced zone.
@Suite struct InstanceNICTests {
  private func network(_ cloud: TestCloud, _ name: String, _ keys: TestCloud.Keys) async throws -> String {
    let offering = try #require(
      cloud.control.state.networkOfferings.all.first { $0.guestType == .isolated && $0.forVPC != true })
    return try #require(
      try await cloud.call(
        "createNetwork",
        ["name": name, "networkofferingid": offering.id.description, "zoneid": try await zone(cloud, "isolate")],
        as: keys
      ).at("createnetworkresponse", "network", "id"))
  }

  @Test(.timeLimit(.minutes(1))) func `NICs come and go, and one of them is the default one`() async throws {
    try await TestCloud.living { cloud in
      let keys = try await cloud.account("alice")
      let (front, back) = (try await network(cloud, "front", keys), try await network(cloud, "back", keys))
      var request = try await deployment(cloud, "web", zone: "isolate")
      request["networkids"] = front
      let id = try #require(try await cloud.done("deployVirtualMachine", request, as: keys))
      let add = [
        "virtualmachineid": id, "networkid": back, "ipaddress": "10.1.1.77", "macaddress": "02:00:00:00:00:77",
      ]
      #expect(try await cloud.finish("addNicToVirtualMachine", add, as: keys) == nil)
      #expect(try await cloud.call("addNicToVirtualMachine", add, as: keys).status == 431, "it has one there")
      let machine = try #require(cloud.machine(id))
      #expect(machine.nics.map { $0.network.description } == [front, back])
      #expect(machine.nics[1].address.description == "10.1.1.77")
      #expect(machine.nics[1].mac.description == "02:00:00:00:00:77")
      let (first, second) = (machine.nics[0].id.description, machine.nics[1].id.description)
      func nic(_ id: String, of machine: String) -> [String: String] { ["nicid": id, "virtualmachineid": machine] }
      #expect(
        try await cloud.call("removeNicFromVirtualMachine", nic(first, of: id), as: keys).status == 431, "the default")
      #expect(try await cloud.finish("updateDefaultNicForVirtualMachine", nic(second, of: id), as: keys) == nil)
      #expect(cloud.machine(id)?.nics.first?.id.description == second)
      #expect(try await cloud.finish("removeNicFromVirtualMachine", nic(first, of: id), as: keys) == nil)
      #expect(cloud.machine(id)?.nics.map(\.id.description) == [second])

      let move = ["nicid": second, "ipaddress": "10.1.1.78"]
      #expect(try await cloud.call("updateVmNicIp", move, as: keys).status == 431, "it runs")
      #expect(try await cloud.finish("stopVirtualMachine", ["id": id], as: keys) == nil)
      #expect(try await cloud.finish("updateVmNicIp", move, as: keys) == nil)
      #expect(cloud.machine(id)?.nics.first?.address.description == "10.1.1.78")
      #expect(
        try await cloud.call("updateVmNicIp", ["nicid": second, "ipaddress": "192.0.2.1"], as: keys).status == 431)
    }
  }

  @Test(.timeLimit(.minutes(1))) func `a deployment says what each NIC is to have`() async throws {
    try await TestCloud.living { cloud in
      let keys = try await cloud.account("alice")
      let mallory = try await cloud.account("mallory")
      let (front, back) = (try await network(cloud, "front", keys), try await network(cloud, "back", keys))
      var request = try await deployment(cloud, "web", zone: "isolate")
      request["startvm"] = "false"
      request["iptonetworklist[0].networkid"] = front
      request["iptonetworklist[0].ip"] = "10.1.1.10"
      request["iptonetworklist[1].networkid"] = back
      request["iptonetworklist[1].mac"] = "02:00:00:00:00:10"
      request["nicnetworklist[0].nic"] = "0"
      request["nicnetworklist[0].network"] = back
      #expect(try await cloud.call("deployVirtualMachine", request, as: mallory).status == 531)
      let id = try #require(try await cloud.done("deployVirtualMachine", request, as: keys))
      let nics = try #require(cloud.machine(id)?.nics)
      #expect(nics.map { $0.network.description } == [back, front])
      #expect(nics[0].mac.description == "02:00:00:00:00:10" && nics[1].address.description == "10.1.1.10")
      request["name"] = "other"
      #expect(try await cloud.call("deployVirtualMachine", request, as: keys).status != 200, "taken")
      request["networkids"] = front
      #expect(try await cloud.call("deployVirtualMachine", request, as: keys).status == 431)
    }
  }
}
