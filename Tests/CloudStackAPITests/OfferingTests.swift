import CloudModel
import Control
import Foundation
import Ledger
import Testing

@testable import CloudStackAPI

@Suite struct OfferingTests {
  @Test func `disk offerings are made, changed, hidden and deleted`() async throws {
    let cloud = try await TestCloud()
    let alice = try await cloud.account("alice")
    let told = try await cloud.call("createDiskOffering", ["name": "Fast", "disksize": "10"])
    let id = try #require(told.at("creatediskofferingresponse", "diskoffering", "id"))
    for wrong in [
      ["name": "x"], ["name": "x", "disksize": "0"], ["name": "x", "disksize": "5000"],
      ["name": "x", "disksize": "1", "customized": "true"], ["name": "", "disksize": "1"],
      ["name": "x", "disksize": "1", "maxiops": "100"],
    ] { #expect(try await cloud.call("createDiskOffering", wrong).status == 431, "\(wrong)") }
    #expect(try await cloud.call("createDiskOffering", ["name": "x", "disksize": "1"], as: alice).status == 432)
    func shown() async throws -> String? {
      try await cloud.call("listDiskOfferings", ["name": "Fast"], as: alice).at("listdiskofferingsresponse", "count")
    }
    #expect(try await shown() == "1")
    #expect(try await cloud.call("updateDiskOffering", ["id": id, "displayoffering": "false"]).status == 200)
    #expect(try await shown() == nil)
    #expect(
      try await cloud.call("updateDiskOffering", ["id": id, "displayoffering": "true", "state": "Inactive"]).status
        == 200)
    #expect(try await shown() == nil)
    let volume = ["name": "d", "diskofferingid": id, "zoneid": try await zone(cloud)]
    #expect(try await cloud.call("createVolume", volume, as: alice).status == 431, "inactive")
    #expect(try await cloud.call("updateDiskOffering", ["id": id, "state": "Active"]).status == 200)
    let made = try await cloud.call("createVolume", volume, as: alice)
    let disk = try #require(made.at("createvolumeresponse", "id"))
    #expect(try await cloud.call("deleteDiskOffering", ["id": id]).status == 200)
    #expect(try await cloud.call("updateDiskOffering", ["id": id, "name": "y"]).status == 431, "gone")
    let kept = try await cloud.call("listVolumes", ["id": disk], as: alice)
    #expect(kept.at("listvolumesresponse", "volume", "diskofferingname") == "Fast")
    #expect(try await cloud.call("deleteVolume", ["id": disk], as: alice).status == 200)
    #expect(!cloud.control.state.diskOfferings.all.contains { $0.name == "Fast" })
  }

  @Test func `routers have an offering that instances cannot have`() async throws {
    let cloud = try await TestCloud()
    let told = try await cloud.call("listServiceOfferings", ["issystem": "true"])
    let id = try #require(told.at("listserviceofferingsresponse", "serviceoffering", "id"))
    #expect(told.at("listserviceofferingsresponse", "serviceoffering", "systemvmtype") == "domainrouter")
    let usual = try await cloud.call("listServiceOfferings")
    #expect(!String(describing: usual).contains(id))
    let named = try await cloud.call("listServiceOfferings", ["id": id])
    #expect(named.at("listserviceofferingsresponse", "count") == "1")
    let networks = try await cloud.call("listNetworkOfferings", ["pagesize": "1", "page": "1"])
    #expect(networks.at("listnetworkofferingsresponse", "networkoffering", "serviceofferingid") == id)
    let instance = try await deployment(cloud, "web").merging(["serviceofferingid": id]) { $1 }
    #expect(try await cloud.call("deployVirtualMachine", instance).status == 431)
    #expect(try await cloud.call("deleteServiceOffering", ["id": id]).status == 431)
  }

  @Test func `offerings of a domain are for it and what is below`() async throws {
    let cloud = try await TestCloud()
    let alice = try await cloud.account("alice")
    let root = try #require(cloud.control.state.domains.all.first { $0.path == "ROOT" }).id
    let id = ID<Domain>(UUID())
    _ = try await cloud.control.ledger.transact(Cause(actor: "test", command: "test", job: nil)) { draft in
      try draft.put(Domain(id: id, name: "other", path: "ROOT/other", parent: root, created: draft.now))
    }
    let domain = id.description
    let offering = try await cloud.call("createDiskOffering", ["name": "Theirs", "disksize": "1", "domainid": domain])
    let disk = try #require(offering.at("creatediskofferingresponse", "diskoffering", "id"))
    let told = try await cloud.call("listDiskOfferings", as: alice)
    #expect(told.at("listdiskofferingsresponse", "count") == "4")
    let volume = ["name": "d", "diskofferingid": disk, "zoneid": try await zone(cloud)]
    #expect(try await cloud.call("createVolume", volume, as: alice).status == 531)
  }

  @Test func `service offerings are made, changed and deleted, instances of them stay`() async throws {
    let cloud = try await TestCloud()
    let alice = try await cloud.account("alice")
    let wanted = ["name": "Big", "cpunumber": "4", "cpuspeed": "2000", "memory": "4096", "rootdisksize": "30"]
    let told = try await cloud.call("createServiceOffering", wanted)
    let id = try #require(told.at("createserviceofferingresponse", "serviceoffering", "id"))
    for wrong in [["cpunumber": "0"], ["memory": "1"], ["rootdisksize": "9999"], ["hosttags": "ssd"]] {
      #expect(try await cloud.call("createServiceOffering", wanted.merging(wrong) { $1 }).status == 431, "\(wrong)")
    }
    let instance = try await deployment(cloud, "web").merging(["serviceofferingid": id]) { $1 }
    let deployed = try await cloud.call("deployVirtualMachine", instance, as: alice)
    let machine = try #require(deployed.at("deployvirtualmachineresponse", "id"))
    let root = try await cloud.call("listVolumes", ["virtualmachineid": machine], as: alice)
    #expect(root.at("listvolumesresponse", "volume", "size") == String(30 * Volume.bytesPerGiB))
    #expect(root.at("listvolumesresponse", "volume", "state") == "Allocated", "it never ran")
    #expect(try await cloud.call("updateServiceOffering", ["id": id, "name": "Huge"]).status == 200)
    #expect(try await cloud.call("deleteServiceOffering", ["id": id]).status == 200)
    let shown = try await cloud.call("listVirtualMachines", ["id": machine], as: alice)
    #expect(shown.at("listvirtualmachinesresponse", "virtualmachine", "serviceofferingname") == "Huge")
    let names = try await cloud.call("listServiceOfferings", ["name": "Huge"])
    #expect(names.content?.members.isEmpty == true)
    #expect(
      try await cloud.call("deployVirtualMachine", instance.merging(["name": "b"]) { $1 }, as: alice).status == 431)
  }
}
