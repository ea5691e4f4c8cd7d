import Addresses
import CloudModel
import Planning

enum GuestAddresses {
  /// The addresses of a network that instances may have, as ranges of host-order values; the gateway may lie within.
  static func ranges(of network: Network, in state: CloudState) -> [ClosedRange<UInt32>] {
    switch network.guestType {
    case .isolated: return [(network.cidr.first.value + 1)...(network.cidr.last.value - 1)]
    case .shared:
      if state.isCarried(network.zone) { return [Reserved.instanceAddresses(network.cidr)] }
      return state.publicIPRanges.matching("network", .id(network.id)).map { $0.first.value...$0.last.value }
        .sorted { $0.lowerBound < $1.lowerBound }
    }
  }

  /// The address at a position of the ranges' addresses.
  static func address(_ position: UInt32, of ranges: [ClosedRange<UInt32>]) -> IPv4? {
    var rest = position
    for range in ranges {
      let count = UInt32(range.count)
      if rest < count { return IPv4(range.lowerBound + rest) }
      rest -= count
    }
    return nil
  }
}
