import ArgumentParser

struct Ctl: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Ask the running cloud of this machine, as its administrator.",
    subcommands: [CtlPlan.self, Rebuild.self])
}

extension StateOption {
  /// A caller of the API of the cloud that runs here.
  func administrator() throws -> APIClient {
    guard let admin = StateFolder.read(AdminFile.self, folder.admin), folder.running("manager") != nil else {
      throw CommandFailure("No manager runs in \(folder.path); start one with `daruma up`.")
    }
    return APIClient(admin)
  }
}
