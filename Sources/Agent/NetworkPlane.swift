package import Dataplane
import Hypervisor
package import Kernel
package import NodePlan

/// What makes the network part of a plan true.
package protocol NetworkPlane: Sendable {
  func start() async throws
  func apply(_ change: PlanChange) async
  func stop() async
}

extension NodeNetwork: NetworkPlane {}

extension NodeNetwork: InstanceNetwork {
  package func plugTap(_ port: Port) throws -> (link: String, mtu: UInt32) {
    try attachTap(port)
    guard let place = namespace(of: port) else {
      throw AgentError(.storage, "the fabric is not there yet; start the network first")
    }
    return (place.link, place.mtu)
  }

  package func plugVeth(_ port: Port, into namespace: NetworkNamespace, as link: String) throws {
    try attachVeth(port, to: namespace, peerName: link)
  }

  package func unplug(_ portID: String) throws { try detach(portID) }
}
