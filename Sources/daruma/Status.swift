import ArgumentParser
import Foundation
import FoundationNetworking
import Kernel
import Ledger

struct Status: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Show how the cloud of this machine stands.",
    discussion: "Exit code 0: all is verified; 1: something is not; 3: it does not run.")

  @OptionGroup var state: StateOption
  @Flag(help: "Print JSON.") var json = false

  func run() async throws {
    let folder = state.folder
    guard FileManager.default.fileExists(atPath: folder.cloud) else {
      throw CommandFailure("There is no cloud in \(folder.path); start one with `daruma up`.")
    }
    let managers = StateFolder.read(CloudFile.self, folder.cloud)?.allManagers ?? []
    let processes = managers.map(\.name) + ["agent"]
    let running = processes.filter { folder.running($0) != nil }
    let refusals = managers.compactMap { manager in
      (try? String(contentsOfFile: folder.refusal(of: manager.name), encoding: .utf8)).map {
        (manager.name, $0.trimmingSuffix())
      }
    }
    let roles = await Self.roles(managers.filter { running.contains($0.name) })
    var scopes: [APIClient.Object] = []
    var holds: [APIClient.Object] = []
    let asked = managers.first { roles[$0.name] == "leads" } ?? managers.first { running.contains($0.name) }
    if let asked, let admin = StateFolder.read(AdminFile.self, folder.admin) {
      let client = APIClient(admin).at(port: asked.port)
      scopes = (try? await client.list("listDataplaneScopes")) ?? []
      holds = (try? await client.list("listHeldRemovals")) ?? []
    }
    let isVerified =
      running.count == processes.count && refusals.isEmpty && !scopes.isEmpty && holds.isEmpty
      && scopes.allSatisfy { $0["phase"] as? String == "verified" && $0["current"] as? Bool == true }
    let archive = running.contains("manager") ? StateFolder.read(ArchiveState.self, folder.archiveState) : nil
    if json {
      let document: [String: Any] = [
        "running": running, "roles": roles, "refusal": refusals.first?.1 ?? NSNull(), "verified": isVerified,
        "scopes": scopes, "held": holds, "archive": Self.object(archive),
      ]
      let data = try JSONSerialization.data(withJSONObject: document, options: [.prettyPrinted, .sortedKeys])
      print(String(decoding: data, as: UTF8.self))
    } else {
      for name in processes {
        let role = roles[name].map { ", \($0)" } ?? ""
        print("\(name): \(running.contains(name) ? "running" : "not running")\(role)")
      }
      for (name, reason) in refusals { print("the \(name) refuses to lead: \(reason)") }
      for hold in holds where hold["held"] as? Int == 0 {
        print("\(hold["node"] ?? "") and the manager do not belong together: \(hold["reason"] ?? "")")
      }
      for hold in holds where hold["held"] as? Int != 0 {
        print(
          "held by \(hold["node"] ?? ""): \(hold["held"] ?? 0) removals, \(hold["reason"] ?? ""); confirm as \(hold["confirmation"] ?? "")"
        )
      }
      if let archive { print(archive.text) }
      for scope in scopes {
        let services = (scope["service"] as? [APIClient.Object] ?? []).map {
          "\($0["name"] ?? "") \($0["verified"] ?? 0)/\($0["wanted"] ?? 0)"
        }.joined(separator: ", ")
        print("\(scope["scope"] ?? "")  \(scope["phase"] ?? "")  \(services)  \(scope["message"] ?? "")")
      }
    }
    if running.isEmpty { throw ExitCode(3) }
    if !isVerified { throw ExitCode(1) }
  }

  private static func object(_ archive: ArchiveState?) -> Any {
    guard let archive else { return NSNull() }
    return [
      "folder": archive.folder, "archived": archive.archived, "last": archive.last,
      "base": archive.base.map { $0 as Any } ?? NSNull(),
      "behindsince": archive.behindSince.map { $0.formatted(.iso8601) as Any } ?? NSNull(),
      "trouble": archive.trouble.map { $0 as Any } ?? NSNull(),
    ]
  }

  /// Which of several managers leads and which follow, as they say.
  static func roles(_ managers: [(name: String, port: Int)]) async -> [String: String] {
    struct Health: Decodable { let role: String }
    let configuration = URLSessionConfiguration.ephemeral
    configuration.timeoutIntervalForRequest = 2
    let session = URLSession(configuration: configuration)
    var roles: [String: String] = [:]
    for manager in managers {
      guard let url = URL(string: "http://127.0.0.1:\(manager.port)/health"),
        let (data, _) = try? await session.data(from: url),
        let health = try? JSONDecoder().decode(Health.self, from: data)
      else { continue }
      roles[manager.name] = health.role
    }
    return roles
  }
}
