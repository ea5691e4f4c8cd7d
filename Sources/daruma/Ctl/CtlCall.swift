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
    _ = try CallArguments(parameters)
    guard (1...86_400).contains(timeout) else { throw ValidationError("--timeout is 1 to 86400 seconds") }
  }

  func run() async throws {
    let client = try target.client()
    var answer = try await client.call(command, try CallArguments(parameters).values)
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
    _ = try CallArguments(parameters)
    guard Self.things[thing.lowercased()] != nil else {
      let near = Self.things.keys.filter { $0.hasPrefix(thing.lowercased().prefix(3)) }.sorted()
      throw ValidationError(
        "There is no list of \(thing)" + (near.isEmpty ? "" : "; did you mean \(near.joined(separator: ", "))?"))
    }
  }

  func run() async throws {
    guard let name = Self.things[thing.lowercased()], let command = Catalog.command(name) else { return }
    var values = try CallArguments(parameters).values
    let known = Set(command.parameters.map(\.name))
    if !own, known.contains("listall"), values["listall"] == nil { values["listall"] = "true" }
    if known.contains("templatefilter"), values["templatefilter"] == nil { values["templatefilter"] = "executable" }
    let client = try target.client()
    let answer =
      try await known.contains("page") && values["page"] == nil
      ? pages(client, name, values) : client.call(name, values)
    try Rows.print(answer, json: json, columns: columns?.split(separator: ",").map(String.init) ?? [])
  }

  /// All pages of a list as one answer.
  private func pages(
    _ client: APIClient, _ command: String, _ values: [String: String]
  ) async throws -> APIClient.Object {
    var rows: [APIClient.Object] = []
    var name = "row"
    while true {
      let page = ["page": "\(rows.count / 500 + 1)", "pagesize": "500"]
      let answer = try await client.call(command, values.merging(page) { own, _ in own })
      guard let (found, list) = Rows.list(in: answer) else { break }
      name = found
      rows += list
      if list.count < 500 { break }
    }
    return rows.isEmpty ? [:] : [name: rows, "count": rows.count]
  }
}

/// `name=value` texts.
struct CallArguments {
  var values: [String: String] = [:]

  init(_ texts: [String]) throws {
    for text in texts {
      guard let sign = text.firstIndex(of: "="), sign != text.startIndex else {
        throw ValidationError("\(text) is not name=value")
      }
      let name = text[..<sign].lowercased()
      guard !["command", "apikey", "signature", "response"].contains(name) else {
        throw ValidationError("\(name) is set by itself")
      }
      values[name] = String(text[text.index(after: sign)...])
    }
  }
}
