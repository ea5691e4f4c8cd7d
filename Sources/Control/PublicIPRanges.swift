package import Addresses
package import CloudModel
import FoundationEssentials
import Ledger

extension Control {
  /// Adds public addresses to a cell's pool or to a zone's (`cell` nil, Isolate).
  package func createPublicIPRange(
    zone: ID<Zone>, cell: ID<Cell>?, first: IPv4, last: IPv4, by caller: Caller
  ) async throws -> ID<PublicIPRange> {
    try Access.requireRootAdmin(caller)
    return try await transact(cause(caller, "createVlanIpRange")) { draft in
      guard let zone = draft.get(zone) else { throw ControlError(.invalidParameter, "The zone does not exist") }
      let id = try Self.addRange(zone, cell, first, last, &draft)
      try draft.put(
        Self.event("VLAN.IP.RANGE.CREATE", "Added \(first) to \(last)", caller.account, caller.user, draft))
      return id
    }
  }

  static func addRange(
    _ zone: Zone, _ cell: ID<Cell>?, _ first: IPv4, _ last: IPv4, _ draft: inout Draft
  ) throws -> ID<PublicIPRange> {
    guard first <= last, last.value - first.value < 131_072 else {
      throw ControlError(.invalidParameter, "startip to endip must be 1 to 131072 addresses")
    }
    guard (zone.series == .basic) == (cell != nil) else {
      throw ControlError(.invalidParameter, "A Basic zone's range names its cell; an Isolate zone's does not")
    }
    for range in draft.state.publicIPRanges.all
    where range.network == nil && range.first <= last && first <= range.last {
      throw ControlError(.invalidParameter, "The range overlaps \(range.first) to \(range.last)")
    }
    let range = PublicIPRange(
      id: draft.newID(), zone: zone.id, cell: cell, first: first, last: last, created: draft.now)
    try draft.put(range)
    for value in first.value...last.value {
      try draft.put(
        PublicIPAddress(id: draft.newID(), address: IPv4(value), zone: zone.id, cell: cell, range: range.id))
    }
    if let cell {
      guard var holder = draft.get(cell), holder.zone == zone.id else {
        throw ControlError(.invalidParameter, "The cell does not exist in this zone")
      }
      holder.publicPrefixes += IPv4Prefix.covering(first, last)
      try draft.put(holder)
    }
    return range.id
  }

  package func deletePublicIPRange(_ id: ID<PublicIPRange>, by caller: Caller) async throws {
    try Access.requireRootAdmin(caller)
    try await transact(cause(caller, "deleteVlanIpRange")) { draft in
      guard let range = draft.get(id) else { throw ControlError(.invalidParameter, "The range does not exist") }
      if let network = range.network.flatMap({ draft.get($0) }) {
        try AddressRanges.requireUnused(range, except: nil, network, draft)
      }
      let addresses = draft.state.publicIPs.matching("range", .id(id))
      guard addresses.allSatisfy({ $0.state == .free }) else {
        throw ControlError(.resourceInUse, "Addresses of the range are in use; release them first")
      }
      for address in addresses { try draft.remove(address.id) }
      if let cell = range.cell, var holder = draft.get(cell) {
        let covering = Set(IPv4Prefix.covering(range.first, range.last))
        holder.publicPrefixes.removeAll { covering.contains($0) }
        try draft.put(holder)
      }
      try draft.remove(id)
      try draft.put(
        Self.event(
          "VLAN.IP.RANGE.DELETE", "Removed \(range.first) to \(range.last)", caller.account, caller.user, draft))
    }
  }
}
