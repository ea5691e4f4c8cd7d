import Addresses
import FoundationEssentials
import Glibc
import Kernel
import Testing

/// A private folder for namespaces; everything in it goes when the sandbox does.
final class Sandbox {
  let folder: String
  private var paths: [String] = []
  private var children: [ChildProcess] = []

  init() throws {
    folder = "/tmp/daruma-kernel-\(UInt64.random(in: 0 ... .max))"
    try MountPoint.prepare(folder)
  }

  deinit {
    for child in children { _ = try? child.terminate(grace: .zero) }
    for path in paths { try? NetworkNamespace.unmount(path: path) }
    try? MountPoint.release(folder)
    try? FileManager.default.removeItem(atPath: folder)
  }

  func namespace(_ name: String) throws -> NetworkNamespace {
    let path = "\(folder)/\(name)"
    paths.append(path)
    return try NetworkNamespace.create(at: path)
  }

  func start(_ executable: String, _ arguments: [String], in namespace: NetworkNamespace? = nil) throws -> ChildProcess
  {
    let child = try ChildProcess.spawn(executable: executable, arguments: arguments, namespace: namespace)
    children.append(child)
    return child
  }

  /// What a program prints.
  func output(_ executable: String, _ arguments: [String]) throws -> String {
    let log = "\(folder)/output-\(UInt64.random(in: 0 ... .max))"
    let child = try ChildProcess.spawn(executable: executable, arguments: arguments, logPath: log)
    children.append(child)
    try eventually { !child.isAlive }
    return String(decoding: try Data(contentsOf: URL(filePath: log)), as: UTF8.self)
  }

  func ruleset(_ namespace: NetworkNamespace) throws -> String {
    try output("/usr/bin/nsenter", ["--net=\(namespace.path)", "/usr/sbin/nft", "list", "ruleset"])
  }
}

func eventually(_ condition: () throws -> Bool) throws {
  for _ in 0..<2000 {
    if try condition() { return }
    usleep(5000)
  }
  Issue.record("the condition did not come true in ten seconds")
}

func ip(_ text: String) throws -> IPv4 { try #require(IPv4(text)) }
func net(_ text: String) throws -> IPv4Prefix { try #require(IPv4Prefix(text)) }
