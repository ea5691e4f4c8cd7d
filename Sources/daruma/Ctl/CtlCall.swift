import ArgumentParser
import CloudStackAPI
import Foundation

struct CtlCall: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "call", abstract: "Call a command of the API, and wait for its job if it has one.",
    discussion: """
      Examples:
        daruma ctl call deployVirtualMachine zoneid=… templateid=… serviceofferingid=… name=web
        daruma ctl call deleteNetwork id=… dryrun=true
        daruma ctl call listZones --json
      """)

  @OptionGroup var target: ClientOption
  @Argument(help: "The command's name.", completion: .list(Catalog.all.map(\.name))) var command: String
  @Argument(help: "Parameters, as name=value.") var parameters: [String] = []
  @Flag(help: "Answer with the job's id at once.") var noWait = false
  @Option(help: "How many seconds to wait for the job at most.") var timeout = 600
  @Flag(help: "Print JSON.") var json = false

  func validate() throws {
    _ = try CallArguments(parameters, of: try known())
    guard (1...86_400).contains(timeout) else { throw ValidationError("--timeout is 1 to 86400 seconds") }
  }

  private func known() throws -> Command {
    if let known = Catalog.command(command) { return known }
    let name = command.lowercased()
    if let known = Catalog.all.first(where: { $0.lowercasedName == name }) { return known }
    throw ValidationError("There is no command \(command)" + Near.told(command, Catalog.all.map(\.name)))
  }

  func run() async throws {
    let client = try target.client()
    let known = try known()
    let command = known.name
    var answer = try await client.call(command, try CallArguments(parameters, of: known).values)
    if let job = answer["jobid"] as? String, !noWait, command != "queryAsyncJobResult" {
      answer = try await JobWait(client: client, job: job, command: command, limit: .seconds(timeout)).result()
    }
    try Rows.print(answer, json: json, columns: [])
  }
}

struct CtlList: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "list", abstract: "List what there is: instances, zones, networks, addresses and so on.",
    discussion: """
      Examples:
        daruma ctl list instances
        daruma ctl list instances state=Running --columns id,name,zonename
        daruma ctl list zones --json
      """)

  @OptionGroup var target: ClientOption
  @Argument(help: "What to list, such as instances.", completion: .list(CtlList.things.keys.sorted()))
  var thing: String
  @Argument(help: "Parameters of the command, as name=value.") var parameters: [String] = []
  @Option(help: "The columns to print, with commas between.") var columns: String?
  @Flag(help: "Only your own, of the accounts that you may see.") var own = false
  @Flag(help: "Print JSON.") var json = false

  /// By what people call them: the rest of the command's name, and the words that CloudStack's own pages use.
  static let things: [String: String] = {
    var things: [String: String] = [:]
    for command in Catalog.all where command.name.hasPrefix("list") {
      things[command.name.dropFirst(4).lowercased()] = command.name
    }
    for (word, command) in [
      "instances": "listVirtualMachines", "addresses": "listPublicIpAddresses", "jobs": "listAsyncJobs",
      "loadbalancers": "listLoadBalancerRules", "ranges": "listVlanIpRanges", "offerings": "listServiceOfferings",
    ] where Catalog.command(command) != nil { things[word] = command }
    return things
  }()

  func validate() throws {
    let command = try command()
    _ = try CallArguments(parameters, of: command)
    let fields = command.response.fields.map(\.name)
    for column in wanted where !fields.contains(column) {
      throw ValidationError("\(command.name) tells no \(column)" + Near.told(column, fields))
    }
  }

  private var wanted: [String] { (columns ?? "").split(separator: ",").map(String.init) }

  private func command() throws -> Command {
    guard let command = Self.things[thing.lowercased()].flatMap(Catalog.command) else {
      throw ValidationError("There is no list of \(thing)" + Near.told(thing, Array(Self.things.keys)))
    }
    return command
  }

  func run() async throws {
    let command = try command()
    let name = command.name
    var values = try CallArguments(parameters, of: command).values
    let known = Set(command.parameters.map(\.name))
    if !own, known.contains("listall"), values["listall"] == nil { values["listall"] = "true" }
    if known.contains("templatefilter"), values["templatefilter"] == nil { values["templatefilter"] = "executable" }
    let client = try target.client()
    let answer =
      try await known.contains("page") && values["page"] == nil && values["pagesize"] == nil
      ? pages(client, name, values) : client.call(name, values)
    try Rows.print(answer, json: json, columns: wanted)
  }

  /// All pages of a list as one answer.
  private func pages(
    _ client: APIClient, _ command: String, _ values: [String: String]
  ) async throws -> APIClient.Object {
    // As many as the cloud tells at a time are its pages.
    let first = try await client.call(command, values)
    guard case (let name, var rows)? = Rows.list(in: first), let all = first["count"] as? Int else { return first }
    let size = rows.count
    while size > 0, rows.count < all, rows.count.isMultiple(of: size) {
      let page = ["page": "\(rows.count / size + 1)", "pagesize": "\(size)"]
      let answer = try await client.call(command, values.merging(page) { $1 })
      guard let list = Rows.list(in: answer)?.rows, !list.isEmpty else { break }
      rows += list
    }
    return [name: rows, "count": rows.count]
  }
}

/// `name=value` texts.
struct CallArguments {
  var values: [String: String] = [:]

  /// Refuses what the command does not know. A server would ignore it, and do what was not meant.
  init(_ texts: [String], of command: Command) throws {
    let known = command.parameters.map(\.name) + command.refused.map(\.name)
    for text in texts {
      guard let sign = text.firstIndex(of: "="), sign != text.startIndex else {
        throw ValidationError("\(text) is not name=value")
      }
      // The fields of maps, such as details[0].key, are data.
      let bracket = text[..<sign].firstIndex(of: "[") ?? sign
      let name = text[..<bracket].lowercased()
      guard !["command", "apikey", "signature", "response"].contains(name) else {
        throw ValidationError("\(name) is set by itself")
      }
      guard known.contains(name) else {
        throw ValidationError("\(command.name) has no parameter \(name)" + Near.told(name, known))
      }
      values[name + text[bracket..<sign]] = String(text[text.index(after: sign)...])
    }
  }
}

/// Names like one that nobody has.
enum Near {
  static func told(_ text: String, _ names: [String]) -> String {
    let begin = text.lowercased().prefix(max(3, text.count / 2))
    let near = names.filter { $0.lowercased().hasPrefix(begin) }.sorted().prefix(8)
    return near.isEmpty ? "" : "; did you mean \(near.joined(separator: ", "))?"
  }
}
