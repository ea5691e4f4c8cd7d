import FoundationEssentials
import Glibc

@testable import Hypervisor

/// A network namespace with a tap, DHCP and a metadata service, and a state folder; removed by `remove`.
final class Lab: Sendable {
  let name = "hv\(UInt32.random(in: 0...UInt32.max))"
  let folder: String
  let template: String
  var namespace: String { "/run/netns/\(name)" }
  static let gateway = "10.9.0.1"
  static let address = "10.9.0.7"
  static let mac = "02:00:00:00:00:01"

  init() async throws {
    folder = "/tmp/daruma-\(name)"
    template = ProcessInfo.processInfo.environment["DARUMA_TINY_TEMPLATE"] ?? "/var/cache/daruma/tiny"
    try TextFile.makeFolder(folder + "/metadata/latest")
    if access(template + "/template.json", R_OK) != 0 {
      let root = #filePath.split(separator: "/").dropLast(3).reduce("") { "\($0)/\($1)" }
      try await run([root + "/Scripts/build-tiny-template", template], limit: .seconds(120))
    }
    try await run(["ip", "netns", "add", name])
    try await inside(["ip", "link", "set", "lo", "up"])
    try await inside(["ip", "tuntap", "add", "tap0", "mode", "tap"])
    try await inside(["ip", "address", "add", "\(Self.gateway)/24", "dev", "tap0"])
    try await inside(["ip", "link", "set", "tap0", "up"])
    try TextFile.write(
      "#!/bin/bash\necho executed >/www/executed\n", to: folder + "/metadata/latest/user-data", mode: 0o644)
    try await inside(["busybox", "httpd", "-p", "80", "-h", folder + "/metadata"])
    try await inside([
      "dnsmasq", "--conf-file=/dev/null", "--interface=tap0", "--bind-interfaces", "--user=root", "--no-hosts",
      "--no-resolv", "--dhcp-range=10.9.0.0,static", "--dhcp-host=\(Self.mac),\(Self.address),web-1",
      "--dhcp-leasefile=\(folder)/leases", "--pid-file=\(folder)/dnsmasq.pid",
    ])
  }

  @discardableResult func run(_ arguments: [String], limit: Duration = .seconds(15)) async throws -> String {
    let log = "\(folder)/\(UInt64.random(in: 0...UInt64.max)).log"
    let status = try await Program.run(arguments, output: log, timeLimit: limit)
    let said = TextFile.read(log) ?? ""
    unlink(log)
    guard status == 0 else { throw Failure(text: "\(arguments) ended with \(String(describing: status)): \(said)") }
    return said
  }

  @discardableResult func inside(_ arguments: [String]) async throws -> String {
    try await run(["nsenter", "--net=\(namespace)"] + arguments)
  }

  func get(_ path: String) async -> String? {
    try? await inside(["curl", "--silent", "--fail", "--max-time", "2", "http://\(Self.address)\(path)"])
  }

  /// The processes in the namespace.
  func processes() async throws -> [Int32] {
    try await run(["ip", "netns", "pids", name]).split(separator: "\n").compactMap { Int32($0) }
  }

  func remove() async throws {
    for pid in try await processes() { kill(pid, SIGKILL) }
    try await run(["ip", "netns", "delete", name])
    try FileManager.default.removeItem(atPath: folder)
  }

  struct Failure: Error { var text: String }
}

/// Polls until the body gives a value; nil when the time is over.
func eventually<Value>(within limit: Duration, _ body: () async throws -> Value?) async throws -> Value? {
  let deadline = ContinuousClock.now + limit
  while true {
    if let value = try await body() { return value }
    if ContinuousClock.now >= deadline { return nil }
    try await Task.sleep(for: .milliseconds(50))
  }
}
