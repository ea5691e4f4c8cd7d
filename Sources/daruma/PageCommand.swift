import ArgumentParser
import FoundationEssentials
import Logging
import StatusPage

struct PageCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "page", abstract: "Run the status page by itself, also on another machine.",
    discussion: """
      It is fed with signed documents, keeps serving what was last known when the cloud is silent, and looks at the cloud from
      outside. Its settings are one JSON file; docs/status-page.md describes them. It needs no root.
      """)

  @Option(help: "The page's settings.") var settings: String
  @Option(help: "The folder of the page's own store.") var store: String

  func run() async throws {
    let logger = Log.make("page")
    let service: PageService
    do throws(StatusPageError) {
      service = try PageService(PageConfiguration.read(settings), folder: store, logger: logger)
    } catch { throw CommandFailure("\(error)") }
    try await Signals.untilTerminated { try await service.run() }
  }
}
