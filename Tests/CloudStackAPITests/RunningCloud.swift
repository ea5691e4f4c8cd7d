import Control

@testable import CloudStackAPI

extension TestCloud {
  /// A cloud whose jobs end, with a node that does at once whatever it is told.
  static func running(_ body: (TestCloud) async throws -> Void) async throws {
    let cloud = try await TestCloud(patience: .seconds(10))
    let control = Task { try await cloud.control.run() }
    let node = Task { try await ObedientNode("node").run(cloud.control) }
    defer {
      node.cancel()
      control.cancel()
    }
    try await body(cloud)
  }

  /// The id of something that was just created, under its name.
  func create(_ command: String, _ name: String, _ parameters: [String: String], as keys: Keys = admin) async throws
    -> String
  {
    let told = try await call(command, parameters, as: keys)
    guard let id = told.at(command.lowercased() + "response", name, "id") else {
      throw Refused(text: "\(command): \(told.errorText ?? "no id")")
    }
    return id
  }

  struct Refused: Error { let text: String }

  /// A user's parameters beside those that are given.
  static func user(_ name: String, _ more: [String: String] = [:]) -> [String: String] {
    [
      "username": name, "password": "password", "firstname": name, "lastname": name, "email": "\(name)@example.org",
    ].merging(more) { $1 }
  }
}
