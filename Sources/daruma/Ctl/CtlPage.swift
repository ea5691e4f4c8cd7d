import ArgumentParser
import Foundation

struct CtlPage: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "page", abstract: "Write on the status page as an operator.",
    discussion: """
      Without --page it writes on the page of this machine's manager. With --page it writes on one that `daruma page` serves; the
      operator's name and token are a line of --token-file. What was measured cannot be resolved by hand.

      Examples:
        sudo ./daruma ctl page list
        sudo ./daruma ctl page write --title-en "Power inspection" --body-en "Racks 3 to 5." --components ID --draft
        sudo ./daruma ctl page schedule --title-en "Gateway update" --components ID,ID \\
          --from 2026-12-01T01:00 --until 2026-12-01T03:00 --action gateway-update/basic
        ./daruma ctl page publish ID --page https://status.example.jp --token-file ~/page-token
      """,
    subcommands: [
      PageList.self, PageWrite.self, PageUpdate.self, PageEdit.self, PageMerge.self, PagePublish.self,
      PageSchedule.self, PageReschedule.self, PageFinish.self, PageTicket.self,
    ])
}

/// A text in both languages; where only one is given, it stands for the other.
private func text(_ name: String, _ ja: String?, _ en: String?) -> [String: String] {
  ["\(name)_ja": ja, "\(name)_en": en].compactMapValues { $0 }
}

struct PageList: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "list", abstract: "Show incidents, drafts too, planned work, and the components with their ids.")

  @OptionGroup var page: PageOption
  @Flag(help: "Print JSON.") var json = false

  func run() async throws {
    let data = try await page.client().get("incidents.json")
    if json { return print(String(decoding: data, as: UTF8.self)) }
    guard let answer = try JSONSerialization.jsonObject(with: data) as? [String: Any] else { return }
    func rows(_ name: String) -> [[String: Any]] { answer[name] as? [[String: Any]] ?? [] }
    func word(_ row: [String: Any], _ name: String) -> String { (row[name] as? String) ?? "" }
    for row in rows("incidents") {
      let state =
        row["merged_into"] is String
        ? "merged into \(word(row, "merged_into"))" : row["draft"] as? Bool == true ? "draft" : "public"
      print("incident     \(word(row, "id"))  \(word(row, "status")), \(state)  \(word(row, "name"))")
    }
    for row in rows("maintenances") {
      let times = "\(word(row, "scheduled_for")) to \(word(row, "scheduled_until"))"
      print("maintenance  \(word(row, "id"))  \(word(row, "status"))  \(times)  \(word(row, "name"))")
    }
    for row in rows("components") {
      let place = [word(row, "zone"), word(row, "cell")].filter { !$0.isEmpty }.joined(separator: " ")
      print("component    \(word(row, "id"))  \(word(row, "status"))  \(word(row, "name")) (\(place))")
    }
  }
}

struct PageWrite: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "write", abstract: "Write an incident of your own; prints its id.")

  @OptionGroup var page: PageOption
  @Option(name: .customLong("title-ja")) var titleJA: String?
  @Option(name: .customLong("title-en")) var titleEN: String?
  @Option(name: .customLong("body-ja")) var bodyJA: String?
  @Option(name: .customLong("body-en")) var bodyEN: String?
  @Option(help: "none, minor, major or critical.") var impact = "minor"
  @Option(help: "Ids of components, with commas between.") var components = ""
  @Flag(help: "Only operators see it until it is published.") var draft = false

  func run() async throws {
    var fields = ["impact": impact, "components": components]
    fields.merge(text("title", titleJA, titleEN)) { $1 }
    fields.merge(text("body", bodyJA, bodyEN)) { $1 }
    if draft { fields["draft"] = "true" }
    print(try await page.client().post("incidents", fields))
  }
}

struct PageUpdate: AsyncParsableCommand {
  static let configuration = CommandConfiguration(commandName: "update", abstract: "Add an update to an open incident.")

