package import Dataplane
import Hypervisor
package import Logging
import NodePlan

extension NodeAgent {
  /// The agent of a node with its network and its instances, as `daruma agent` runs it.
  /// - Parameter templates: the folder of folders that machines boot from.
  package static func assemble(
    configuration: Configuration, network: NetworkConfiguration, templates: String, logger: Logger
  ) -> NodeAgent {
    var configuration = configuration
    configuration.renderer = network.newestRenderer
    let board = ReportBoard()
    let metadata = MetadataIndex()
    let report = { @Sendable (report: ScopeReport) in board.post(report) }
    let plane = NodeNetwork(configuration: network, metadata: metadata, logger: logger, report: report)
    let instances = InstanceHost(
      configuration: InstanceHost.Configuration(state: configuration.state, templates: templates), network: plane,
      logger: logger, report: report)
    return NodeAgent(
      configuration: configuration, network: plane, instances: instances, board: board, metadata: metadata,
      logger: logger)
  }

  /// Ends everything that agents of this node left in the kernel, and their processes; the stored plan stays. No agent
  /// may run meanwhile.
  package static func destroy(state: String, network: NetworkConfiguration) async throws {
    try await InstanceHost.destroyAll(state: state)
    try await NodeNetwork.destroy(configuration: network)
  }
}
