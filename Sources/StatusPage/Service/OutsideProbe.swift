import FoundationEssentials
import NIOCore
import NIOHTTP1
import NIOPosix
import Synchronization

/// A look at a component from outside the cloud, as a customer has it.
package struct OutsideProbe: Sendable, Codable {
  package var component: Component
  package var kind: FaultKind
  /// `http(s)://…`, where any answer below 500 is well, or `tcp://host:port`.
  package var target: String

  package init(component: Component, kind: FaultKind, target: String) {
    self.component = component
    self.kind = kind
    self.target = target
  }

  static let limit = Duration.seconds(3)
  static let interval = Duration.seconds(2)

  /// - Throws: why it is not well.
  func look(trust: TrustRoots) async throws {
    if let address = WebAddress(target) {
      let status = try await WebRequest(address: address, method: .GET, limit: Self.limit, trust: trust).send()
      guard status < 500 else { throw NetworkError("\(target.clipped) answered \(status)") }
      return
    }
    guard let (host, port) = Self.endpoint(target) else { throw NetworkError("“\(target.clipped)” is no target") }
    try await limited(Self.limit, target.clipped) {
      guard let address = try await Resolver.addresses(host, port).first else { throw NetworkError("no address") }
      let channel = try await ClientBootstrap(group: .singletonMultiThreadedEventLoopGroup)
        .connectTimeout(.seconds(3)).connect(to: address).get()
      try await channel.close().get()
    }
  }

  private static func endpoint(_ target: String) -> (String, Int)? {
    guard target.hasPrefix("tcp://"), let colon = target.lastIndex(of: ":"),
      let port = Int(target[target.index(after: colon)...]), (1...65535).contains(port)
    else { return nil }
    let host = target[..<colon].dropFirst(6).trimmingPrefix("[")
    return (host.hasSuffix("]") ? String(host.dropLast()) : String(host), port)
  }

  package var isValid: Bool { WebAddress(target) != nil || Self.endpoint(target) != nil }
}

/// The newest outside look at each component.
final class OutsideLooks: Sendable {
  private let looks = Mutex<[String: Look]>([:])

  func saw(_ component: String, isFailing: Bool, began: Moment, now: Moment) {
    looks.withLock { looks in
      let before = looks[component]
      let since = before.map { $0.isFailing == isFailing ? $0.since : began } ?? began
      looks[component] = Look(.outside, isFailing: isFailing, since: since, at: now)
    }
  }

  subscript(component: String) -> Look? { looks.withLock { $0[component] } }

  func run(_ probes: [OutsideProbe], trust: TrustRoots) async throws {
    try await withThrowingTaskGroup(of: Void.self) { group in
      for probe in probes {
        group.addTask {
          while true {
            let began = Moment(Date())
            let isFailing: Bool
            do {
              try await probe.look(trust: trust)
              isFailing = false
            } catch { isFailing = true }
            try Task.checkCancellation()
            self.saw(probe.component.id, isFailing: isFailing, began: began, now: Moment(Date()))
            try await Task.sleep(for: OutsideProbe.interval)
          }
        }
      }
      try await group.waitForAll()
    }
  }
}
