package import CloudModel
import Ledger

package struct InstanceUpdate: Sendable {
  package var name: String?
  package var displayName: String?
  package var userData: [UInt8]?
  package var userDataSource: ID<RegisteredUserData>?
  package var haEnabled: Bool?
  package var isDynamicallyScalable: Bool?
  package var isDeleteProtected: Bool?
  /// Empty for none.
  package var group: String?
  package var details: [InstanceDetail]?
  package var cleansDetails = false
  package var securityGroups: [ID<SecurityGroup>]?
  package var securityGroupNames: [String] = []

  package init() {}
}

extension Control {
  package func updateVirtualMachine(
    _ id: ID<VirtualMachine>, _ update: InstanceUpdate, by caller: Caller
  ) async throws -> Started {
    try await change(id, "updateVirtualMachine", "VM.UPDATE", by: caller) { machine, draft in
      if let name = update.name, name != machine.name { try Self.rename(&machine, name, draft) }
      if let displayName = update.displayName { machine.displayName = displayName }
      if let userData = update.userData {
        try Self.requireUserData(userData)
        machine.userData = userData
        machine.userDataSource = nil
      }
      if let source = update.userDataSource { try Self.takeUserData(from: source, &machine, draft) }
      if update.userData != nil || update.userDataSource != nil {
        try Self.mergeUserData(into: &machine, draft)
      }
      if let wanted = update.haEnabled { machine.haEnabled = wanted }
      if let wanted = update.isDynamicallyScalable { machine.isDynamicallyScalable = wanted }
      if let wanted = update.isDeleteProtected { machine.isDeleteProtected = wanted }
      if let group = update.group {
        machine.group = group.isEmpty ? nil : try Self.instanceGroup(named: group, machine.account, &draft)
      }
      if update.cleansDetails { machine.details = nil }
      if let details = update.details { machine.details = try Self.checked(details) }
      if let groups = update.securityGroups {
        try Self.join(&machine, groups, update.securityGroupNames, caller, draft)
      }
    }
  }

  private static func rename(_ machine: inout VirtualMachine, _ name: String, _ draft: borrowing Draft) throws {
    try requireHostName(name)
    guard machine.state == .stopped else {
      throw ControlError(
        .invalidParameter, "Stop the instance before it gets another name; it is \(machine.state.rawValue)")
    }
    for nic in machine.nics {
      guard let network = draft.get(nic.network) else { continue }
      try requireFree(name, network, machine.account, except: machine.id, draft)
    }
    machine.name = name
  }

  private static func join(
    _ machine: inout VirtualMachine, _ groups: [ID<SecurityGroup>], _ names: [String], _ caller: Caller,
    _ draft: borrowing Draft
  ) throws {
    guard let zone = draft.get(machine.zone), let owner = draft.get(machine.account) else {
      throw ControlError(.invalidParameter, "The zone or the account of the instance does not exist")
    }
    var request = Deployment(zone: zone.id, template: machine.template, offering: machine.offering)
    request.securityGroups = groups
    request.securityGroupNames = names
    machine.securityGroups = try Self.groups(of: request, zone, owner, caller, draft)
  }

  static let userDataLimit = 32_768

  static func requireUserData(_ content: [UInt8]) throws {
    guard content.count <= userDataLimit else {
      throw ControlError(.invalidParameter, "User data is too big; \(userDataLimit) bytes are the limit")
    }
  }

  /// Brings back what was destroyed and not expunged yet.
  package func recoverVirtualMachine(_ id: ID<VirtualMachine>, by caller: Caller) async throws -> Started {
    try await change(id, "recoverVirtualMachine", "VM.RECOVER", by: caller) { machine, _ in
      guard machine.state == .destroyed else { throw Self.wrongState(machine, "recovered") }
      machine.state = .stopped
      machine.expungeAfter = nil
    }
  }

  package func expungeVirtualMachine(_ id: ID<VirtualMachine>, by caller: Caller) async throws -> Started {
    try await begin("expungeVirtualMachine", .virtualMachine, by: caller) { draft in
      let machine = try Self.machine(id, caller, draft)
      guard machine.state == .destroyed || machine.state == .error else {
        throw ControlError(
          .invalidParameter, "Destroy the instance before you expunge it; it is \(machine.state.rawValue)")
      }
      try Withdrawal.withdraw(machine: machine, &draft)
      try draft.put(
        Self.event(
          "VM.EXPUNGE", "Expunging instance \(machine.name)", machine.account, caller.user, draft,
          resourceType: "VirtualMachine", resource: id.uuid))
      return id.uuid
    }
  }

  /// Begins an instance's root anew, from its template or from another.
  package func restoreVirtualMachine(
    _ id: ID<VirtualMachine>, template wanted: ID<Template>?, by caller: Caller
  ) async throws -> Started {
    try await change(id, "restoreVirtualMachine", "VM.RESTORE", by: caller) { machine, draft in
      guard machine.state == .running || machine.state == .stopped else { throw Self.wrongState(machine, "restored") }
      guard draft.state.instanceSnapshots.count("virtualmachine", .id(id)) == 0 else {
        throw ControlError(.invalidParameter, "Delete the snapshots of the instance before you restore it")
      }
      if let wanted, wanted != machine.template {
        guard let template = draft.get(wanted), template.zones.contains(machine.zone) else {
          throw ControlError(.invalidParameter, "The template is not available in the zone of the instance")
        }
        guard template.hypervisor == machine.hypervisor else {
          throw ControlError(.invalidParameter, "The template is for another hypervisor than the instance's")
        }
        machine.template = wanted
      }
      // Nothing of a root outlives a start: every start is from the template.
      if machine.state == .running { machine.bootCount += 1 }
    }
  }

  /// Gives an instance another offering: a stopped one any, a running one a larger one.
  package func scaleVirtualMachine(
    _ id: ID<VirtualMachine>, to wanted: ID<ServiceOffering>, by caller: Caller
  ) async throws -> Started {
    try await change(id, "scaleVirtualMachine", "VM.DYNAMIC.SCALE", by: caller) { machine, draft in
      try Self.scale(&machine, wanted, draft)
    }
  }

  package func changeServiceForVirtualMachine(
    _ id: ID<VirtualMachine>, to wanted: ID<ServiceOffering>, by caller: Caller
  ) async throws -> Started {
    try await change(id, "changeServiceForVirtualMachine", "VM.UPGRADE", by: caller) { machine, draft in
      guard machine.state == .stopped else { throw Self.wrongState(machine, "given another service offering") }
      try Self.scale(&machine, wanted, draft)
    }
  }

  private static func scale(
    _ machine: inout VirtualMachine, _ wanted: ID<ServiceOffering>, _ draft: borrowing Draft
  ) throws {
    guard let new = draft.get(wanted), let old = draft.get(machine.offering) else {
      throw ControlError(.invalidParameter, "Unable to find a service offering with id \(wanted)")
    }
    guard new.id != old.id else {
      throw ControlError(.invalidParameter, "The instance \(machine.name) has the service offering \(new.name) already")
    }
    switch machine.state {
    case .stopped: break
    case .running:
      try requireSimulator(machine, "Scaling while it runs")
      let isSmaller =
        new.cpuNumber < old.cpuNumber || new.cpuSpeedMHz < old.cpuSpeedMHz || new.memoryMiB < old.memoryMiB
      guard !isSmaller else {
        throw ControlError(
          .invalidParameter, "A running instance can only be scaled up; stop it to give it less than \(old.name) has")
      }
    default: throw wrongState(machine, "scaled")
    }
    machine.offering = wanted
  }
}
