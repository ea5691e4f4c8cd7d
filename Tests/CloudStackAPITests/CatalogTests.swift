import CloudModel
import Control
import Foundation
import Testing

@testable import CloudStackAPI

@Suite struct CatalogTests {
  @Test func `every command is described, allowed to somebody and answers with something`() {
    #expect(Catalog.all.count >= 54)
    #expect(Set(Catalog.all.map(\.name)).count == Catalog.all.count)
    #expect(Catalog.all.map(\.name) == Catalog.all.map(\.name).sorted())
    for command in Catalog.all {
      #expect(!command.description.isEmpty, "\(command.name)")
      #expect(!command.roles.isEmpty, "\(command.name)")
      #expect(command.roles.contains(.admin), "\(command.name)")
      // Else an administrator of a domain could not act for its users, who may call more.
      #expect(!command.roles.contains(.user) || command.roles == .everybody, "\(command.name)")
      #expect(!command.response.fields.isEmpty, "\(command.name)")
      var names: Set<String> = []
      for parameter in command.parameters {
        #expect(names.insert(parameter.name).inserted, "\(command.name) \(parameter.name)")
        #expect(parameter.name == parameter.name.lowercased())
        #expect(!parameter.description.isEmpty, "\(command.name) \(parameter.name)")
        #expect((parameter.entity != nil) == (parameter.type == .uuid || parameter.element == .uuid))
        #expect((parameter.element != nil) == (parameter.type == .list))
      }
      for refused in command.refused {
        #expect(names.insert(refused.name).inserted, "\(command.name) \(refused.name)")
      }
    }
  }

