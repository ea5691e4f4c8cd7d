package import FoundationEssentials

/// A machine of the cloud's own in a zone of simulated hosts. Nodes need none: their agents do what these do in CloudStack.
package struct SystemVM: Resource {
  package static let kind = "systemvm"
  package static var table: TablePath<SystemVM> { \.systemVMs }
  package static let indexes: [Index<SystemVM>] = [
    Index("zone", of: { $0.zone }),
    Index("host", of: { $0.host }),
  ]
  package static let references: [Reference<SystemVM>] = [
    Reference("zone", to: Zone.self) { [$0.zone] },
    Reference("host", to: Host.self) { [$0.host] },
  ]

  package let id: ID<SystemVM>
  package var number: Int
  package var type: SystemVMType
  package var zone: ID<Zone>
  /// The last one while it is stopped.
  package var host: ID<Host>
  package var state: VirtualMachineState
  /// It was stopped because no host could take it, and starts when one can.
  package var awaitsHost: Bool?
  package var created: Date

  package init(
    id: ID<SystemVM>, number: Int, type: SystemVMType, zone: ID<Zone>, host: ID<Host>, state: VirtualMachineState,
    created: Date
  ) {
    self.id = id
    self.number = number
    self.type = type
    self.zone = zone
    self.host = host
    self.state = state
    self.created = created
  }
}

extension SystemVM {
  package var name: String { (type == .secondaryStorage ? "s" : "v") + "-\(number)-VM" }
}

/// Raw values are CloudStack's names.
package enum SystemVMType: String, Codable, Hashable, Sendable, CaseIterable {
  case secondaryStorage = "secondarystoragevm"
  case consoleProxy = "consoleproxy"
}
