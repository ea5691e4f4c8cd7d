import CloudModel
import FoundationEssentials
import Ledger

extension CloudState {
  /// Whether the networks of a zone are in the ledger only: all its hosts are simulated and no node carries any.
  func isSimulated(_ zone: ID<Zone>) -> Bool {
    hosts.matching("zone", .id(zone)).allSatisfy {
      $0.hypervisor == .simulator && nodes.first("name", .text($0.node)) == nil
    } && cells.matching("zone", .id(zone)).allSatisfy { nodes.first("name", .text($0.node)) == nil }
  }
}

extension Control {
  /// Refuses what no node can do: it works in zones whose networks are in the ledger only.
  static func requireSimulated(_ zone: ID<Zone>, _ what: String, _ state: CloudState) throws(ControlError) {
    guard !state.isSimulated(zone) else { return }
    throw ControlError(
      .unsupported,
      "\(what) is not supported in zone \(state.zones[zone]?.name ?? ""), whose networks are carried by nodes; "
        + "it is in zones of simulated hosts only")
  }

  /// A resource that `caller` may act on.
  static func owned<R: Resource>(
    _ id: ID<R>, _ name: String, _ caller: Caller, _ draft: borrowing Draft, _ owner: (R) -> ID<Account>
  ) throws -> R {
    guard let resource = draft.get(id) else {
      throw ControlError(.invalidParameter, "Unable to find the \(name) \(id)")
    }
    try Access.require(caller, owner: owner(resource), in: draft.state)
    return resource
  }

  /// A name that people give.
  static func checkName(_ name: String, _ parameter: String = "name") throws(ControlError) {
    guard !name.isEmpty, name.utf16.count <= 255 else {
      throw ControlError(.invalidParameter, "\(parameter) must have 1 to 255 characters")
    }
  }

  /// How many of a kind an account, or what they belong to, can have.
  static func requireRoom(_ count: Int, _ limit: Int, _ what: String) throws(ControlError) {
    guard count < limit else { throw ControlError(.resourceLimit, "There can be at most \(limit) \(what)") }
  }
}