  @Argument(help: "The incident's id.") var id: String
  @OptionGroup var page: PageOption
  @Option(help: "investigating, identified, monitoring or resolved.") var status: String
  @Option(name: .customLong("body-ja")) var bodyJA: String?
  @Option(name: .customLong("body-en")) var bodyEN: String?

  func run() async throws {
    let fields = text("body", bodyJA, bodyEN).merging(["status": status]) { $1 }
    print(try await page.client().post("incidents/\(try PageClient.part(id))/updates", fields))
  }
}

struct PageEdit: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "edit", abstract: "Change an incident's title, cause or impact, or the text of one of its updates.")

  @Argument(help: "The incident's id.") var id: String
  @OptionGroup var page: PageOption
  @Option(name: .customLong("title-ja")) var titleJA: String?
  @Option(name: .customLong("title-en")) var titleEN: String?
  @Option(name: .customLong("cause-ja")) var causeJA: String?
  @Option(name: .customLong("cause-en")) var causeEN: String?
  @Option(help: "none, minor, major or critical.") var impact: String?
  @Option(help: "The id of the update whose text is changed.") var update: String?
  @Option(name: .customLong("body-ja")) var bodyJA: String?
  @Option(name: .customLong("body-en")) var bodyEN: String?

  func run() async throws {
    var fields = text("title", titleJA, titleEN)
    fields.merge(text("cause", causeJA, causeEN)) { $1 }
    fields.merge(text("body", bodyJA, bodyEN)) { $1 }
    fields["impact"] = impact
    fields["update"] = update
    print(try await page.client().post("incidents/\(try PageClient.part(id))/edit", fields))
  }
}

struct PageMerge: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "merge", abstract: "Let one incident tell of another too: one fault, one incident.")

  @Argument(help: "The incident that goes.") var id: String
  @OptionGroup var page: PageOption
  @Option(help: "The incident that stays.") var into: String

  func run() async throws {
    print(try await page.client().post("incidents/\(try PageClient.part(id))/merge", ["into": into]))
  }
}

struct PagePublish: AsyncParsableCommand {
  static let configuration = CommandConfiguration(commandName: "publish", abstract: "Publish a draft.")

  @Argument(help: "The incident's id.") var id: String
  @OptionGroup var page: PageOption

  func run() async throws { print(try await page.client().post("incidents/\(try PageClient.part(id))/publish", [:])) }
}

struct PageSchedule: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "schedule", abstract: "Announce planned work; prints its id.",
    discussion: "Times such as 2026-12-01T01:00 are Japan's; with Z or an offset they are what they say.")

  @OptionGroup var page: PageOption
  @Option(name: .customLong("title-ja")) var titleJA: String?
  @Option(name: .customLong("title-en")) var titleEN: String?
  @Option(help: "Ids of the components that are worked on, with commas between.") var components: String
  @Option(help: "When it begins.") var from: String
  @Option(help: "When it ends.") var until: String
  @Option(help: "Begin and end with this deed, such as gateway-update/ZONE.") var action: String?

  func run() async throws {
    var fields = text("title", titleJA, titleEN)
    fields.merge(["components": components, "from": from, "until": until]) { $1 }
    fields["action"] = action
    print(try await page.client().post("maintenances", fields))
  }
}

struct PageReschedule: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "reschedule", abstract: "Move planned work that has not begun.")

  @Argument(help: "The planned work's id.") var id: String
  @OptionGroup var page: PageOption
  @Option(help: "When it begins.") var from: String
  @Option(help: "When it ends.") var until: String

  func run() async throws {
    let path = "maintenances/\(try PageClient.part(id))/reschedule"
    print(try await page.client().post(path, ["from": from, "until": until]))
  }
}

struct PageFinish: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "finish", abstract: "End planned work now; what has not begun is cancelled.")

  @Argument(help: "The planned work's id.") var id: String
  @OptionGroup var page: PageOption

  func run() async throws { print(try await page.client().post("maintenances/\(try PageClient.part(id))/finish", [:])) }
}
