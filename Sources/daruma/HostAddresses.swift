import Addresses
import Foundation
import Glibc

/// Addresses that the host itself talks to, so that a route for the cloud's public range never takes them away: its name
/// servers, the sources that it installs packages from, and the peers of its open connections.
enum HostAddresses {
  /// By address, what it is used for.
  static func inUse(within prefix: IPv4Prefix) -> [IPv4: String] {
    var found: [IPv4: String] = [:]
    for peer in peers() where prefix.contains(peer) { found[peer] = "a connection that is open" }
    for host in packageSources() {
      for address in resolve(host) where prefix.contains(address) { found[address] = host }
    }
    for line in lines("/etc/resolv.conf") {
      let words = line.split(separator: " ")
      if words.count > 1, words[0] == "nameserver", let address = IPv4(words[1]), prefix.contains(address) {
        found[address] = "its name server"
      }
    }
    for line in lines("/etc/hosts") {
      if let word = line.split(whereSeparator: \.isWhitespace).first, let address = IPv4(word), prefix.contains(address)
      {
        found[address] = "a host of /etc/hosts"
      }
    }
    return found
  }

  private static func lines(_ path: String) -> [Substring] {
    ((try? String(contentsOfFile: path, encoding: .utf8)) ?? "").split(separator: "\n")
  }

  private static func packageSources() -> Set<String> {
    let folder = "/etc/apt/sources.list.d"
    let files = ((try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []).map { "\(folder)/\($0)" }
    var hosts: Set<String> = ["pypi.org", "files.pythonhosted.org"]
    for path in files + ["/etc/apt/sources.list"] {
      for word in lines(path).flatMap({ $0.split(whereSeparator: \.isWhitespace) }) where word.hasPrefix("http") {
        if let host = URL(string: String(word))?.host { hosts.insert(host) }
      }
    }
    return hosts
  }

  /// Peers of established TCP connections.
  private static func peers() -> [IPv4] {
    lines("/proc/net/tcp").dropFirst().compactMap { line in
      let words = line.split(separator: " ")
      guard words.count > 3, words[3] == "01", let peer = words[2].split(separator: ":").first,
        let value = UInt32(peer, radix: 16)
      else { return nil }
      return IPv4(UInt32(bigEndian: value))
    }
  }

  /// Looks a name up, for two seconds at the most.
  private static func resolve(_ host: String) -> [IPv4] {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/timeout")
    process.arguments = ["2", "getent", "ahostsv4", host]
    let output = Pipe()
    process.standardOutput = output
    process.standardError = FileHandle.nullDevice
    guard (try? process.run()) != nil else { return [] }
    let data = output.fileHandleForReading.readDataToEndOfFile()
    process.waitUntilExit()
    return String(decoding: data, as: UTF8.self).split(separator: "\n").compactMap { line in
      line.split(separator: " ").first.flatMap { IPv4($0) }
    }
  }
}
