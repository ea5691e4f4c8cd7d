import Foundation

/// Answers of the API as people or programs read them.
enum Rows {
  /// The first of these that rows have are a table's columns.
  private static let usual = [
    "id", "name", "displayname", "username", "account", "domain", "state", "status", "ipaddress", "publicip",
    "protocol",
    "startport", "endport", "publicport", "privateport", "type", "hypervisor", "zonename", "virtualmachinename",
    "level",
    "description", "value", "created",
  ]
  private static let widest = 7

  static func print(_ answer: APIClient.Object, json: Bool, columns: [String]) throws {
    if json {
      let data = try JSONSerialization.data(
        withJSONObject: answer, options: [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes])
      return Swift.print(String(decoding: data, as: UTF8.self))
    }
    if let (_, rows) = list(in: answer) { return table(rows, columns).forEach { Swift.print($0) } }
    let object = answer.count == 1 ? answer.values.first as? APIClient.Object ?? answer : answer
    if object.isEmpty { return Swift.print("nothing") }
    let width = object.keys.map(\.count).max() ?? 0
    for (name, value) in object.sorted(by: { $0.key < $1.key }) {
      Swift.print(name.padding(toLength: width + 2, withPad: " ", startingAt: 0) + text(value))
    }
  }

  /// The list that an answer holds beside its count.
  static func list(in answer: APIClient.Object) -> (name: String, rows: [APIClient.Object])? {
    let lists = answer.compactMap { name, value in (value as? [APIClient.Object]).map { (name, $0) } }
    let others = answer.keys.filter { $0 != "count" }
    return lists.count == 1 && others.count == 1 ? lists[0] : nil
  }

  static func table(_ rows: [APIClient.Object], _ wanted: [String]) -> [String] {
    let present = Set(rows.flatMap(\.keys))
    let columns = wanted.isEmpty ? Array(usual.filter(present.contains).prefix(widest)) : wanted
    let cells = [columns] + rows.map { row in columns.map { text(row[$0]) } }
    let widths = columns.indices.map { column in cells.map { $0[column].count }.max() ?? 0 }
    return cells.map { row in
      zip(row, widths).map { $0.padding(toLength: $1, withPad: " ", startingAt: 0) }.joined(separator: "  ")
        .trimmingSuffix()
    }
  }

  /// On one line, without what would steer a terminal.
  private static func text(_ value: (any Sendable)?) -> String {
    let text =
      switch value {
      case nil: ""
      case let text as String: text
      case let flag as Bool: String(flag)
      case let number as Int: String(number)
      case let rows as [APIClient.Object]:
        rows.map { ($0["name"] ?? $0["id"]).map { "\($0)" } ?? "…" }.joined(separator: ",")
      case let object as APIClient.Object:
        object.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }.joined(separator: ",")
      case let value?: "\(value)"
      }
    return String(text.unicodeScalars.map { $0.properties.generalCategory == .control ? " " : Character($0) })
  }
}
