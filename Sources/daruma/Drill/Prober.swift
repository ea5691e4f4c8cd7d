import Addresses
import Foundation
import Kernel
import Synchronization

/// Sends datagrams from the public side to every target in turn and notes which were answered, when, and by whom. Half of the
/// sockets keep their source port all through, the other half are replaced now and then: old and new connections.
final class Prober: Sendable {
  struct Probe: Sendable {
    let service: DrillStage.Target.Service
    /// Nanoseconds since 1970.
    let sentAt: Int64
    var answeredAt: Int64 = 0
  }

  struct Results: Sendable {
    var probes: [Probe] = []
    var wrong = 0
    /// Answers of the right instance that came from its own address, since the gateway's rules went while they were on their
    /// way. Whoever asked does not take them, so they count as lost.
    var untranslated = 0
    /// By target, when its last right answer left it.
    var answered: [Int64] = []
    var targets: [DrillStage.Target] = []
    var isEveryAnswered = false
  }

  private struct Record {
    var results: Results
    var lastSent: [Int64]
  }

  private static let sockets = 8
  private static let round = 40_000_000  // nanoseconds for one datagram to each target
  private let record: Mutex<Record>
  private let isStopped = Atomic(false)
  private let thread = WorkThread("prober")

  init(_ targets: [DrillStage.Target], from side: PublicSide) throws {
    var results = Results()
    results.targets = targets
    results.answered = Array(repeating: 0, count: targets.count)
    record = Mutex(Record(results: results, lastSent: Array(repeating: 0, count: targets.count)))
    let namespace = side.namespace
    var sockets: [Int32] = []
    for _ in 0..<Self.sockets { sockets.append(try Self.socket(namespace)) }
    let first = sockets
    thread.start { [self] in loop(targets, first, namespace) }
  }

  var results: Results { record.withLock { $0.results } }

  private static func socket(_ namespace: NetworkNamespace) throws -> Int32 {
    try NamespaceSocket.bindUDP(PublicSide.address, port: 0, in: namespace).release()
  }

  private func loop(_ targets: [DrillStage.Target], _ first: [Int32], _ namespace: NetworkNamespace) {
    var sockets = first
    let pause = max(20_000, Self.round / max(1, targets.count))
    var number = 0
    while !isStopped.load(ordering: .relaxed) {
      let position = number % targets.count
      if position == 0, number > 0 {
        // The upper half changes its source ports, one socket a round.
        let changing = Self.sockets / 2 + (number / targets.count) % (Self.sockets / 2)
        if let fresh = try? Self.socket(namespace) {
          receive(sockets[changing], targets)
          close(sockets[changing])
          sockets[changing] = fresh
        }
      }
      send(number, position, targets[position], sockets[(number / targets.count) % Self.sockets])
      for socket in sockets { receive(socket, targets) }
      var rest = timespec(tv_sec: 0, tv_nsec: pause)
      nanosleep(&rest, nil)
      number += 1
    }
    for socket in sockets { close(socket) }
  }

  private func send(_ number: Int, _ position: Int, _ target: DrillStage.Target, _ socket: Int32) {
    let now = Timestamp.now()
    record.withLock { record in
      record.results.probes.append(Probe(service: target.service, sentAt: now))
      record.lastSent[position] = now
    }
    let payload = Datagram.bytes(UInt32(truncatingIfNeeded: number)) + Datagram.bytes(UInt32(position))
    var peer = sockaddr_in()
    peer.sin_family = sa_family_t(AF_INET)
    peer.sin_port = DrillStage.port.bigEndian
    peer.sin_addr.s_addr = target.address.value.bigEndian
    _ = withUnsafePointer(to: &peer) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        sendto(socket, payload, payload.count, Int32(MSG_DONTWAIT), $0, socklen_t(MemoryLayout<sockaddr_in>.size))
      }
    }
  }

  /// An answer is: the guest address that was asked, then what was sent.
  private func receive(_ socket: Int32, _ targets: [DrillStage.Target]) {
    var buffer = [UInt8](repeating: 0, count: 64)
    while true {
      var peer = sockaddr_in()
      var size = socklen_t(MemoryLayout<sockaddr_in>.size)
      let count = withUnsafeMutablePointer(to: &peer) { pointer in
        pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
          recvfrom(socket, &buffer, 64, Int32(MSG_DONTWAIT), $0, &size)
        }
      }
      if count < 0 { return }
      if count < 12 { continue }
      let now = Timestamp.now()
      let by = IPv4(Datagram.word(buffer[0..<4]))
      let number = Int(Datagram.word(buffer[4..<8]))
      let position = Int(Datagram.word(buffer[8..<12]))
      guard targets.indices.contains(position) else { continue }
      let isRight = targets[position].answers.contains(by)
      let isTranslated = peer.sin_addr.s_addr == targets[position].address.value.bigEndian
      let isOwn = peer.sin_addr.s_addr == by.value.bigEndian
      record.withLock { record in
        guard record.results.probes.indices.contains(number) else { return }
        if isRight, isOwn, !isTranslated {
          record.results.untranslated += 1
        } else if isRight, isTranslated {
          record.results.probes[number].answeredAt = now
          record.results.answered[position] = max(
            record.results.answered[position], record.results.probes[number].sentAt)
        } else {
          record.results.wrong += 1
        }
      }
    }
  }

  /// Whether every target has answered a datagram that was sent after `time`.
  func everyTargetAnswered(since time: Int64) -> Bool {
    record.withLock { record in record.results.answered.allSatisfy { $0 > time } }
  }

  /// When the last of the targets was seen to answer again after `time`; 0 if not within the limit.
  func waitForEveryTarget(since time: Int64, limit: Duration) async throws -> Int64 {
    let deadline = ContinuousClock.now + limit
    while ContinuousClock.now < deadline {
      if everyTargetAnswered(since: time) {
        return record.withLock { record in
          record.results.isEveryAnswered = true
          return record.results.firstAnswers(since: time)
        }
      }
      try await Task.sleep(for: .milliseconds(2))
    }
    return 0
  }

  func stop() {
    isStopped.store(true, ordering: .relaxed)
    thread.join()
  }
}

extension Prober.Results {
  /// The time at which the last of the services' interrupted series of answers resumed: after it no probe was lost.
  func firstAnswers(since time: Int64) -> Int64 {
    let lost = probes.last {
      $0.sentAt > time && $0.answeredAt == 0 && $0.sentAt < (probes.last?.sentAt ?? 0) - 30_000_000
    }
    let resumed = probes.first { $0.answeredAt > 0 && $0.sentAt > (lost?.sentAt ?? time) }
    return resumed?.answeredAt ?? 0
  }
}
