package import Addresses
package import CloudModel
import FoundationEssentials
import Ledger

package struct StorageIPRangeChange: Sendable {
  package var netmask: IPv4?
  package var first: IPv4?
  package var last: IPv4?
  package var vlan: Int?

  package init() {}
}

/// Storage networks of pods of simulated hosts. What nodes carry has its disks on the nodes themselves.
extension Control {
  private static let storageRangeLimit = 64

  /// A single address when there is no `last`.
  package func createStorageIPRange(
    pod: ID<Pod>, gateway: IPv4, netmask: IPv4, first: IPv4, last: IPv4?, vlan: Int?, by caller: Caller
  ) async throws -> Started {
    try await administer("createStorageNetworkIpRange", .storageIPRange, by: caller) { draft in
      let pod = try Self.found(pod, draft)
      try Self.requireSimulated(pod.zone, "A storage network", draft.state)
      let types = draft.state.physicalNetworks.matching("zone", .id(pod.zone)).flatMap(\.trafficTypes)
      guard types.contains(where: { $0.kind == .storage }) else {
        throw ControlError(
          .invalidParameter, "Cannot find the storage network of the zone; add the traffic type Storage first")
      }
      try Self.limit(
        draft.state.storageIPRanges.count("pod", .id(pod.id)), to: Self.storageRangeLimit, "storage ranges in a pod")
      let range = StorageIPRange(
        id: draft.newID(), zone: pod.zone, pod: pod.id, first: first, last: last ?? first, gateway: gateway,
        length: try Self.prefixLength(netmask), vlan: vlan, created: draft.now)
      try Self.check(range, in: pod, draft)
      try draft.put(range)
      try Self.note("STORAGE.IP.RANGE.CREATE", "Created", range, by: caller, &draft)
      return range.id.uuid
    }
  }

  package func updateStorageIPRange(
    _ id: ID<StorageIPRange>, _ change: StorageIPRangeChange, by caller: Caller
  ) async throws -> Started {
    try await administer("updateStorageNetworkIpRange", .storageIPRange, by: caller) { draft in
      var range = try Self.found(id, draft)
      if let netmask = change.netmask { range.length = try Self.prefixLength(netmask) }
      range.first = change.first ?? range.first
      range.last = change.last ?? range.last
      range.vlan = change.vlan ?? range.vlan
      try Self.check(range, in: try Self.found(range.pod, draft), draft)
      try draft.put(range)
      try Self.note("STORAGE.IP.RANGE.UPDATE", "Changed", range, by: caller, &draft)
      return id.uuid
    }
  }

  package func deleteStorageIPRange(_ id: ID<StorageIPRange>, by caller: Caller) async throws -> Started {
    try await administer("deleteStorageNetworkIpRange", .storageIPRange, by: caller) { draft in
      let range = try Self.found(id, draft)
      try draft.remove(id)
      try Self.note("STORAGE.IP.RANGE.DELETE", "Deleted", range, by: caller, &draft)
      return id.uuid
    }
  }

  private static func check(_ range: StorageIPRange, in pod: Pod, _ draft: borrowing Draft) throws {
    _ = try privateNetwork(
      gateway: range.gateway, netmask: IPv4Prefix(range.gateway, length: range.length).netmask, first: range.first,
      last: range.last)
    guard (0...4094).contains(range.vlan ?? 0) else {
      throw ControlError(.invalidParameter, "vlan is 0 to 4094, 0 for none")
    }
    if let taken = pod.network, taken.first <= range.last, range.first <= taken.last {
      throw ControlError(
        .invalidParameter,
        "The Storage network Start IP and endIP address range overlap with private IP :\(taken.first):\(taken.last)")
    }
    for other in draft.state.storageIPRanges.matching("pod", .id(pod.id)) where other.id != range.id {
      guard other.last < range.first || range.last < other.first else {
        throw ControlError(
          .invalidParameter, "The range overlaps \(other.first) to \(other.last) of the pod's storage network")
      }
    }
  }

  private static func note(
    _ type: String, _ done: String, _ range: StorageIPRange, by caller: Caller, _ draft: inout Draft
  ) throws {
    try note(
      type, "\(done) storage range \(range.first)-\(range.last)", by: caller, "StorageNetworkIpRange", range.id.uuid,
      &draft)
  }
}
