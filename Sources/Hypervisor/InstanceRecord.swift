import FoundationEssentials
import Glibc
import Kernel

/// What the node knows of an instance that it started: `instance.json` in the instance's folder. Enough to find the
/// instance again after the agent was restarted, and to tell that it is from before the machine was.
struct InstanceRecord: Codable, Hashable, Sendable {
  enum Kind: String, Codable { case qemu, simulator }

  struct NIC: Codable, Hashable, Sendable {
    var port: String
    var address: UInt32
    var mac: UInt64
    var prefixLength: Int
    var gateway: UInt32
  }

  var id: String
  var kind: Kind
  var hostName: String
  var bootID: String
  var bootCount: UInt32
  var nics: [NIC]
  /// Simulators: further addresses by port, which may change while the instance runs.
  var secondary: [String: [UInt32]]?
  /// Simulators: which namespace it is, and its server.
  var namespace: UInt64?
  var process: ChildProcess?
  /// Machines: what it was started with.
  var definition: String?
}

/// `STATE/instances/<id>`, and where the namespace of a simulator is.
struct InstanceFolder: Sendable {
  let id: String
  let path: String
  let namespacePath: String

  init(state: String, id: String) {
    self.id = id
    path = InstanceFolder.all(state) + "/" + id
    namespacePath = InstanceFolder.namespaces(state) + "/" + InstanceFolder.namespaceName(id)
  }

  static func all(_ state: String) -> String { state + "/instances" }
  static func namespaces(_ state: String) -> String { state + "/run/netns" }
  static func namespaceName(_ id: String) -> String { "i-" + id.filter { $0 != "-" }.prefix(12) }

  /// An id becomes part of a path, so it is nothing but letters, digits and hyphens.
  static func isValid(_ id: String) -> Bool {
    (1...64).contains(id.utf8.count)
      && id.utf8.allSatisfy { byte in
        (0x30...0x39).contains(byte) || (0x61...0x7a).contains(byte) || (0x41...0x5a).contains(byte) || byte == 0x2d
      }
  }

  var record: InstanceRecord? {
    guard let text = TextFile.read(path + "/instance.json") else { return nil }
    return try? JSONDecoder().decode(InstanceRecord.self, from: Data(text.utf8))
  }

  func write(_ record: InstanceRecord) throws {
    try TextFile.makeFolder(path)
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys]
    try VolatileFile.write(String(decoding: encoder.encode(record), as: UTF8.self) + "\n", to: path + "/instance.json")
  }

  func remove() throws {
    if access(path, F_OK) != 0 { return }
    try FileManager.default.removeItem(atPath: path)
  }

  /// The ids of all folders there are.
  static func ids(_ state: String) -> [String] {
    guard let folder = opendir(all(state)) else { return [] }
    defer { closedir(folder) }
    var ids: [String] = []
    while let entry = readdir(folder) {
      let name = withUnsafeBytes(of: &entry.pointee.d_name) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
      if isValid(name) { ids.append(name) }
    }
    return ids.sorted()
  }
}

/// Files that may be lost with the machine's power, as what they tell of is lost then too.
enum VolatileFile {
  static func write(_ text: String, to path: String) throws {
    let new = path + ".new"
    let descriptor = open(new, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644)
    if descriptor < 0 { throw failure(path) }
    defer { close(descriptor) }
    var rest = Array(text.utf8)[...]
    while !rest.isEmpty {
      let count = rest.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
      if count < 0 && errno == EINTR { continue }
      if count <= 0 { throw failure(path) }
      rest = rest.dropFirst(count)
    }
    if rename(new, path) < 0 { throw failure(path) }
  }

  private static func failure(_ path: String) -> HypervisorError {
    HypervisorError(.fileSystem, "cannot write \(path): \(String(cString: strerror(errno)))")
  }
}

/// Tells one start of the machine from the next.
package enum BootID {
  package static let current = PrivateLibvirt.bootID()
}
