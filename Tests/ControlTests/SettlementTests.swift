import Addresses
import CloudModel
import FoundationEssentials
import Ledger
import NodePlan
import Planning
import Testing

@testable import Control

@Suite("Settlement")
struct SettlementTests {
  private let http = PacketMatch.transport(.tcp, PortRange(80, 80))

  /// The first step, a restart of the manager, the second step. Every other time the node has done its part before the
  /// restart, and the manager has not heard of it.
  private final class Steps {
    let cloud: Cloud
    var count = 0

    init(_ cloud: Cloud) { self.cloud = cloud }

    @discardableResult
    func take<R>(_ begin: (Control, Caller) async throws -> Started) async throws -> ID<R> {
      count += 1
      if count % 2 == 0 { cloud.connect(isSilent: true) }
      let started = try await begin(cloud.control, cloud.caller)
      let revision = try #require(cloud.state.jobs[started.job]).revision
      if count % 2 == 0 {
        while cloud.node.generation < revision { try await Task.sleep(for: .milliseconds(2)) }
      }
      try await Task.sleep(for: .milliseconds(20))
      #expect(cloud.state.jobs[started.job]?.status == .pending, "step \(count)")
      try await cloud.restart()
      try await Task.sleep(for: .milliseconds(20))
      #expect(cloud.state.jobs[started.job]?.status == .pending, "step \(count), after the restart")
      cloud.connect()
      #expect(try await cloud.end(of: started.job) == .succeeded, "step \(count)")
      await cloud.disconnect()
      return try started.id()
    }
  }

  @Test(.timeLimit(.minutes(2))) func `whatever the manager was at when it died, the next one ends`() async throws {
    let http = self.http
    try await Cloud.with { cloud in
      let steps = Steps(cloud)
      let network = try await cloud.network("net")
      let machine: ID<VirtualMachine> = try await steps.take {
        try await $0.deployVirtualMachine(cloud.deployment(.isolate, "web", [network]), by: $1)
      }
      #expect(cloud.state.virtualMachines[machine]?.state == .running)
      let address: ID<PublicIPAddress> = try await steps.take {
        try await $0.associateIPAddress(
          zone: nil, network: network, address: nil, account: nil, domain: nil, by: $1)
      }
      let firewall: ID<FirewallRule> = try await steps.take {
        try await $0.createFirewallRule(address: address, match: http, sources: [], by: $1)
      }
      #expect(cloud.state.firewallRules[firewall]?.state == .active)
      let forwarding: ID<PortForwardingRule> = try await steps.take {
        try await $0.createPortForwardingRule(
          NewPortForwarding(
            address: address, transport: .tcp, publicPorts: PortRange(22, 22), privatePorts: PortRange(22, 22),
            virtualMachine: machine), by: $1)
      }
      #expect(cloud.state.portForwardingRules[forwarding]?.state == .active)
      let balancer: ID<LoadBalancerRule> = try await steps.take {
        var request = NewLoadBalancer(name: "lb", publicPort: 8080, privatePort: 80, algorithm: .roundRobin)
        request.address = address
        return try await $0.createLoadBalancerRule(request, by: $1)
      }
      #expect(cloud.state.loadBalancerRules[balancer]?.state == .active)
      let _: ID<LoadBalancerRule> = try await steps.take {
        try await $0.assignToLoadBalancerRule(balancer, virtualMachines: [machine], by: $1)
      }
      let nic = try #require(cloud.state.virtualMachines[machine]?.nics.first?.id)
      let secondary = try await steps.take { try await $0.addIPToNIC(nic, address: nil, by: $1) } as ID<NIC>
      let _: ID<NIC> = try await steps.take { try await $0.removeIPFromNIC(secondary.uuid, by: $1) }
      #expect(cloud.state.virtualMachines[machine]?.nics.first?.secondary == [])
      let _: ID<VirtualMachine> = try await steps.take { try await $0.rebootVirtualMachine(machine, by: $1) }
      let _: ID<VirtualMachine> = try await steps.take {
        try await $0.stopVirtualMachine(machine, forced: false, by: $1)
      }
      #expect(cloud.state.virtualMachines[machine]?.state == .stopped)
      let _: ID<VirtualMachine> = try await steps.take { try await $0.startVirtualMachine(machine, by: $1) }
      #expect(cloud.state.virtualMachines[machine]?.state == .running)
      let _: ID<LoadBalancerRule> = try await steps.take {
        try await $0.removeFromLoadBalancerRule(balancer, virtualMachines: [machine], by: $1)
      }
      let _: ID<LoadBalancerRule> = try await steps.take { try await $0.deleteLoadBalancerRule(balancer, by: $1) }
      #expect(cloud.state.loadBalancerRules.isEmpty)
      let _: ID<FirewallRule> = try await steps.take {
        try await $0.deleteFirewallRule(firewall, egress: false, by: $1)
      }
      let _: ID<PortForwardingRule> = try await steps.take {
        try await $0.deletePortForwardingRule(forwarding, by: $1)
      }
      #expect(cloud.state.firewallRules.isEmpty && cloud.state.portForwardingRules.isEmpty)
      let _: ID<PublicIPAddress> = try await steps.take {
        try await $0.enableStaticNAT(address, virtualMachine: machine, network: nil, guestAddress: nil, by: $1)
      }
      let _: ID<PublicIPAddress> = try await steps.take { try await $0.disableStaticNAT(address, by: $1) }
      #expect(cloud.state.publicIPs[address]?.staticNAT == nil)
      let _: ID<PublicIPAddress> = try await steps.take { try await $0.disassociateIPAddress(address, by: $1) }
      #expect(cloud.state.publicIPs[address]?.state == .free)
      let _: ID<VirtualMachine> = try await steps.take {
        try await $0.destroyVirtualMachine(machine, expunge: true, by: $1)
      }
      #expect(cloud.state.virtualMachines.isEmpty)
      let _: ID<Network> = try await steps.take { try await $0.deleteNetwork(network, by: $1) }
      #expect(cloud.state.networks[network] == nil && cloud.state.routers.isEmpty)
      #expect(cloud.state.publicIPs.all.allSatisfy { $0.network == nil })
    }
  }

