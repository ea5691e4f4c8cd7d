import Addresses
import Glibc
import Kernel
import Synchronization

/// Sends datagrams from the wan through routers and waits for their echo.
///
/// Every attempt has a source port of its own, so that it is translated by the maps and not by what conntrack remembers.
final class Prober: Sendable {
  private struct Attempt {
    var target: IPv4
    var nonce: UInt64
    var descriptors: [Int32] = []
    var deadline: ContinuousClock.Instant
    var next: ContinuousClock.Instant
    var pause: Duration
    var finish: @Sendable (Bool) -> Void
  }

  private struct State {
    var queue: [Attempt] = []
    var isStopped = false
  }

  private let namespace: NetworkNamespace
  private let state = Mutex(State())
  private let wake: Wake

  init(namespace: NetworkNamespace) throws {
    self.namespace = namespace
    wake = try Wake()
    try Background.start("prober") { self.loop() }
  }

  func stop() {
    state.withLock { $0.isStopped = true }
    signal()
  }

  private func signal() {
    wake.signal()
  }

  /// Whether an echo came back within `limit`.
  func probe(_ target: IPv4, within limit: Duration) async -> Bool {
    await withCheckedContinuation { continuation in
      let now = ContinuousClock.now
      let attempt = Attempt(
        target: target, nonce: UInt64.random(in: 1...UInt64.max), deadline: now + limit, next: now,
        pause: .milliseconds(2), finish: { continuation.resume(returning: $0) })
      let accepted = state.withLock { state in
        if state.isStopped { return false }
        state.queue.append(attempt)
        return true
      }
      if accepted { signal() } else { continuation.resume(returning: false) }
    }
  }

  private func loop() {
    var running: [Attempt] = []
    var spare: [Int32] = []
    while true {
      let (fresh, isStopped) = state.withLock { state in
        defer { state.queue = [] }
        return (state.queue, state.isStopped)
      }
      running += fresh
      if isStopped { break }
      let now = ContinuousClock.now
      for index in running.indices where running[index].next <= now {
        running[index].next = now + running[index].pause
        running[index].pause = min(running[index].pause * 2, .milliseconds(100))
        if spare.isEmpty { spare = sockets(8) }
        guard let socket = spare.popLast() else { continue }
        running[index].descriptors.append(socket)
        send(socket, running[index])
      }
      wait(&running)
      let end = ContinuousClock.now
      running.removeAll { attempt in
        let passed = attempt.descriptors.contains { received($0, attempt.nonce) }
        if !passed && attempt.deadline > end { return false }
        for descriptor in attempt.descriptors { close(descriptor) }
        attempt.finish(passed)
        return true
      }
    }
    for attempt in running {
      for descriptor in attempt.descriptors { close(descriptor) }
      attempt.finish(false)
    }
    for descriptor in spare { close(descriptor) }
  }

  private func wait(_ running: inout [Attempt]) {
    var watched = [pollfd(fd: wake.reading, events: Int16(POLLIN), revents: 0)]
    for attempt in running {
      for descriptor in attempt.descriptors {
        watched.append(pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0))
      }
    }
    var limit: Int32 = -1
    if let soonest = running.map({ min($0.next, $0.deadline) }).min() {
      let left = (soonest - ContinuousClock.now).components
      limit = Int32(max(0, min(1000, left.seconds * 1000 + left.attoseconds / 1_000_000_000_000_000 + 1)))
    }
    poll(&watched, nfds_t(watched.count), limit)
    if watched[0].revents != 0 { wake.drain() }
  }

  private func sockets(_ count: Int) -> [Int32] {
    let made = try? namespace.run {
      (0..<count).compactMap { _ -> Int32? in
        let descriptor = socket(
          AF_INET, Int32(SOCK_DGRAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue) | Int32(SOCK_NONBLOCK.rawValue), 0)
        return descriptor < 0 ? nil : descriptor
      }
    }
    return made ?? []
  }

  private func send(_ descriptor: Int32, _ attempt: Attempt) {
    var nonce = attempt.nonce
    Socket.withAddress(attempt.target, LinkEnds.probePort) { address, size in
      _ = connect(descriptor, address, size)
    }
    _ = Glibc.send(descriptor, &nonce, 8, 0)
  }

  private func received(_ descriptor: Int32, _ nonce: UInt64) -> Bool {
    var found: UInt64 = 0
    while true {
      let count = recv(descriptor, &found, 8, 0)
      if count == 8 && found == nonce { return true }
      if count < 0 { return false }
    }
  }
}

