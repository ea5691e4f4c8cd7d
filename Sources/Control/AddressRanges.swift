package import Addresses
package import CloudModel
import FoundationEssentials
import Ledger

package struct NewAddressRange: Sendable {
  package var zone: ID<Zone>
  package var cell: ID<Cell>?
  /// The shared network whose instances have the addresses; nil for public addresses.
  package var network: ID<Network>?
  package var pod: ID<Pod>?
  package var physicalNetwork: ID<PhysicalNetwork>?
  package var first: IPv4
  package var last: IPv4
  package var gateway: IPv4?
  package var netmask: IPv4?
  package var vlan: String?
  /// Public addresses, not those of instances.
  package var isPublic = true

  package init(zone: ID<Zone>, first: IPv4, last: IPv4) {
    self.zone = zone
    self.first = first
    self.last = last
  }
}

extension Control {
  /// Adds public addresses, or addresses of a shared network's instances.
  package func createAddressRange(_ request: NewAddressRange, by caller: Caller) async throws -> ID<PublicIPRange> {
    try await administer("createVlanIpRange", by: caller) { draft in
      var request = request
      let zone = try Self.found(request.zone, draft)
      if zone.series == .basic, !request.isPublic, request.network == nil {
        request.network =
          draft.state.networks.matching("zone", .id(zone.id)).first { $0.guestType == .shared }?.id
        guard request.network != nil else {
          throw ControlError(.invalidParameter, "The zone has no shared network yet; see createNetwork")
        }
      }
      let id =
        try request.network == nil
        ? AddressRanges.addPublic(request, zone, &draft) : AddressRanges.addGuest(request, &draft)
      try draft.put(
        Self.event(
          "VLAN.IP.RANGE.CREATE", "Added \(request.first) to \(request.last)", caller.account, caller.user, draft))
      return id
    }
  }

  /// Lets a range begin or end elsewhere. Addresses that are in use stay in it.
  package func updateAddressRange(
    _ id: ID<PublicIPRange>, first: IPv4?, last: IPv4?, by caller: Caller
  ) async throws {
    try await administer("updateVlanIpRange", by: caller) { draft in
      var range = try Self.found(id, draft)
      let before = range
      range.first = first ?? range.first
      range.last = last ?? range.last
      try AddressRanges.requireSound(range.first, range.last)
      if range.network != nil {
        try AddressRanges.change(guest: range, before, &draft)
      } else {
        try AddressRanges.change(public: range, before, &draft)
      }
      try draft.put(range)
      try draft.put(
        Self.event(
          "VLAN.IP.RANGE.UPDATE", "Changed a range to \(range.first) to \(range.last)", caller.account, caller.user,
          draft))
    }
  }
}

enum AddressRanges {
  static func requireSound(_ first: IPv4, _ last: IPv4) throws(ControlError) {
    guard first <= last, last.value - first.value < 131_072 else {
      throw ControlError(.invalidParameter, "startip to endip must be 1 to 131072 addresses")
    }
  }

  static func addPublic(
    _ request: NewAddressRange, _ zone: Zone, _ draft: inout Draft
  ) throws -> ID<PublicIPRange> {
    let isCarried = draft.state.isCarried(zone.id)
    let isUntagged = request.vlan.map { ["", "untagged", "vlan://untagged"].contains($0.lowercased()) } ?? true
    guard isUntagged || !isCarried else {
      throw ControlError(.unsupported, "Public addresses of a zone that nodes carry are untagged")
    }
    guard request.pod == nil else { throw ControlError(.invalidParameter, "Public addresses belong to no pod") }
    var cell = request.cell
    if zone.series == .basic, cell == nil, !isCarried { cell = try simulatedCell(of: zone, &draft) }
    let id = try Control.addRange(zone, cell, request.first, request.last, &draft)
    try describe(id, request, &draft)
    return id
  }

  /// The first gateway of a zone that no node carries, or a new one.
  private static func simulatedCell(of zone: Zone, _ draft: inout Draft) throws -> ID<Cell> {
    if let known = draft.state.cells.matching("zone", .id(zone.id)).min(by: { $0.index < $1.index }) { return known.id }
    let taken = Set(draft.state.cells.all.map(\.index))
    guard let index = (1...250).first(where: { !taken.contains($0) }) else {
      throw ControlError(.resourceLimit, "There can be at most 250 cells")
    }
    let cell = Cell(
      id: draft.newID(), name: "cell-\(index)", zone: zone.id, index: index, publicPrefixes: [], node: "",
      created: draft.now)
    try draft.put(cell)
    return cell.id
  }