  @Test(.timeLimit(.minutes(1))) func `an account goes with all it has, across a restart`() async throws {
    try await Cloud.with { cloud in
      let alice = try await account(cloud)
      cloud.connect()
      var deployment = try cloud.deployment(.basic, "web")
      (deployment.account, deployment.domain) = ("alice", cloud.caller.domain)
      let deployed = try await cloud.control.deployVirtualMachine(deployment, by: cloud.caller)
      #expect(try await cloud.end(of: deployed.job) == .succeeded)
      await cloud.disconnect()
      let _: ID<Account> = try await Steps(cloud).take { try await $0.deleteAccount(alice, by: $1) }
      #expect(cloud.state.accounts[alice] == nil && cloud.state.virtualMachines.isEmpty)
    }
  }

  @Test(.timeLimit(.minutes(1))) func `asked twice to take something away, neither ends before it is gone`()
    async throws
  {
    let http = self.http
    try await Cloud.with { cloud in
      cloud.connect()
      let network = try await cloud.network("net")
      let machine = try await cloud.control.deployVirtualMachine(
        cloud.deployment(.isolate, "web", [network]), by: cloud.caller)
      #expect(try await cloud.end(of: machine.job) == .succeeded)
      let source = try #require(cloud.state.publicIPs.all.first { $0.isSourceNAT }).id
      let rule = try await cloud.control.createFirewallRule(address: source, match: http, sources: [], by: cloud.caller)
      #expect(try await cloud.end(of: rule.job) == .succeeded)
      await cloud.disconnect()
      let id: ID<FirewallRule> = try rule.id()
      let first = try await cloud.control.deleteFirewallRule(id, egress: false, by: cloud.caller)
      for isRestarted in [false, true] {
        let again = try await cloud.control.deleteFirewallRule(id, egress: false, by: cloud.caller)
        if isRestarted { try await cloud.restart() }
        try await Task.sleep(for: .milliseconds(50))
        for job in [first, again] { #expect(cloud.state.jobs[job.job]?.status == .pending) }
        #expect(cloud.state.firewallRules[id]?.state == .deleting)
      }
      cloud.connect()
      for job in cloud.state.jobs.all where job.command == "deleteFirewallRule" {
        #expect(try await cloud.end(of: job.id) == .succeeded)
      }
      #expect(cloud.state.firewallRules[id] == nil)
    }
  }

  @Test(.timeLimit(.minutes(1)))
  func `jobs that end together end in revisions of their own, and the nodes have what they come to`() async throws {
    try await Cloud.with { cloud in
      let (control, caller) = (cloud.control, cloud.caller)
      cloud.connect()
      // While the node is not done, jobs gather; then its reports end them all.
      cloud.node.answer { _ in .applying }
      let started = try await withThrowingTaskGroup(of: Started.self) { group in
        for number in 0..<20 {
          let deployment = try cloud.deployment(.basic, "web\(number)")
          group.addTask { try await control.deployVirtualMachine(deployment, by: caller) }
        }
        return try await group.reduce(into: []) { $0.append($1) }
      }
      cloud.node.answer { _ in .verified }
      for job in started { #expect(try await cloud.end(of: job.job) == .succeeded) }
      let gone = try await withThrowingTaskGroup(of: Started.self) { group in
        for job in started {
          let machine: ID<VirtualMachine> = try job.id()
          group.addTask { try await control.destroyVirtualMachine(machine, expunge: true, by: caller) }
        }
        return try await group.reduce(into: []) { $0.append($1) }
      }
      for job in gone { #expect(try await cloud.end(of: job.job) == .succeeded) }
      let jobs = (started + gone).compactMap { cloud.state.jobs[$0.job] }
      #expect(Set(jobs.compactMap(\.settled)).count == 40)
      for job in jobs {
        let settled = try #require(job.settled)
        let end = try #require(try control.revisions(from: settled, to: settled).first)
        #expect(end.cause.job == job.id.uuid && end.changes.contains { $0.id == job.id.uuid })
      }
      #expect(cloud.state.virtualMachines.isEmpty)
      let revision = control.snapshot.revision
      for _ in 0..<500 where control.health().revision < revision { try await Task.sleep(for: .milliseconds(10)) }
      #expect(control.health().revision == revision)
      let wanted = Set(Planner.plan(node: "node", state: cloud.state, revision: revision).keys)
      for _ in 0..<500 where cloud.node.keys != wanted { try await Task.sleep(for: .milliseconds(10)) }
      #expect(cloud.node.keys == wanted)
    }
  }

  @Test func `what goes with a greater thing is not settled before that`() async throws {
    try await Cloud.with(isRunning: false) { cloud in
      let (control, caller) = (cloud.control, cloud.caller)
      let network = try await cloud.network("net")
      let deployed = try await control.deployVirtualMachine(cloud.deployment(.isolate, "web", [network]), by: caller)
      let machine: ID<VirtualMachine> = try deployed.id()
      await control.complete(deployed.job)
      let associated = try await control.associateIPAddress(
        zone: nil, network: network, address: nil, account: nil, domain: nil, by: caller)
      let address: ID<PublicIPAddress> = try associated.id()
      let enabled = try await control.enableStaticNAT(
        address, virtualMachine: machine, network: nil, guestAddress: nil, by: caller)
      let destroyed = try await control.destroyVirtualMachine(machine, expunge: true, by: caller)
      await control.complete(enabled.job)
      #expect(cloud.state.publicIPs[address]?.staticNAT?.isRemoving == true, "the instance still has it")
      await control.complete(destroyed.job)
      #expect(cloud.state.publicIPs[address]?.staticNAT == nil && cloud.state.virtualMachines[machine] == nil)

      let deleted = try await control.deleteNetwork(network, by: caller)
      await control.complete(associated.job)
      #expect(cloud.state.publicIPs[address]?.state == .releasing, "the network still has it")
      await control.complete(deleted.job)
      #expect(cloud.state.publicIPs[address]?.state == .free && cloud.state.networks[network] == nil)

      let alice = try await account(cloud)
      var deployment = try cloud.deployment(.basic, "hers")
      (deployment.account, deployment.domain) = ("alice", caller.domain)
      let hers = try await control.deployVirtualMachine(deployment, by: caller)
      let removed = try await control.deleteAccount(alice, by: caller)
      await control.complete(hers.job)
      #expect(cloud.state.virtualMachines[try hers.id()]?.state == .expunging, "nobody gets its address yet")
      await control.complete(removed.job)
      #expect(cloud.state.virtualMachines.isEmpty && cloud.state.accounts[alice] == nil)
      #expect(cloud.state.jobs.all.allSatisfy { $0.status == .succeeded })
    }
  }

  @Test func `what could not be done is taken back`() async throws {
    let http = self.http
    try await Cloud.with(isRunning: false) { cloud in
      let (control, caller) = (cloud.control, cloud.caller)
      let network = try await cloud.network("net")
      let failed = try await control.deployVirtualMachine(cloud.deployment(.isolate, "bad", [network]), by: caller)
      await control.fail(failed.job, "no room")
      #expect(cloud.state.virtualMachines[try failed.id()]?.state == .error)
      #expect(cloud.state.jobs[failed.job]?.status == .failed)
      let deployed = try await control.deployVirtualMachine(cloud.deployment(.isolate, "web", [network]), by: caller)
      let machine: ID<VirtualMachine> = try deployed.id()
      await control.complete(deployed.job)
      let nic = try #require(cloud.state.virtualMachines[machine]?.nics.first?.id)
      let associated = try await control.associateIPAddress(
        zone: nil, network: network, address: nil, account: nil, domain: nil, by: caller)
      await control.complete(associated.job)
      let address: ID<PublicIPAddress> = try associated.id()
      let forwarding = NewPortForwarding(
        address: address, transport: .tcp, publicPorts: PortRange(22, 22), privatePorts: PortRange(22, 22),
        virtualMachine: machine)
      var balancer = NewLoadBalancer(name: "lb", publicPort: 8080, privatePort: 80, algorithm: .roundRobin)
      balancer.address = address
      let attempts = [
        try await control.createFirewallRule(address: address, match: http, sources: [], by: caller),
        try await control.createPortForwardingRule(forwarding, by: caller),
        try await control.createLoadBalancerRule(balancer, by: caller),
        try await control.addIPToNIC(nic, address: nil, by: caller),
      ]
      for attempt in attempts { await control.fail(attempt.job, "no room") }
      #expect(cloud.state.firewallRules.isEmpty && cloud.state.portForwardingRules.isEmpty)
      #expect(cloud.state.loadBalancerRules.isEmpty)
      #expect(cloud.state.virtualMachines[machine]?.nics.first?.secondary == [])
      let enabled = try await control.enableStaticNAT(
        address, virtualMachine: machine, network: nil, guestAddress: nil, by: caller)
      await control.fail(enabled.job, "no room")
      #expect(cloud.state.publicIPs[address]?.staticNAT == nil)
      // An end that is told twice, or late, changes nothing.
      await control.complete(enabled.job)
      #expect(cloud.state.jobs[enabled.job]?.status == .failed)
    }
  }

  private func account(_ cloud: Cloud) async throws -> ID<Account> {
    try await cloud.control.createAccount(
      NewAccount(
        name: "alice", type: .user, domain: nil, username: "alice", password: "password", firstname: "A", lastname: "B",
        email: "a@example.org"), by: cloud.caller)
  }
}
