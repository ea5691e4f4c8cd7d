package import Addresses
package import CloudModel
import FoundationEssentials
import Ledger

extension Control {
  package func createPortableIPRange(
    region: Int, first: IPv4, last: IPv4, gateway: IPv4, netmask: IPv4, vlan: String, by caller: Caller
  ) async throws -> Started {
    try await begin("createPortableIpRange", .portableIPRange, by: caller) { draft in
      try Access.requireRootAdmin(caller)
      guard region >= 1 else { throw ControlError(.invalidParameter, "Invalid region \(region)") }
      let length = try Self.prefixLength(netmask)
      let prefix = IPv4Prefix(gateway, length: length)
      guard first <= last, prefix.contains(first), prefix.contains(last), gateway < first || gateway > last,
        last.value - first.value < 65536
      else {
        throw ControlError(
          .invalidParameter, "startip to endip must be at most 65536 addresses of \(prefix) without the gateway")
      }
      let isTaken =
        draft.state.portableIPRanges.all.contains { $0.first <= last && first <= $0.last }
        || draft.state.publicIPRanges.all.contains { $0.first <= last && first <= $0.last }
      guard !isTaken else {
        throw ControlError(.invalidParameter, "The addresses \(first) to \(last) overlap another range")
      }
      try Self.requireRoom(draft.state.portableIPRanges.count, 1000, "portable ranges")
      let range = PortableIPRange(
        id: draft.newID(), region: region, first: first, last: last, gateway: gateway, length: length, vlan: vlan,
        created: draft.now)
      try draft.put(range)
      try draft.put(
        Self.event("PORTABLE.IP.RANGE.CREATE", "Portable range \(first)-\(last)", caller.account, caller.user, draft))
      return range.id.uuid
    }
  }

  package func deletePortableIPRange(_ id: ID<PortableIPRange>, by caller: Caller) async throws -> Started {
    try await begin("deletePortableIpRange", .portableIPRange, by: caller) { draft in
      try Access.requireRootAdmin(caller)
      guard let range = draft.get(id) else {
        throw ControlError(.invalidParameter, "Unable to find portable ip range \(id)")
      }
      try draft.remove(id)
      try draft.put(
        Self.event(
          "PORTABLE.IP.RANGE.DELETE", "Portable range \(range.first)-\(range.last)", caller.account, caller.user,
          draft))
      return id.uuid
    }
  }
}
