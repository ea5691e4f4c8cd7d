import Agent
import ArgumentParser
import Dataplane
import FoundationEssentials
import Glibc
import Logging

struct AgentCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "agent", abstract: "Run the agent of a node in the foreground.",
    discussion: "It keeps and repairs what the last plan says, with a manager or without. `daruma up` starts it.")

  @OptionGroup var state: StateOption
  @Option(help: "The node's name, as the manager knows it.") var node = "node-1"

  /// For trying whether a faulty new version of the rules is stopped: the agent then says that it renders one.
  private static let faultVariable = "DARUMA_TRY_RENDERING_FAULT"
  static var trial: [String: String] {
    ProcessInfo.processInfo.environment.filter { $0.key == faultVariable }
  }

  func run() async throws {
    try state.requireRoot()
    raiseDescriptorLimit()
    let folder = state.folder
    try folder.prepare()
    try folder.claim("agent")
    let logger = Log.make("agent")
    var network = NetworkConfiguration(stateDirectory: folder.path, node: node)
    if let name = ProcessInfo.processInfo.environment[Self.faultVariable] {
      guard let fault = RenderingFault(rawValue: name) else {
        let known = RenderingFault.allCases.map(\.rawValue).joined(separator: ", ")
        throw CommandFailure("\(Self.faultVariable) is one of \(known)")
      }
      logger.warning(
        "renders the newest version of the rules with a mistake, to be tried", metadata: ["fault": "\(name)"])
      network.renderingFault = fault
    }
    let agent = NodeAgent.assemble(
      configuration: .init(node: node, state: folder.path, managerSocket: folder.managerSocket),
      network: network, templates: folder.templates,
      logger: logger)
    try await Signals.untilTerminated { try await agent.run() }
  }

  /// Every router and instance takes a few descriptors.
  private func raiseDescriptorLimit() {
    var limit = rlimit()
    guard getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return }
    limit.rlim_cur = limit.rlim_max
    _ = setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
  }
}
