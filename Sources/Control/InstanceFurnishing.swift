import CloudModel
import Ledger

extension Control {
  /// Gives a new instance what it is to have besides NICs and security groups.
  static func furnish(
    _ machine: inout VirtualMachine, _ request: Deployment, _ template: Template, _ password: String,
    _ owner: Account, _ draft: inout Draft
  ) throws {
    if let source = request.userDataSource {
      try takeUserData(from: source, &machine, draft)
    }
    try mergeUserData(into: &machine, draft)
    machine.keys = try keys(named: request.keyPairs, of: owner.id, draft)
    machine.affinityGroups = try affinityGroups(request.affinityGroups, request.affinityGroupNames, owner.id, draft)
    if let name = request.group, !name.isEmpty { machine.group = try instanceGroup(named: name, owner.id, &draft) }
    machine.details = try checked(request.details)
    machine.isDynamicallyScalable = request.isDynamicallyScalable ? true : nil
    if request.password != nil { try requirePasswords(machine, template) }
    if takesPassword(machine, template) { machine.encryptedPassword = encrypted(password, for: machine) }
  }

  static func takeUserData(
    from id: ID<RegisteredUserData>, _ machine: inout VirtualMachine, _ draft: borrowing Draft
  ) throws {
    guard let source = draft.get(id) else { throw ControlError(.invalidParameter, "Unable to find user data \(id)") }
    guard source.account == machine.account else {
      throw ControlError(.permissionDenied, "Acct does not have permission to operate on this resource")
    }
    machine.userData = source.content
    machine.userDataSource = id
  }

  private static let detailLimit = 64

  /// Sorted by name, the last of a name; nil if there are none.
  static func checked(_ details: [InstanceDetail]) throws -> [InstanceDetail]? {
    let byName = Dictionary(details.map { ($0.name, $0) }) { $1 }
    guard byName.count <= detailLimit else {
      throw ControlError(.resourceLimit, "An instance has up to \(detailLimit) details")
    }
    guard byName.keys.allSatisfy({ (1...255).contains($0.utf16.count) }) else {
      throw ControlError(.invalidParameter, "The name of a detail has 1 to 255 characters")
    }
    return byName.isEmpty ? nil : byName.values.sorted { $0.name < $1.name }
  }

  static func requireHostName(_ name: String) throws {
    guard HostName.isValid(name), !name.allSatisfy(\.isNumber) else {
      throw ControlError(
        .invalidParameter,
        "Invalid name. Vm name can contain ASCII letters 'a' through 'z', the digits '0' through '9', and the hyphen "
          + "('-'), must be between 1 and 63 characters long, and can't start or end with \"-\" and can't be all digits"
      )
    }
    guard !HostName.isReserved(name) else {
      throw ControlError(.invalidParameter, "Invalid name. \(name) means something else to DHCP; choose another")
    }
  }

  /// Names are unique among the instances of an isolated network, or of an account in a shared one.
  static func requireFree(
    _ name: String, _ network: Network, _ owner: ID<Account>, except id: ID<VirtualMachine>? = nil,
    _ draft: borrowing Draft
  ) throws {
    let others = draft.state.virtualMachines.matching("name", .scoped(network.id.uuid, name.lowercased()))
    guard !others.contains(where: { $0.id != id && (network.guestType == .isolated || $0.account == owner) }) else {
      throw ControlError(
        .invalidParameter, "The vm with hostName \(name) already exists in the network domain: \(network.domainName)")
    }
  }

  /// Refuses what a machine of a real hypervisor cannot have done to it.
  static func requireSimulator(_ machine: VirtualMachine, _ what: String) throws {
    guard machine.hypervisor == .simulator else {
      throw ControlError(.unsupported, "\(what) is not supported for instances of \(machine.hypervisor.rawValue)")
    }
  }
}