/// Echoes datagrams: what probes must reach.
final class ProbeResponder: Sendable {
  private let stopped = Atomic(false)

  /// Answers at the address in the namespace until it is stopped.
  init(_ address: IPv4, in namespace: NetworkNamespace) throws {
    let raw = try NamespaceSocket.bindUDP(
      address, port: LinkEnds.probePort, in: namespace,
      options: NamespaceSocket.Options(reusesPort: true, bindsAnywhere: true)
    ).release()
    try Background.start("responder") { self.loop(raw) }
  }

  func stop() { stopped.store(true, ordering: .relaxed) }

  private func loop(_ raw: Int32) {
    defer { close(raw) }
    var buffer = [UInt8](repeating: 0, count: 64)
    while !stopped.load(ordering: .relaxed) {
      var watched = pollfd(fd: raw, events: Int16(POLLIN), revents: 0)
      if poll(&watched, 1, 500) <= 0 { continue }
      while true {
        var from = sockaddr_in()
        let (count, size) = withUnsafeMutableBytes(of: &from) { bytes in
          var size = socklen_t(bytes.count)
          let count = recvfrom(
            raw, &buffer, buffer.count, 0, bytes.baseAddress?.assumingMemoryBound(to: sockaddr.self), &size)
          return (count, size)
        }
        if count < 0 { break }
        withUnsafeBytes(of: &from) { bytes in
          _ = sendto(raw, &buffer, count, 0, bytes.baseAddress?.assumingMemoryBound(to: sockaddr.self), size)
        }
      }
    }
  }
}

enum Socket {
  static func withAddress<R>(
    _ address: IPv4, _ port: UInt16, _ body: (UnsafePointer<sockaddr>?, socklen_t) -> R
  ) -> R {
    var value = sockaddr_in()
    value.sin_family = sa_family_t(AF_INET)
    value.sin_port = port.bigEndian
    value.sin_addr.s_addr = address.value.bigEndian
    return withUnsafeBytes(of: &value) { bytes in
      body(bytes.baseAddress?.assumingMemoryBound(to: sockaddr.self), socklen_t(bytes.count))
    }
  }
}

/// Ends the waiting of a thread in `poll`. Its descriptors are closed when nobody can signal any more: who does it late would
/// otherwise write into whatever has got their numbers since.
final class Wake: Sendable {
  let reading: Int32
  private let writing: Int32

  init() throws {
    var ends: [Int32] = [0, 0]
    if pipe(&ends) < 0 { throw KernelError(code: errno, operation: "make a pipe") }
    for end in ends {
      _ = fcntl(end, F_SETFD, FD_CLOEXEC)
      _ = fcntl(end, F_SETFL, O_NONBLOCK)
    }
    reading = ends[0]
    writing = ends[1]
  }

  func signal() {
    var one: UInt8 = 1
    _ = write(writing, &one, 1)
  }

  func drain() {
    var bytes = [UInt8](repeating: 0, count: 64)
    while read(reading, &bytes, bytes.count) > 0 {}
  }

  deinit {
    close(reading)
    close(writing)
  }
}

/// Threads for loops that wait in system calls.
enum Background {
  private final class Job {
    let body: @Sendable () -> Void
    init(_ body: @escaping @Sendable () -> Void) { self.body = body }
  }

  static func start(_ name: String, _ body: @escaping @Sendable () -> Void) throws {
    let job = Unmanaged.passRetained(Job(body))
    var thread = pthread_t()
    let code = pthread_create(
      &thread, nil,
      { argument in
        if let argument { Unmanaged<Job>.fromOpaque(argument).takeRetainedValue().body() }
        return nil
      }, job.toOpaque())
    if code != 0 {
      job.release()
      throw KernelError(code: code, operation: "start the thread \(name)")
    }
    pthread_detach(thread)
  }
}
