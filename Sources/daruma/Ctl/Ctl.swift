import ArgumentParser

struct Ctl: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Ask and command a cloud: the one that runs here, or one that your configuration names.",
    discussion: """
      Completion for the shell: daruma --generate-completion-script bash (or zsh).

      Examples:
        sudo ./daruma ctl list instances
        ./daruma ctl list zones --profile production
        sudo ./daruma ctl call rebootVirtualMachine id=…
      """,
    subcommands: [CtlList.self, CtlCall.self, CtlPlan.self, Rebuild.self, CtlPage.self])
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