  private static func describe(_ id: ID<PublicIPRange>, _ request: NewAddressRange, _ draft: inout Draft) throws {
    guard var range = draft.get(id) else { return }
    if let network = request.physicalNetwork, draft.get(network)?.zone != range.zone {
      throw ControlError(.invalidParameter, "The physical network is not in this zone")
    }
    if let pod = request.pod, draft.get(pod)?.zone != range.zone {
      throw ControlError(.invalidParameter, "The pod is not in this zone")
    }
    range.pod = request.pod
    range.physicalNetwork = request.physicalNetwork
    range.gateway = request.gateway
    range.netmask = request.netmask
    range.vlan = request.vlan
    try draft.put(range)
  }

  static func addGuest(_ request: NewAddressRange, _ draft: inout Draft) throws -> ID<PublicIPRange> {
    guard let id = request.network, var network = draft.get(id), network.zone == request.zone,
      network.guestType == .shared
    else { throw ControlError(.invalidParameter, "networkid must name the zone's shared network") }
    guard !draft.state.isCarried(network.zone) else {
      throw ControlError(.unsupported, "The addresses of instances in a zone that nodes carry are its guest range")
    }
    try requireSound(request.first, request.last)
    let isFirst = draft.state.publicIPRanges.count("network", .id(id)) == 0
    if isFirst {
      if request.gateway != nil || request.netmask != nil {
        guard let gateway = request.gateway, let netmask = request.netmask else {
          throw ControlError(.invalidParameter, "gateway and netmask go together")
        }
        let described = try Control.privateNetwork(
          gateway: gateway, netmask: netmask, first: request.first, last: request.last)
        network.cidr = described.prefix
        network.gateway = described.gateway
        try draft.put(network)
      }
    } else {
      guard request.gateway ?? network.gateway == network.gateway,
        request.netmask ?? network.cidr.netmask == network.cidr.netmask
      else {
        throw ControlError(.unsupported, "All ranges of a shared network have its gateway and netmask")
      }
    }
    let range = PublicIPRange(
      id: draft.newID(), zone: network.zone, cell: nil, first: request.first, last: request.last, created: draft.now)
    var held = range
    held.network = id
    try requireRoom(held, network, draft)
    try draft.put(held)
    var described = request
    described.gateway = network.gateway
    described.netmask = network.cidr.netmask
    try describe(range.id, described, &draft)
    return range.id
  }

  private static func requireRoom(
    _ range: PublicIPRange, _ network: Network, _ draft: borrowing Draft
  ) throws(ControlError) {
    guard network.cidr.contains(range.first), network.cidr.contains(range.last), range.first != network.cidr.first,
      range.last != network.cidr.last
    else {
      throw ControlError(
        .invalidParameter, "\(range.first) to \(range.last) does not lie within \(network.cidr)")
    }
    for other in draft.state.publicIPRanges.matching("network", .id(network.id))
    where other.id != range.id && other.first <= range.last && range.first <= other.last {
      throw ControlError(.invalidParameter, "The range overlaps \(other.first) to \(other.last)")
    }
  }

  static func change(guest range: PublicIPRange, _ before: PublicIPRange, _ draft: inout Draft) throws {
    guard let network = range.network.flatMap({ draft.get($0) }) else { return }
    try requireRoom(range, network, draft)
    try requireUnused(before, except: range, network, draft)
  }

  /// Throws if an instance has an address of `range` that `kept` does not hold.
  static func requireUnused(
    _ range: PublicIPRange, except kept: PublicIPRange?, _ network: Network, _ draft: borrowing Draft
  ) throws(ControlError) {
    for machine in draft.state.virtualMachines.matching("network", .id(network.id)) {
      for nic in machine.nics where nic.network == network.id {
        for address in nic.allAddresses where range.first <= address && address <= range.last {
          if let kept, kept.first <= address, address <= kept.last { continue }
          throw ControlError(.resourceInUse, "The instance \(machine.name) has the address \(address) of the range")
        }
      }
    }
  }

  static func change(public range: PublicIPRange, _ before: PublicIPRange, _ draft: inout Draft) throws {
    for other in draft.state.publicIPRanges.all
    where other.id != range.id && other.network == nil && other.first <= range.last && range.first <= other.last {
      throw ControlError(.invalidParameter, "The range overlaps \(other.first) to \(other.last)")
    }
    for address in draft.state.publicIPs.matching("range", .id(range.id))
    where address.address < range.first || range.last < address.address {
      guard address.state == .free else {
        throw ControlError(.resourceInUse, "\(address.address) is in use; release it first")
      }
      try draft.remove(address.id)
    }
    for value in range.first.value...range.last.value where value < before.first.value || before.last.value < value {
      try draft.put(
        PublicIPAddress(
          id: draft.newID(), address: IPv4(value), zone: range.zone, cell: range.cell, range: range.id))
    }
    guard var cell = range.cell.flatMap({ draft.get($0) }) else { return }
    let gone = Set(IPv4Prefix.covering(before.first, before.last))
    cell.publicPrefixes.removeAll { gone.contains($0) }
    cell.publicPrefixes += IPv4Prefix.covering(range.first, range.last)
    try draft.put(cell)
  }
}
