import ArgumentParser
import Foundation

/// Where an API is and whose keys sign: what `cs` and CloudMonkey keep in their own files.
struct ClientConfiguration: Sendable {
  var endpoint: String
  var apiKey: String
  var secretKey: String

  var client: APIClient { APIClient(endpoint: endpoint, apiKey: apiKey, secretKey: secretKey) }

  /// `CLOUDSTACK_ENDPOINT`, `CLOUDSTACK_KEY` and `CLOUDSTACK_SECRET`.
  static func environment(_ environment: [String: String]) -> ClientConfiguration? {
    guard let endpoint = environment["CLOUDSTACK_ENDPOINT"], let key = environment["CLOUDSTACK_KEY"],
      let secret = environment["CLOUDSTACK_SECRET"]
    else { return nil }
    return ClientConfiguration(endpoint: endpoint, apiKey: key, secretKey: secret)
  }

  /// A file of `cs`: a section per region with `endpoint`, `key` and `secret`.
  static func cs(_ text: String, region: String?) -> ClientConfiguration? {
    section(text, region ?? "cloudstack", endpoint: "endpoint", key: "key", secret: "secret")
  }

  /// A file of CloudMonkey: a section per profile with `url`, `apikey` and `secretkey`; `profile` above them names one.
  static func cloudMonkey(_ text: String, profile: String?) -> ClientConfiguration? {
    let chosen = profile ?? sections(text)[""]?["profile"] ?? sections(text)["core"]?["profile"] ?? "localcloud"
    return section(text, chosen, endpoint: "url", key: "apikey", secret: "secretkey")
  }

  private static func section(
    _ text: String, _ name: String, endpoint: String, key: String, secret: String
  ) -> ClientConfiguration? {
    guard let values = sections(text)[name], let address = values[endpoint], let own = values[key],
      let hidden = values[secret]
    else { return nil }
    return ClientConfiguration(endpoint: address, apiKey: own, secretKey: hidden)
  }

  /// What an INI file says: `[section]`, `name = value`, comments after `#` or `;` at the start of a line.
  static func sections(_ text: String) -> [String: [String: String]] {
    var sections: [String: [String: String]] = [:]
    var name = ""
    for line in text.split(whereSeparator: \.isNewline) {
      let line = line.trimmingCharacters(in: .whitespaces)
      if line.hasPrefix("#") || line.hasPrefix(";") { continue }
      if line.hasPrefix("["), line.hasSuffix("]") {
        name = String(line.dropFirst().dropLast())
        continue
      }
      guard let sign = line.firstIndex(where: { $0 == "=" || $0 == ":" }) else { continue }
      let key = line[..<sign].trimmingCharacters(in: .whitespaces).lowercased()
      sections[name, default: [:]][key] = line[line.index(after: sign)...].trimmingCharacters(in: .whitespaces)
    }
    return sections
  }
}

/// Whose API a command of `ctl` speaks to.
struct ClientOption: ParsableArguments {
  @OptionGroup var state: StateOption
  @Option(
    name: [.customLong("profile"), .customLong("region")],
    help: "A section of cs' or CloudMonkey's configuration (default: the cloud that runs here, if one does).")
  var profile: String?

  func client() throws -> APIClient {
    let environment = ProcessInfo.processInfo.environment
    if profile == nil {
      if let found = ClientConfiguration.environment(environment) { return found.client }
      if geteuid() == 0, FileManager.default.fileExists(atPath: state.folder.admin) { return try state.administrator() }
    }
    let home = environment["HOME"] ?? NSHomeDirectory()
    let region = profile ?? environment["CLOUDSTACK_REGION"]
    for path in [environment["CLOUDSTACK_CONFIG"], "cloudstack.ini", home + "/.cloudstack.ini"].compactMap({ $0 }) {
      if let text = Self.read(path), let found = ClientConfiguration.cs(text, region: region) { return found.client }
    }
    if let text = Self.read(home + "/.cmk/config") ?? Self.read(home + "/.cloudmonkey/config"),
      let found = ClientConfiguration.cloudMonkey(text, profile: profile)
    {
      return found.client
    }
    throw CommandFailure(
      profile.map { "Neither ~/.cloudstack.ini nor ~/.cmk/config has a section \($0) with an endpoint and keys." }
        ?? "No cloud runs in \(state.folder.path), or you are not root; name a cloud in ~/.cloudstack.ini (as `cs` reads "
        + "it) or ~/.cmk/config, or set CLOUDSTACK_ENDPOINT, CLOUDSTACK_KEY and CLOUDSTACK_SECRET.")
  }

  /// Configurations are small; what is larger is none.
  private static func read(_ path: String) -> String? {
    guard let data = FileManager.default.contents(atPath: path), data.count <= 1 << 20 else { return nil }
    return String(decoding: data, as: UTF8.self)
  }
}
