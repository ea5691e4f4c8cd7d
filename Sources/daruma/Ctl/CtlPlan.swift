import ArgumentParser
import Foundation

struct CtlPlan: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "plan", abstract: "Print what nodes are to be, or what changed in that.",
    discussion: """
      With --diff it prints what two revisions differ in, and what the nodes' guard says to it: `follow`, or what it would
      hold until an operator confirms it.

      Examples:
        sudo ./daruma ctl plan --scope fabric
        sudo ./daruma ctl plan --diff 120..125
        sudo ./daruma ctl plan --diff 120 --json      since revision 120
      """)

  @OptionGroup var state: StateOption
  @Option(help: "The node's name; needed if there are several.") var node: String?
  @Option(help: "Only this unit of the network, as `daruma status` names it.") var scope: String?
  @Option(help: "REVISION..REVISION, or REVISION for what changed since.") var diff: String?
  @Flag(help: "Print JSON.") var json = false

  private var revisions: (from: String, until: String?)? {
    guard let diff else { return nil }
    let parts = diff.components(separatedBy: "..")
    guard (1...2).contains(parts.count), parts.allSatisfy({ UInt64($0) != nil }) else { return nil }
    return (parts[0], parts.count == 2 ? parts[1] : nil)
  }

  func validate() throws {
    if diff != nil && revisions == nil { throw ValidationError("--diff is REVISION or REVISION..REVISION") }
  }

  func run() async throws {
    let client = try state.administrator()
    var parameters: [String: String] = [:]
    parameters["node"] = node
    parameters["scope"] = scope
    if let revisions {
      parameters["revision"] = revisions.from
      parameters["until"] = revisions.until
      try await printDifference(client, parameters)
    } else {
      let rows = try await pages(client, "listPlanObjects", "planobject", parameters).rows
      try json ? printJSON(["planobject": rows]) : printPlan(rows)
    }
  }

  /// All pages of a list, and its first answer.
  private func pages(
    _ client: APIClient, _ command: String, _ name: String, _ parameters: [String: String]
  ) async throws -> (first: APIClient.Object, rows: [APIClient.Object]) {
    var first: APIClient.Object = [:]
    var rows: [APIClient.Object] = []
    var page = 1
    while true {
      let asked = parameters.merging(["page": "\(page)", "pagesize": "500"]) { own, _ in own }
      let answer = try await client.call(command, asked)
      if page == 1 { first = answer }
      let found = answer[name] as? [APIClient.Object] ?? []
      rows += found
      if found.count < 500 { return (first, rows) }
      page += 1
    }
  }

  private func printPlan(_ rows: [APIClient.Object]) {
    for (scope, objects) in Dictionary(grouping: rows, by: { Self.text($0, "scope") }).sorted(by: { $0.key < $1.key }) {
      let router = objects.lazy.map { Self.text($0, "router") }.first { !$0.isEmpty }
      print("\(scope)\(router.map { " (\($0))" } ?? "")  \(objects.count) objects")
      for object in objects {
        print("  \(Self.text(object, "key"))  \(Self.text(object, "summary"))\(Self.owner(object))")
      }
    }
  }

  private func printDifference(_ client: APIClient, _ parameters: [String: String]) async throws {
    let (first, rows) = try await pages(client, "listPlanDifferences", "plandifference", parameters)
    let verdicts = first["verdict"] as? [APIClient.Object] ?? []
    if json {
      try printJSON([
        "revision": first["revision"] as Any, "until": first["until"] as Any, "plandifference": rows,
        "verdict": verdicts,
      ])
      return
    }
    print("revision \(first["revision"] ?? "") to \(first["until"] ?? ""): \(rows.count) objects differ")
    for row in rows {
      let (before, after) = (Self.text(row, "before"), Self.text(row, "after"))
      let place = "\(Self.text(row, "node")) \(Self.text(row, "router"))".trimmingSuffix()
      let text =
        switch Self.text(row, "action") {
        case "create": "+ \(place)  \(after)"
        case "remove": "- \(place)  \(before)"
        default: "~ \(place)  \(before)" + (before == after ? "" : " → \(after)")
        }
      print(text + Self.owner(row))
    }
    for verdict in verdicts {
      let counts = "\(verdict["put"] ?? 0) put, \(verdict["removed"] ?? 0) removed"
      let reasons = (verdict["reason"] as? [String] ?? []).joined(separator: "; ")
      print(
        Self.text(verdict, "verdict") == "hold"
          ? "guard of \(Self.text(verdict, "node")): HOLDS until confirmed (\(counts)): \(reasons)"
          : "guard of \(Self.text(verdict, "node")): follows (\(counts))")
    }
  }

  private static func text(_ row: APIClient.Object, _ name: String) -> String { row[name] as? String ?? "" }

  private static func owner(_ row: APIClient.Object) -> String {
    (row["account"] as? String).map { "  of \($0)" } ?? ""
  }

  private func printJSON(_ document: [String: Any]) throws {
    let data = try JSONSerialization.data(withJSONObject: document, options: [.prettyPrinted, .sortedKeys])
    print(String(decoding: data, as: UTF8.self))
  }
}
