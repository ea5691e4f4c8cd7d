import ArgumentParser
import Foundation
import StatusPage

struct PageTicket: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "ticket",
    abstract: "Print a link by which a customer sees the own part of the page that the cloud feeds.",
    discussion: "Whoever has the link sees it. A console leads customers there by itself: GET /client/status.")

  @OptionGroup var state: StateOption
  @Option(help: "The account, by name or id.") var account: String
  @Option(help: "How long it holds, 1 to 10080.") var minutes = 60

  func validate() throws {
    guard (1...10_080).contains(minutes) else { throw ValidationError("--minutes is 1 to 10080") }
  }

  func run() async throws {
    let client = try state.administrator()
    guard let page = StateFolder.read(CloudFile.self, state.folder.cloud)?.page else {
      throw CommandFailure("This cloud feeds no page elsewhere; begin with `daruma up --page URL`.")
    }
    let rows = try await client.list("listAccounts", ["listall": "true"])
    guard let row = rows.first(where: { $0["id"] as? String == account || $0["name"] as? String == account }),
      let id = row["id"] as? String
    else { throw CommandFailure("There is no account \(account); see listAccounts") }
    guard FileManager.default.fileExists(atPath: state.folder.pageKey) else {
      throw CommandFailure("\(state.folder.pageKey) is missing; the next `daruma up` makes it")
    }
    let signer: DocumentSigner
    do throws(StatusPageError) { signer = try DocumentSigner(path: state.folder.pageKey) } catch {
      throw CommandFailure("\(error)")
    }
    let ticket = try signer.ticket(account: id, until: Moment(Date().addingTimeInterval(Double(minutes) * 60)))
    print("\(page.hasSuffix("/") ? String(page.dropLast()) : page)/status/mine?ticket=\(ticket)")
  }
}
