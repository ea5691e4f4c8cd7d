import Addresses
import CloudModel
import FoundationEssentials
import Ledger

/// The one network that all instances of a zone with basic networking are in.
enum SharedNetworks {
  static func create(
    _ request: NewNetwork, _ zone: Zone, _ offering: NetworkOffering, _ caller: Caller, _ draft: inout Draft
  ) throws -> ID<Network> {
    try Access.requireRootAdmin(caller)
    guard zone.series == .basic else {
      throw ControlError(.unsupported, "Shared networks are for zones with basic networking")
    }
    guard !draft.state.networks.matching("zone", .id(zone.id)).contains(where: { $0.guestType == .shared }) else {
      throw ControlError(.resourceInUse, "The zone has its shared network already")
    }
    guard request.account == nil, request.domain == nil else {
      throw ControlError(.unsupported, "The shared network of a zone is everybody's")
    }
    let owner = Control.systemAccount(in: draft.state)?.id ?? caller.account
    var network = Network(
      id: draft.newID(), name: try Control.checked(request.name), displayText: request.displayText ?? request.name,
      zone: zone.id, offering: offering.id, account: owner, guestType: .shared, cidr: zone.guestPrefix,
      gateway: zone.guestPrefix.first.advanced(by: 1), domainName: "", state: .implemented, created: draft.now)
    network.domainName =
      try Control.domainName(request.domainName) ?? zone.domainName ?? "cs\(network.id.description.prefix(6)).internal"
    try draft.put(network)
    if let first = request.first {
      var range = NewAddressRange(zone: zone.id, first: first, last: request.last ?? first)
      range.network = network.id
      range.gateway = request.gateway
      range.netmask = request.netmask
      range.vlan = request.vlan
      _ = try AddressRanges.addGuest(range, &draft)
    } else {
      guard request.gateway == nil, request.netmask == nil else {
        throw ControlError(.invalidParameter, "gateway and netmask of a shared network go with startip")
      }
    }
    try draft.put(
      Control.event("NETWORK.CREATE", "Created network \(request.name)", caller.account, caller.user, draft))
    return network.id
  }

  /// What deleting an isolated network asks for too, and more.
  static func requireDeletable(_ network: Network, _ caller: Caller, _ draft: borrowing Draft) throws(ControlError) {
    guard network.guestType == .shared else { return }
    guard caller.isRootAdmin, !draft.state.isCarried(network.zone) else {
      throw ControlError(.permissionDenied, "The shared network of a zone cannot be deleted")
    }
  }
}
