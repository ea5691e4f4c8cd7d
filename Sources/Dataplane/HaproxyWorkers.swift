import Glibc

/// The workers of a haproxy, as the kernel knows them: who of them takes new connections.
struct HaproxyWorkers {
  let master: Int32

  /// Those that there are, also former ones that still end their connections.
  var all: Set<Int32> {
    let text = Files.read("/proc/\(master)/task/\(master)/children") ?? ""
    return Set(text.split(whereSeparator: { $0 == " " || $0 == "\n" }).compactMap { Int32($0) })
  }

  /// True once all of `ports` are served, and none by a worker of `former`.
  func serve(_ ports: Set<UInt16>, insteadOf former: Set<Int32>) -> Bool {
    let listening = listeningPorts()
    var served: Set<UInt16> = []
    for worker in all {
      let own = sockets(of: worker).compactMap { listening[$0] }
      if former.contains(worker) {
        if !own.isEmpty { return false }
      } else {
        served.formUnion(own)
      }
    }
    return served.isSuperset(of: ports)
  }

  /// Ports of the namespace that somebody listens to, by the socket's number.
  private func listeningPorts() -> [Substring: UInt16] {
    var found: [Substring: UInt16] = [:]
    for line in (Files.read("/proc/\(master)/net/tcp") ?? "").split(separator: "\n").dropFirst() {
      let fields = line.split(separator: " ")
      guard fields.count > 9, fields[3] == "0A", let port = fields[1].split(separator: ":").last else { continue }
      found[fields[9]] = UInt16(port, radix: 16)
    }
    return found
  }

  private func sockets(of process: Int32) -> [Substring] {
    let folder = "/proc/\(process)/fd"
    return Files.names(in: folder).compactMap { name in
      let target = [UInt8](unsafeUninitializedCapacity: 64) { bytes, count in
        let length = bytes.withMemoryRebound(to: CChar.self) { room in
          room.baseAddress.map { readlink("\(folder)/\(name)", $0, room.count) } ?? 0
        }
        count = max(length, 0)
      }
      let text = String(decoding: target, as: UTF8.self)
      guard text.hasPrefix("socket:["), text.hasSuffix("]") else { return nil }
      return text.dropFirst(8).dropLast()
    }
  }
}
