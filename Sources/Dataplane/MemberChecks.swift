import Addresses
import Glibc
import Kernel
import Synchronization

/// Finds dead members of load balancers by connecting to them from their router, every two seconds.
final class MemberChecks: Sendable {
  struct Member: Hashable, Sendable {
    var router: String
    var address: IPv4
    var port: UInt16
  }

  struct Point: Sendable {
    var namespace: NetworkNamespace
    var source: IPv4?
  }

  private struct State {
    var members: [Member: (users: Int, failures: Int)] = [:]
    var routers: [String: Point] = [:]
    var isStopped = false
  }

  private static let batch = 256
  private let state = Mutex(State())
  private let changed: @Sendable ([Member: Bool]) -> Void

  /// `changed` is told who came to life (true) or died.
  init(changed: @escaping @Sendable ([Member: Bool]) -> Void) throws {
    self.changed = changed
    try Background.start("member checks") { self.loop() }
  }

  func stop() { state.withLock { $0.isStopped = true } }

  func setRouter(_ id: String, _ point: Point?) { state.withLock { $0.routers[id] = point } }

  /// One more load balancer uses the member.
  func add(_ member: Member) { state.withLock { $0.members[member, default: (0, 0)].users += 1 } }

  func remove(_ member: Member) {
    state.withLock { state in
      guard var entry = state.members[member] else { return }
      entry.users -= 1
      state.members[member] = entry.users > 0 ? entry : nil
    }
  }

  func isAlive(_ member: Member) -> Bool { state.withLock { ($0.members[member]?.failures ?? 0) < 2 } }

  private func loop() {
    while true {
      let start = ContinuousClock.now
      let (members, routers, isStopped) = state.withLock { (Array($0.members.keys), $0.routers, $0.isStopped) }
      if isStopped { return }
      var outcome: [Member: Bool] = [:]
      for (router, all) in Dictionary(grouping: members, by: \.router) {
        guard let point = routers[router] else { continue }
        var rest = all[...]
        while !rest.isEmpty {
          check(Array(rest.prefix(Self.batch)), point, &outcome)
          rest = rest.dropFirst(Self.batch)
        }
      }
      let news = state.withLock { state in
        var news: [Member: Bool] = [:]
        for (member, isUp) in outcome {
          guard let failures = state.members[member]?.failures else { continue }
          state.members[member]?.failures = isUp ? 0 : failures + 1
          if isUp && failures >= 2 { news[member] = true }
          if !isUp && failures == 1 { news[member] = false }
        }
        return news
      }
      if !news.isEmpty { changed(news) }
      while ContinuousClock.now - start < .seconds(2) {
        if state.withLock({ $0.isStopped }) { return }
        usleep(100_000)
      }
    }
  }

  private func check(_ members: [Member], _ point: Point, _ outcome: inout [Member: Bool]) {
    let sockets = try? point.namespace.run {
      members.map { member -> Int32 in
        let descriptor = socket(
          AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue) | Int32(SOCK_NONBLOCK.rawValue), 0)
        if descriptor < 0 { return -1 }
        // Ends with a reset, so that checks leave nothing behind on either side.
        var linger = linger(l_onoff: 1, l_linger: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_LINGER, &linger, socklen_t(MemoryLayout<Glibc.linger>.size))
        if let source = point.source {
          Socket.withAddress(source, 0) { address, size in _ = bind(descriptor, address, size) }
        }
        let result = Socket.withAddress(member.address, member.port) { connect(descriptor, $0, $1) }
        if result < 0 && errno != EINPROGRESS {
          close(descriptor)
          return -1
        }
        return descriptor
      }
    }
    guard let sockets else { return }
    var watched = sockets.map { pollfd(fd: $0, events: Int16(POLLOUT), revents: 0) }
    let deadline = ContinuousClock.now + .seconds(1)
    var open = watched.filter { $0.fd >= 0 }.count
    for (index, descriptor) in sockets.enumerated() where descriptor < 0 { outcome[members[index]] = false }
    while open > 0 {
      let left = (deadline - ContinuousClock.now).components
      let milliseconds = left.seconds * 1000 + left.attoseconds / 1_000_000_000_000_000
      if milliseconds <= 0 || poll(&watched, nfds_t(watched.count), Int32(milliseconds)) <= 0 { break }
      for index in watched.indices where watched[index].fd >= 0 && watched[index].revents != 0 {
        var code: Int32 = 0
        var size = socklen_t(4)
        getsockopt(watched[index].fd, SOL_SOCKET, SO_ERROR, &code, &size)
        outcome[members[index]] = code == 0
        close(watched[index].fd)
        watched[index].fd = -1
        open -= 1
      }
    }
    for index in watched.indices where watched[index].fd >= 0 {
      outcome[members[index]] = false
      close(watched[index].fd)
    }
  }
}
