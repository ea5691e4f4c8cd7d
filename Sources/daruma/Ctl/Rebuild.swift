import ArgumentParser
import Foundation

struct Rebuild: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Make routers from nothing again, a few at a time, each stage verified before the next.",
    discussion: """
      At most a quarter of a zone's routers are in the works at once. Connections that are still allowed go on; customers'
      own changes go first. The first router that does not come out right ends it, and is as it was before. Interrupted,
      the rebuild goes on in the cloud; `--cancel ID` ends it after the stage that is under way. Of a change that goes in
      stages it takes back what has begun; with `--release`, what waits behind a halted one follows instead.

      Examples:
        sudo ./daruma rebuild --zone basic
        sudo ./daruma rebuild --cell cell-1 --dry-run
      """)

  @OptionGroup var state: StateOption
  @Option(help: "All routers of this zone, by name or id.") var zone: String?
  @Option(help: "The gateway of this cell, by name or id.") var cell: String?
  @Option(help: "This virtual router, by id.") var router: String?
  @Option(help: "The routers that carry rules of this account, by name or id.") var account: String?
  @Option(help: "Render the rules by this version from then on.") var renderer: Int?
  @Flag(help: "Only tell what would be rebuilt.") var dryRun = false
  @Option(help: "Cancel the rebuild, or the change that goes in stages, of this id instead.") var cancel: String?
  @Flag(help: "With --cancel: let what waits behind a halted change follow.") var release = false

  func validate() throws {
    guard [zone, cell, router, account, cancel].compactMap({ $0 }).count == 1 else {
      throw ValidationError("Give one of --zone, --cell, --router, --account and --cancel.")
    }
    guard !release || cancel != nil else { throw ValidationError("--release goes with --cancel.") }
  }

  func run() async throws {
    let client = try state.administrator()
    if let cancel {
      _ = try await client.call("cancelRebuild", ["id": cancel, "release": "\(release)"])
      print(release ? "What waited follows; see listRebuilds." : "No further stage begins.")
      return
    }
    var parameters = try await subject(client)
    parameters["renderer"] = renderer.map(String.init)
    if dryRun {
      parameters["dryrun"] = "true"
      printPlan(try await client.call("rebuildNetwork", parameters))
      return
    }
    let started = try await client.call("rebuildNetwork", parameters)
    guard let job = started["jobid"] as? String else { throw CommandFailure("rebuildNetwork answered without a job") }
    try await follow(client, job)
  }

  private func subject(_ client: APIClient) async throws -> [String: String] {
    if let zone { return ["zoneid": try await id(client, "listZones", zone)] }
    if let cell { return ["cellid": try await id(client, "listCells", cell)] }
    if let account { return ["accountid": try await id(client, "listAccounts", account)] }
    return ["routerid": router ?? ""]
  }

  private func id(_ client: APIClient, _ command: String, _ name: String) async throws -> String {
    let rows = try await client.list(command, ["listall": "true"])
    guard let found = rows.first(where: { $0["id"] as? String == name || $0["name"] as? String == name }),
      let id = found["id"] as? String
    else { throw CommandFailure("There is no \(name); see \(command)") }
    return id
  }

  private func printPlan(_ answer: APIClient.Object) {
    for change in answer["change"] as? [APIClient.Object] ?? [] where change["kind"] as? String == "rollout" {
      let fields = change["field"] as? [APIClient.Object] ?? []
      guard let stages = fields.first(where: { $0["name"] as? String == "stages" })?["after"] as? [Any] else {
        continue
      }
      for (number, stage) in stages.enumerated() {
        let routers = (stage as? [APIClient.Object] ?? []).compactMap { $0["router"] as? String }
        print("stage \(number + 1): \(routers.joined(separator: " ").lowercased())")
      }
    }
  }

  private func follow(_ client: APIClient, _ job: String) async throws {
    let begin = ContinuousClock.now
    var shown = ""
    while true {
      let rows = try await client.list("listRebuilds", ["jobid": job, "listall": "true"])
      guard let rebuild = rows.first else { throw CommandFailure("the rebuild of job \(job) is not there any more") }
      let services = (rebuild["service"] as? [APIClient.Object] ?? []).map {
        "\($0["name"] ?? "") \($0["verified"] ?? 0)/\($0["wanted"] ?? 0)"
      }.joined(separator: ", ")
      let line = "stage \(rebuild["stage"] ?? 0) of \(rebuild["stages"] ?? 0)  \(services)"
      if line != shown {
        let rest = (rebuild["remainingseconds"] as? Int).map { "  about \($0) s left" } ?? ""
        print("\(Steps.format(ContinuousClock.now - begin))  \(line)\(rest)")
        shown = line
      }
      switch rebuild["state"] as? String {
      case "Completed":
        print("Rebuilt and verified in \(Steps.format(ContinuousClock.now - begin)).")
        return
      case "Failed", "Cancelled":
        throw CommandFailure("the rebuild ended early: \(rebuild["message"] ?? "")")
      default: break
      }
      try await Task.sleep(for: .milliseconds(50))
    }
  }
}
