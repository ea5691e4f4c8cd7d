import Agent
import ArgumentParser
import Dataplane
import Foundation
import Kernel

struct Down: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Stop the cloud of this machine; what it is stays in the state folder.",
    discussion: "Works after any crash, and again. With --purge the cloud is forgotten.")

  @OptionGroup var state: StateOption
  @Flag(help: "Forget the cloud: delete its state folder.") var purge = false

  func run() async throws {
    try state.requireRoot()
    let folder = state.folder
    guard FileManager.default.fileExists(atPath: folder.path) else {
      print("There is no cloud in \(folder.path).")
      return
    }
    guard FileManager.default.fileExists(atPath: folder.cloud) || FileManager.default.fileExists(atPath: folder.logs)
    else { throw CommandFailure("\(folder.path) is not the state folder of a cloud; nothing was touched") }
    try await Teardown(folder: folder).run()
    if purge {
      try FileManager.default.removeItem(atPath: folder.path)
      print("The cloud is stopped and forgotten.")
    } else {
      print("The cloud is stopped. `daruma up` brings it back as it was.")
    }
  }
}

/// Ends every process and takes away every link, mount and namespace of one cloud.
struct Teardown {
  let folder: StateFolder

  func run() async throws {
    for name in folder.knownManagers { try folder.stopManager(name) }
    try folder.running("agent")?.terminate(grace: .seconds(5))
    try? FileManager.default.removeItem(atPath: folder.record("agent"))
    try await NodeAgent.destroy(
      state: folder.path, network: NetworkConfiguration(stateDirectory: folder.path, node: "node-1"))
  }
}
