import Addresses
import ArgumentParser
import FoundationEssentials
import Glibc
import Kernel

/// Where everything that one cloud keeps on this machine lies.
struct StateFolder: Sendable {
  let path: String

  var admin: String { path + "/admin.json" }
  var cloud: String { path + "/cloud.json" }
  var ledger: String { path + "/manager/ledger.sqlite" }
  /// Where the keys of secrets are, unless `CloudFile.secretsKeyFile` says otherwise.
  var keys: String { path + "/manager/secrets.key" }
  /// What the manager tells about them.
  var keyStanding: String { path + "/manager/keys.json" }
  var managerSocket: String { path + "/manager/agents.sock" }
  var incidents: String { path + "/manager/incidents.json" }
  /// How the archive of the ledger stands.
  var archiveState: String { path + "/manager/archive.json" }
  var refusal: String { path + "/manager/refusal.txt" }
  var templates: String { path + "/templates" }
  var logs: String { path + "/log" }
  /// Why the manager `name` cannot serve.
  func refusal(of name: String) -> String {
    name == CloudFile.firstManager ? refusal : "\(path)/manager/\(name).refusal.txt"
  }
  func record(_ process: String) -> String { "\(path)/\(process).process.json" }

  func prepare() throws {
    for folder in [path, path + "/manager", path + "/agent", logs, templates] {
      try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    }
    chmod(path, 0o700)
  }

  /// Makes this the only process of its name that uses the folder, for as long as it runs.
  func claim(_ process: String) throws {
    let descriptor = open("\(path)/\(process).lock", O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0o600)
    guard descriptor >= 0 else {
      throw CommandFailure("cannot lock \(path): \(String(cString: strerror(errno)))")
    }
    // Held open: the end of the process gives it back.
    guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
      close(descriptor)
      throw CommandFailure("Another \(process) uses \(path), and only one may; `daruma status` shows it")
    }
  }

  /// Takes away all that a cloud which never came up has written; the logs tell why.
  func forget() throws {
    for name in try FileManager.default.contentsOfDirectory(atPath: path) where path + "/" + name != logs {
      try FileManager.default.removeItem(atPath: path + "/" + name)
    }
  }

  /// Writes atomically, readable by root only.
  static func write(_ text: String, to path: String) throws {
    let temporary = "\(path).\(getpid()).tmp"
    let descriptor = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
    guard descriptor >= 0 else { throw CommandFailure("cannot write \(path): \(String(cString: strerror(errno)))") }
    let bytes = Array(text.utf8)
    let written = bytes.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
    let isDurable = written == bytes.count && fsync(descriptor) == 0
    close(descriptor)
    guard isDurable, rename(temporary, path) == 0 else {
      unlink(temporary)
      throw CommandFailure("cannot write \(path): \(String(cString: strerror(errno)))")
    }
  }

  static func read<T: Decodable>(_ type: T.Type, _ path: String) -> T? {
    guard let data = try? Data(contentsOf: URL(filePath: path)) else { return nil }
    return try? JSONDecoder().decode(type, from: data)
  }

  static func write(_ value: some Encodable, to path: String) throws {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
    try write(String(decoding: try encoder.encode(value), as: UTF8.self) + "\n", to: path)
  }

  /// The process recorded under `name`, if it still runs.
  func running(_ name: String) -> ChildProcess? {
    guard let process = Self.read(ChildProcess.self, record(name)), process.isAlive else { return nil }
    return process
  }
}

/// How a cloud was started; what a later start repeats.
struct CloudFile: Codable, Sendable, Equatable {
  var port: Int
  var publicRange: String
  /// Where instances of the Basic zone of a new cloud have their addresses, if that was chosen.
  var guestRange: String?
  var hostLink: String
  var node: String
  /// The ledger that the cloud was built in; nil until the first manager has made it.
  var ledger: String?
  /// Addresses of the range that the host keeps for itself.
  var excluded: [IPv4]?
  /// Where the keys of secrets are kept, if not in the state folder.
  var secretsKeyFile: String?
  /// The folder in which the ledger is archived, and the file with the archive's key.
  var archive: String?
  var archiveKeyFile: String?
  /// The connection string of the database that holds the ledger; nil when it is in the state folder.
  var postgresql: String?
  /// How many managers there are; nil when there is one.
  var managers: Int?
  /// Where others reach it; nil when nobody does.
  var tls: TLSListener?
  /// The port on loopback that Prometheus reads; nil when none does.
  var metricsPort: Int?
  /// Whether a new cloud has no zones at first.
  var isBare: Bool?
  /// Where calls are answered without keys, on the loopback address; nil for nowhere.
  var integrationPort: Int?
  /// The URL of the status page elsewhere that the cloud feeds, and a file with the certificates that it is known by.
  var page: String?
  var pageTrustFile: String?
}

/// The administrator's keys, for clients and scripts.
struct AdminFile: Codable, Sendable {
  var endpoint: String
  var apikey: String
  var secretkey: String
  var username: String
  var password: String
  var statusurl: String
}

/// A failure that ends the command with one sentence.
struct CommandFailure: Error, CustomStringConvertible {
  let description: String

  init(_ description: String) { self.description = description }
}

struct StateOption: ParsableArguments {
  @Option(name: .customLong("state"), help: "The folder that holds everything of this cloud.")
  var path = "/var/lib/daruma"

  var folder: StateFolder {
    StateFolder(path: path.hasPrefix("/") ? path : FileManager.default.currentDirectoryPath + "/" + path)
  }

  func requireRoot() throws {
    guard geteuid() == 0 else { throw CommandFailure("Daruma needs root for namespaces and links; run it with sudo.") }
  }
}
