import ArgumentParser
import Foundation

/// Where an API is, whose keys sign and which certificates are believed: what `cs` and CloudMonkey keep in their own files.
struct ClientConfiguration: Sendable {
  var endpoint: String
  var apiKey: String
  var secretKey: String
  var trust = Trust.system

  var client: APIClient { APIClient(endpoint: endpoint, apiKey: apiKey, secretKey: secretKey, trust: trust) }

  /// As `cs` does it: `CLOUDSTACK_ENDPOINT` and so on, or a section per region with `endpoint`, `key` and `secret`. Of its
  /// files a later one wins, over the environment too unless `CLOUDSTACK_OVERRIDES` names what does not.
  static func cs(
    _ texts: [String], region: String?, environment: [String: String]
  ) -> ClientConfiguration? {
    let names = ["endpoint", "key", "secret", "verify", "dangerous_no_tls_verify"]
    var told: [String: String] = [:]
    for name in names {
      if let value = environment["CLOUDSTACK_\(name.uppercased())"], !value.isEmpty { told[name] = value }
    }
    let overrides = (environment["CLOUDSTACK_OVERRIDES"] ?? "").lowercased().split { !$0.isLetter && $0 != "_" }
    var values = region == nil ? told : [:]
    if values["endpoint"] == nil || !overrides.isEmpty {
      let section = region ?? environment["CLOUDSTACK_REGION"] ?? "cloudstack"
      let files = texts.map(sections)
      for name in ["DEFAULT", section] where files.contains(where: { $0[section] != nil }) {
        for file in files { values.merge((file[name] ?? [:]).filter { !$0.value.isEmpty }) { $1 } }
      }
      values.merge(told.filter { overrides.contains(Substring($0.key)) }) { $1 }
    }
    guard let endpoint = values["endpoint"], let key = values["key"], let secret = values["secret"] else { return nil }
    let isCareless = ["y", "yes", "t", "true", "on", "1"].contains(values["dangerous_no_tls_verify"]?.lowercased())
    return ClientConfiguration(
      endpoint: endpoint, apiKey: key, secretKey: secret,
      trust: values["verify"].map(Trust.file) ?? (isCareless ? .anybody : .system))
  }

  /// A file of CloudMonkey: a section per profile with `url`, `apikey` and `secretkey`; what stands above them, or in a
  /// section `core`, names one and says whether certificates are verified.
  static func cloudMonkey(_ text: String, profile: String?) -> ClientConfiguration? {
    let sections = sections(text)
    let core = (sections["core"] ?? [:]).merging(sections[""] ?? [:]) { $1 }
    guard let values = sections[profile ?? core["profile"] ?? "localcloud"], let url = values["url"],
      let key = values["apikey"], let secret = values["secretkey"], !key.isEmpty, !secret.isEmpty
    else { return nil }
    let isCareless = (values["verifysslcert"] ?? core["verifycert"])?.lowercased() == "false"
    return ClientConfiguration(
      endpoint: url, apiKey: key, secretKey: secret, trust: isCareless ? .anybody : .system)
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
        sections[name] = sections[name] ?? [:]
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
    let isChosen =
      profile != nil
      || ["ENDPOINT", "REGION", "CONFIG"].contains { environment["CLOUDSTACK_\($0)"]?.isEmpty == false }
    if !isChosen, geteuid() == 0, FileManager.default.fileExists(atPath: state.folder.admin) {
      return try state.administrator()
    }
    guard var found = try configuration(environment) else {
      throw CommandFailure(
        profile.map { "Neither ~/.cloudstack.ini nor ~/.cmk/config has a section \($0) with an endpoint and keys." }
          ?? "No cloud runs in \(state.folder.path), or you are not root; name a cloud in ~/.cloudstack.ini (as `cs` "
          + "reads it) or ~/.cmk/config, or set CLOUDSTACK_ENDPOINT, CLOUDSTACK_KEY and CLOUDSTACK_SECRET.")
    }
    if found.trust == .system, let path = environment["SSL_CERT_FILE"], !path.isEmpty { found.trust = .file(path) }
    return found.client
  }

  private func configuration(_ environment: [String: String]) throws -> ClientConfiguration? {
    let home = environment["HOME"] ?? NSHomeDirectory()
    let own = environment["CLOUDSTACK_CONFIG"].map { $0.hasPrefix("~/") ? home + $0.dropFirst() : $0 }
    let texts = try [home + "/.cloudstack.ini", "cloudstack.ini", own].compactMap { try $0.flatMap(Self.read) }
    if let found = ClientConfiguration.cs(texts, region: profile, environment: environment) { return found }
    let text = try Self.read(home + "/.cmk/config") ?? Self.read(home + "/.cloudmonkey/config")
    return text.flatMap { ClientConfiguration.cloudMonkey($0, profile: profile) }
  }

  /// Nil where there is no such file. Configurations are small; what is larger is none.
  private static func read(_ path: String) throws -> String? {
    guard FileManager.default.fileExists(atPath: path) else { return nil }
    guard let file = FileHandle(forReadingAtPath: path), let data = try file.read(upToCount: 1 << 20) else {
      throw CommandFailure("\(path) cannot be read")
    }
    return String(decoding: data, as: UTF8.self)
  }
}
