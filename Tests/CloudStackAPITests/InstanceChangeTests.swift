import CloudModel
import Control
import Foundation
import Ledger
import Testing

@testable import CloudStackAPI

/// What is done to instances that are there.
@Suite struct InstanceChangeTests {
  @Test(.timeLimit(.minutes(1))) func `an instance is called, told and protected as its owner says`() async throws {
    try await TestCloud.living { cloud in
      let keys = try await cloud.account("alice")
      let id = try #require(
        try await cloud.done("deployVirtualMachine", try await deployment(cloud, "web"), as: keys))
      let told = try await cloud.call(
        "updateVirtualMachine",
        [
          "id": id, "displayname": "Web", "group": "front", "haenable": "true", "deleteprotection": "true",
          "details[0].color": "blue", "userdata": "aGVsbG8=", "isdynamicallyscalable": "true",
        ], as: keys)
      #expect(told.status == 200, "\(told.errorText ?? "")")
      let answer = "updatevirtualmachineresponse"
      #expect(told.at(answer, "virtualmachine", "group") == "front")
      #expect(told.at(answer, "virtualmachine", "displayname") == "Web")
      #expect(told.at(answer, "virtualmachine", "haenable") == "true")
      #expect(told.at(answer, "virtualmachine", "details", "color") == "blue")
      let userData = try await cloud.call("getVirtualMachineUserData", ["virtualmachineid": id], as: keys)
      #expect(
        userData.at("getvirtualmachineuserdataresponse", "virtualmachineuserdata", "userdata") == "aGVsbG8=")
      #expect(try await cloud.call("destroyVirtualMachine", ["id": id], as: keys).status == 431)
      // A name takes effect at a start.
      #expect(try await cloud.call("updateVirtualMachine", ["id": id, "name": "shop"], as: keys).status == 431)
      #expect(try await cloud.finish("stopVirtualMachine", ["id": id], as: keys) == nil)
      #expect(try await cloud.call("updateVirtualMachine", ["id": id, "name": "shop"], as: keys).status == 200)
      #expect(try await cloud.call("updateVirtualMachine", ["id": id, "name": "-"], as: keys).status == 431)
      _ = try await cloud.call(
        "updateVirtualMachine", ["id": id, "group": "", "cleanupdetails": "true", "deleteprotection": "false"], as: keys
      )
      let machine = try #require(cloud.machine(id))
      #expect(machine.group == nil && machine.details == nil && machine.name == "shop")
      let groups = cloud.control.state.securityGroups.matching("account", .id(machine.account))
      let made = try await cloud.call("createSecurityGroup", ["name": "db"], as: keys)
      let group = try #require(made.at("createsecuritygroupresponse", "securitygroup", "id"))
      _ = try await cloud.call("updateVirtualMachine", ["id": id, "securitygroupids": group], as: keys)
      #expect(cloud.machine(id)?.securityGroups.map(\.description) == [group] && groups.count == 1)
    }
  }

  @Test(.timeLimit(.minutes(1))) func `what is destroyed can be recovered, or expunged`() async throws {
    try await TestCloud.living { cloud in
      let keys = try await cloud.account("alice")
      let id = try #require(
        try await cloud.done("deployVirtualMachine", try await deployment(cloud, "web"), as: keys))
      #expect(try await cloud.call("expungeVirtualMachine", ["id": id], as: keys).status == 431)
      #expect(try await cloud.call("recoverVirtualMachine", ["id": id], as: keys).status == 431)
      #expect(try await cloud.finish("destroyVirtualMachine", ["id": id], as: keys) == nil)
      let recovered = try await cloud.call("recoverVirtualMachine", ["id": id], as: keys)
      #expect(recovered.at("recovervirtualmachineresponse", "virtualmachine", "state") == "Stopped")
      #expect(cloud.machine(id)?.expungeAfter == nil)
      #expect(try await cloud.finish("destroyVirtualMachine", ["id": id], as: keys) == nil)
      #expect(try await cloud.finish("expungeVirtualMachine", ["id": id], as: keys) == nil)
      #expect(cloud.machine(id) == nil)
    }
  }

  @Test(.timeLimit(.minutes(1))) func `an instance is restored and scaled, and a real one only while it is stopped`()
    async throws
  {
    try await TestCloud.living { cloud in
      let keys = try await cloud.account("alice")
      let state = cloud.control.state
      let small = try #require(state.serviceOfferings.first("name", .text("small instance"))).id.description
      let tiny = try #require(state.serviceOfferings.first("name", .text("tiny instance"))).id.description
      let request = try await deployment(cloud, "web").merging(["serviceofferingid": tiny]) { $1 }
      let id = try #require(try await cloud.done("deployVirtualMachine", request, as: keys))
      #expect(try await cloud.finish("restoreVirtualMachine", ["virtualmachineid": id], as: keys) == nil)
      #expect(cloud.machine(id)?.bootCount == 1 && cloud.machine(id)?.state == .running)
      #expect(
        try await cloud.call("scaleVirtualMachine", ["id": id, "serviceofferingid": tiny], as: keys).status == 431)
      let started = try await cloud.call("scaleVirtualMachine", ["id": id, "serviceofferingid": small], as: keys)
      let job = try #require(started.at("scalevirtualmachineresponse", "jobid"), "\(started.errorText ?? "")")
      #expect(
        try await cloud.eventually { ID<AsyncJob>(job).flatMap { cloud.control.state.jobs[$0]?.status } == .succeeded })
      let result = try await cloud.call("queryAsyncJobResult", ["jobid": job], as: keys)
      #expect(
        result.at("queryasyncjobresultresponse", "jobresult", "virtualmachine", "serviceofferingid") == small)
      let down = try await cloud.call("scaleVirtualMachine", ["id": id, "serviceofferingid": tiny], as: keys)
      #expect(down.status == 431, "a running instance is only scaled up")
      let changed = ["id": id, "serviceofferingid": tiny]
      #expect(try await cloud.call("changeServiceForVirtualMachine", changed, as: keys).status == 431)
      #expect(try await cloud.finish("stopVirtualMachine", ["id": id], as: keys) == nil)
      #expect(try await cloud.call("changeServiceForVirtualMachine", changed, as: keys).status == 200)

      // The same of a real hypervisor's.
      var real = try await deployment(cloud, "real")
      real["templateid"] = state.templates.first("name", .text("tiny"))?.id.description
      real["serviceofferingid"] = tiny
      let machine = try #require(try await cloud.done("deployVirtualMachine", real, as: keys))
      #expect(cloud.machine(machine)?.state == .running)
      let before = cloud.control.snapshot.revision
      let scale = ["id": machine, "serviceofferingid": small]
      #expect(try await cloud.call("scaleVirtualMachine", scale, as: keys).status == 432)
      #expect(try await cloud.call("createVMSnapshot", ["virtualmachineid": machine], as: keys).status == 432)
      #expect(
        try await cloud.call("migrateVirtualMachine", ["virtualmachineid": machine, "autoselect": "true"]).status == 432
      )
      #expect(cloud.control.snapshot.revision == before)
      #expect(try await cloud.finish("stopVirtualMachine", ["id": machine], as: keys) == nil)
      #expect(try await cloud.finish("scaleVirtualMachine", scale, as: keys) == nil)
    }
  }

  @Test(.timeLimit(.minutes(1))) func `a stopped instance is given to another account`() async throws {
    try await TestCloud.living { cloud in
      let alice = try await cloud.account("alice")
      let bob = try await cloud.account("bob")
      var request = try await deployment(cloud, "web")
      request["group"] = "front"
      let id = try #require(try await cloud.done("deployVirtualMachine", request, as: alice))
      let address = try #require(cloud.machine(id)?.nics.first?.address)
      let assignment = ["virtualmachineid": id, "account": "bob"]
      #expect(try await cloud.call("assignVirtualMachine", assignment, as: alice).status == 432)
      #expect(try await cloud.call("assignVirtualMachine", assignment).status == 431)
      #expect(try await cloud.finish("stopVirtualMachine", ["id": id], as: alice) == nil)
      let told = try await cloud.call("assignVirtualMachine", assignment)
      #expect(told.at("assignvirtualmachineresponse", "virtualmachine", "account") == "bob", "\(told.errorText ?? "")")
      let machine = try #require(cloud.machine(id))
      #expect(machine.group == nil && machine.nics.first?.address == address)
      #expect(cloud.control.state.securityGroups[machine.securityGroups[0]]?.account == machine.account)
      #expect(try await cloud.call("startVirtualMachine", ["id": id], as: alice).status == 531)
      #expect(try await cloud.finish("startVirtualMachine", ["id": id], as: bob) == nil)

      // In an Advanced zone it goes to a network of the other account.
      let offering = try #require(
        cloud.control.state.networkOfferings.all.first { $0.guestType == .isolated && $0.forVPC != true })
      var networks: [String] = []
      for keys in [alice, bob] {
        networks.append(
          try #require(
            try await cloud.call(
              "createNetwork",
              [
                "name": "net", "networkofferingid": offering.id.description, "zoneid": try await zone(cloud, "isolate"),
              ],
              as: keys
            ).at("createnetworkresponse", "network", "id")))
      }
      var inner = try await deployment(cloud, "inner", zone: "isolate")
      inner["networkids"] = networks[0]
      inner["startvm"] = "false"
      let moved = try #require(try await cloud.done("deployVirtualMachine", inner, as: alice))
      let foreign = ["virtualmachineid": moved, "account": "bob", "networkids": networks[0]]
      #expect(try await cloud.call("assignVirtualMachine", foreign).status == 531)
      let own = ["virtualmachineid": moved, "account": "bob", "networkids": networks[1]]
      #expect(try await cloud.call("assignVirtualMachine", own).status == 200)
      #expect(cloud.machine(moved)?.nics.map(\.network.description) == [networks[1]])
    }
  }
}