  @Test func `listApis tells of each command what clients need`() async throws {
    let cloud = try await TestCloud()
    let answer = await cloud.send("listApis")
    #expect(!answer.body.contains(UInt8(ascii: "\n")))
    let told = try await cloud.call("listApis")
    #expect(told.at("listapisresponse", "count") == String(Catalog.all.count))
    guard case .list(let commands) = told.content?["api"] else {
      Issue.record("no list")
      return
    }
    for case .object(let command) in commands {
      for name in ["name", "description", "isasync", "params", "response"] { #expect(command[name] != nil) }
      guard case .list(let fields) = command["response"] else { continue }
      for case .object(let field) in fields {
        #expect(field["description"] != .string(""))
        guard case .list(let nested) = field["response"] else { continue }
        for case .object(let field) in nested { #expect(field["description"] != .string("")) }
      }
    }
    let alice = try await cloud.account("alice")
    let own = try await cloud.call("listApis", as: alice)
    #expect(own.at("listapisresponse", "count") == String(Catalog.all.count { $0.roles.contains(.user) }))
    let types = try await cloud.call("listEventTypes").at("listeventtypesresponse", "count")
    #expect(types == String(Set(EventTypes.all).count))
    #expect(try await cloud.call("listApis", ["name": "listHosts"], as: alice).status == 530)
    #expect(try await cloud.call("listApis", ["name": "listZones"], as: alice).at("listapisresponse", "count") == "1")
  }

  @Test func `what is rendered is what listApis announces`() async throws {
    let estate = try await Estate()
    let state = estate.cloud.control.state
    for isRootAdmin in [true, false] {
      let view = View(state: state, isRootAdmin: isRootAdmin)
      func check(_ type: ResponseType, _ rendered: [Fields]) {
        #expect(!rendered.isEmpty, "nothing to check of \(type.name)")
        for fields in rendered { checkFields(type, fields, isRootAdmin: isRootAdmin) }
      }
      check(.account, state.accounts.all.map(view.fields))
      check(.user, state.users.all.map(view.fields))
      check(.domain, state.domains.all.map(view.fields))
      check(.zone, state.zones.all.map(view.fields))
      check(.host, state.hosts.all.map { view.fields(of: $0) })
      check(.pod, state.pods.all.map(view.fields))
      check(.cluster, state.clusters.all.map(view.fields))
      check(.physicalNetwork, state.physicalNetworks.all.map(view.fields))
      check(.storagePool, state.storagePools.all.map(view.fields))
      check(.imageStore, state.imageStores.all.map(view.fields))
      check(.alert, state.alerts.all.map(view.fields))
      check(.region, state.regions.all.map(view.fields))
      check(.template, state.templates.all.map { view.fields(of: $0, in: $0.zones[0]) })
      check(.diskOffering, state.diskOfferings.all.map(view.fields))
      check(.volume, state.volumes.all.map(view.fields))
      check(.snapshot, state.snapshots.all.map(view.fields))
      check(.snapshotPolicy, state.snapshotPolicies.all.map(view.fields))
      check(.osType, OperatingSystem.all.map(view.fields))
      check(.templatePermission, state.templates.all.map(view.permissions))
      check(.serviceOffering, state.serviceOfferings.all.map(view.fields))
      check(.networkOffering, state.networkOfferings.all.map(view.fields))
      check(.network, state.networks.all.map(view.fields))
      check(.publicIPAddress, state.publicIPs.all.map(view.fields))
      check(.router, state.routers.all.map(view.fields))
      check(.securityGroup, state.securityGroups.all.map(view.fields))
      check(.virtualMachine, state.virtualMachines.all.map(view.fields))
      check(.firewallRule, state.firewallRules.all.map(view.fields))
      check(.portForwardingRule, state.portForwardingRules.all.map(view.fields))
      check(.loadBalancerRule, state.loadBalancerRules.all.map(view.fields))
      check(.tag, state.tags.all.map(view.fields))
      check(.resourceDetail, state.resourceDetails.all.map(view.fields))
      check(.role, Role.builtIn.map(view.fields))
      check(.configuration, Configuration.all.map(view.fields))
      check(.rolePermission, Role.builtIn.flatMap { role in RoleRules.of(role).map { view.fields(of: $0, role) } })
      let owners: [(Account?, Domain?)] = state.accounts.all.map { ($0, nil) } + state.domains.all.map { (nil, $0) }
      check(.resourceLimit, owners.map { view.limit(.instance, $0, $1) })
      check(.resourceCount, owners.map { view.count(.memory, $0, $1) })
      check(.affinityGroup, state.affinityGroups.all.map(view.fields))
      check(.instanceGroup, state.instanceGroups.all.map(view.fields))
      check(.instanceSchedule, state.instanceSchedules.all.map(view.fields))
      check(.instanceSnapshot, state.instanceSnapshots.all.map(view.fields))
      check(.registeredUserData, state.registeredUserData.all.map(view.fields))
      check(.sshKeyPair, state.sshKeyPairs.all.map(view.fields))
      check(.ipForwardingRule, state.ipForwardingRules.all.map(view.fields))
      let balanced = state.loadBalancerRules.all.filter { $0.stickiness != nil }
      check(.stickinessPolicies, balanced.map(view.stickiness))
      check(.healthCheckPolicies, balanced.map(view.healthCheck))
      check(.sslCertificate, state.certificates.all.map(view.fields))
      check(.vpcOffering, state.vpcOfferings.all.map(view.fields))
      check(.vpc, state.vpcs.all.map(view.fields))
      check(.networkACLList, state.networkACLLists.all.map(view.fields))
      check(
        .networkACL, state.networkACLLists.all.flatMap { list in list.items.map { view.fields(of: $0, in: list) } })
      check(.privateGateway, state.privateGateways.all.map(view.fields))
      check(.staticRoute, state.staticRoutes.all.map(view.fields))
      check(.remoteAccessVPN, state.remoteAccessVPNs.all.map { view.fields(of: $0, withKey: true) })
      check(.vpnUser, state.vpnUsers.all.map(view.fields))
      check(.vpnGateway, state.vpnGateways.all.map(view.fields))
      check(.vpnCustomerGateway, state.vpnCustomerGateways.all.map { view.fields(of: $0, withKey: true) })
      check(.vpnConnection, state.vpnConnections.all.map { view.fields(of: $0, withKey: true) })
      check(.internalLoadBalancer, state.internalLoadBalancers.all.map(view.fields))
      check(.internalLoadBalancerVM, state.internalLoadBalancerVMs.all.map(view.fields))
      check(.systemVM, state.systemVMs.all.map(view.fields))
      check(.storageNetworkIPRange, state.storageIPRanges.all.map(view.fields))
      check(.quotaTariff, state.allQuotaTariffs.map(view.fields))
      check(.quotaSummary, state.accounts.all.map { view.summary(of: $0, at: Date()) })
      check(.asyncJob, state.jobs.all.map(view.fields))
      check(.event, state.events.all.map(view.fields))
    }
  }

  private func checkFields(_ type: ResponseType, _ fields: Fields, isRootAdmin: Bool) {
    #expect(Set(fields.members.map(\.name)).count == fields.members.count, "twice in \(type.name)")
    for member in fields.members {
      guard let field = type.fields.first(where: { $0.name == member.name }) else {
        Issue.record("\(type.name) does not announce \(member.name)")
        continue
      }
      #expect(isRootAdmin || field.roles == .everybody, "\(type.name).\(member.name) is for root administrators")
      switch (field.type, member.value) {
      case (.string, .string), (.date, .string), (.integer, .integer), (.long, .integer), (.boolean, .boolean),
        (.decimal, .decimal), (.map, .object), (.object, .object), (.one, .object):
        break
      case (.strings, .list(let elements)):
        for element in elements {
          if case .string = element { continue }
          Issue.record("\(type.name).\(member.name) holds no strings")
        }
      case (.list(let nested), .list(let elements)):
        for case .object(let element) in elements { checkFields(nested, element, isRootAdmin: isRootAdmin) }
      default: Issue.record("\(type.name).\(member.name) is \(member.value), not \(field.type.name)")
      }
    }
  }
}
