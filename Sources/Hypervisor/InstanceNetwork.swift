package import Kernel
package import NodePlan

/// What instances are plugged into.
package protocol InstanceNetwork: Sendable {
  /// Makes the port's tap, if it is not there, and connects it.
  func plugTap(_ port: Port) async throws -> (link: String, mtu: UInt32)
  /// Makes the port's veth, if it is not there, with its other end as `link`, with the port's MAC, in `namespace`.
  func plugVeth(_ port: Port, into namespace: NetworkNamespace, as link: String) async throws
  /// Takes the port's device away.
  func unplug(_ portID: String) async throws
}
