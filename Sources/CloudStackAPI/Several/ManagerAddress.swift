import Synchronization

/// Where one of several managers serves, as its lease tells the others: `NAME HOST:PORT`.
package struct ManagerAddress: Hashable, Sendable, CustomStringConvertible {
  package let name: String
  package let host: String
  package let port: Int

  package init(name: String, host: String, port: Int) {
    self.name = name
    self.host = host
    self.port = port
  }

  package init?(_ description: String) {
    let parts = description.split(separator: " ")
    guard parts.count == 2, let colon = parts[1].lastIndex(of: ":"),
      let port = Int(parts[1][parts[1].index(after: colon)...]), (1...65535).contains(port), colon > parts[1].startIndex
    else { return nil }
    self.init(name: String(parts[0]), host: String(parts[1][..<colon]), port: port)
  }

  package var description: String { "\(name) \(host):\(port)" }
}

/// Which manager leads, as far as this one has seen.
package final class LeaderSight: Sendable {
  private let state = Mutex<ManagerAddress?>(nil)

  package init() {}

  /// - Parameter holder: of the lease, or nil when nobody has it.
  package func see(_ holder: String?) { state.withLock { $0 = holder.flatMap { ManagerAddress($0) } } }

  package var address: ManagerAddress? { state.withLock { $0 } }

  /// Returns when another manager than `address` leads.
  func replaced(_ address: ManagerAddress) async throws {
    while true {
      if let now = self.address, now != address { return }
      try await Task.sleep(for: .milliseconds(100))
    }
  }
}
