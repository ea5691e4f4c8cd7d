import Addresses
import CloudModel
import Planning

enum GuestAddresses {
  /// The addresses of a network that instances may have, as a range of host-order values; the gateway may lie within.
  static func range(of network: Network) -> ClosedRange<UInt32> {
    switch network.guestType {
    case .shared: Reserved.instanceAddresses(network.cidr)
    case .isolated: (network.cidr.first.value + 1)...(network.cidr.last.value - 1)
    }
  }
}
