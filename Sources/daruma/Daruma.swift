import ArgumentParser
import CHeap

@main
struct Daruma: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "daruma",
    abstract: "A self-hosted IaaS cloud that rights itself.",
    discussion: """
      Examples:
        sudo ./daruma up                    start a cloud on this machine
        sudo ./daruma status                how it stands
        sudo ./daruma drill shared-network-loss
        sudo ./daruma down                  stop it; everything is remembered
      """,
    subcommands: [
      Up.self, Down.self, Status.self, Drill.self, Rebuild.self, Ctl.self, BackupCommand.self, VerifyBackupCommand.self,
      RestoreCommand.self, RotateKey.self, ManagerCommand.self, AgentCommand.self, PageCommand.self,
      LedgerExercise.self, LedgerBenchmark.self, RebuildBenchmark.self, ChangeBenchmark.self, PlanningBenchmark.self,
      CloudFill.self,
      InstanceFill.self,
    ])

  /// What a small cloud and a command take stays in small pages.
  private static let smallHeap: UInt = 16 << 20

  static func main() async {
    heap_use_huge_pages(smallHeap)
    await main(nil)
  }
}
