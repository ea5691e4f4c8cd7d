import ArgumentParser
import FoundationEssentials
import Logging
import StatusPage

struct PageCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "page", abstract: "Run the status page by itself, also on another machine.",
    discussion: """
      It is fed with signed documents (`daruma up --page URL`), keeps serving what was last known when the cloud is silent, and
      looks at the cloud from outside. Its settings are one JSON file; docs/status-page.md describes them. It needs no root.
      """)

  @Option(help: "The page's settings.") var settings: String
  @Option(help: "The folder of the page's own store.") var store: String
  @Option(help: "The file with the cloud's public key, STATE/manager/page.pub, instead of the setting publicKey.")
  var publicKeyFile: String?

  func run() async throws {
    let logger = Log.make("page")
    let service: PageService
    do throws(StatusPageError) {
      var configuration = try PageConfiguration.read(settings)
      if let publicKeyFile { try configuration.readPublicKey(publicKeyFile) }
      service = try PageService(configuration, folder: store, logger: logger)
    } catch { throw CommandFailure("\(error)") }
    try await Signals.untilTerminated { try await service.run() }
  }
}
