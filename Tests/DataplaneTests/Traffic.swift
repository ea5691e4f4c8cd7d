import Addresses
import Glibc
import Kernel
import Synchronization

/// Datagrams through a node's gateways without a pause: each flow keeps its source port, each answer names the address that
/// it came from, and all of them are judged.
final class Traffic: Sendable {
  struct Flow: Sendable {
    var target: IPv4
    var port: UInt16
    /// Which of the client's sockets, that is source ports, it has.
    var socket = 0
    /// Whom answers must come from; nil: from whomever the first one came.
    var server: IPv4?
    /// Its target changes: `allow` and `forbid` tell whom answers may come from.
    var isChanging = false
  }

  /// During which time an answer from an address was right.
  struct Span: Sendable {
    var server: IPv4
    var begin: ContinuousClock.Instant
    var end: ContinuousClock.Instant?
  }

  private struct Progress {
    var server: IPv4?
    var number: UInt32 = 0
    var sent = ContinuousClock.now
    var isOpen = false
    var answers = 0
  }

  private struct State {
    var spans: [Int: [Span]] = [:]
    /// When what was last answered had been sent, and by whom it was.
    var last: [Int: (sent: ContinuousClock.Instant, server: IPv4)] = [:]
    var problems: [String] = []
    var lost = 0
    var answers = 0
    /// Losses count only while this is set; whom answers come from counts always.
    var countsLosses = true
    var isOver = false
    var hasEnded = false
  }

  private struct Packet: BitwiseCopyable {
    var flow: UInt32
    var number: UInt32
    var server: UInt32
  }

  /// A datagram that was not answered for so long is lost: far longer than any delay on a busy machine.
  private static let patience = Duration.seconds(8)
  private static let window = 96
  static let port: UInt16 = 7000

  let flows: [Flow]
  private let sockets: [Int32]
  private let state = Mutex(State())

  init(_ flows: [Flow], from client: NetworkNamespace) throws {
    self.flows = flows
    var sockets: [Int32] = []
    for _ in 0...(flows.map(\.socket).max() ?? 0) {
      sockets.append(try Self.socket(NamespaceSocket.bindUDP(.any, port: 0, in: client)))
    }
    self.sockets = sockets
    try Self.thread { self.run() }
  }

  private static func socket(_ descriptor: consuming Descriptor) throws -> Int32 {
    let raw = descriptor.release()
    var room: Int32 = 16 << 20
    setsockopt(raw, SOL_SOCKET, SO_RCVBUFFORCE, &room, 4)
    return raw
  }

  private static func thread(_ body: @escaping @Sendable () -> Void) throws {
    final class Job {
      let body: @Sendable () -> Void
      init(_ body: @escaping @Sendable () -> Void) { self.body = body }
    }
    var thread = pthread_t()
    let code = pthread_create(
      &thread, nil,
      { argument in
        if let argument { Unmanaged<Job>.fromOpaque(argument).takeRetainedValue().body() }
        return nil
      }, Unmanaged.passRetained(Job(body)).toOpaque())
    if code != 0 { throw KernelError(code: code, operation: "start a thread") }
    pthread_detach(thread)
  }

  // MARK: what the test says and asks

  /// From now on answers of the flow may come from `server`.
  func allow(_ flow: Int, _ server: IPv4) {
    state.withLock { $0.spans[flow, default: []].append(Span(server: server, begin: .now)) }
  }

  /// What is sent from now on must not be answered by `server` any more.
  func forbid(_ flow: Int, _ server: IPv4) {
    state.withLock { state in
      for index in (state.spans[flow] ?? []).indices
      where state.spans[flow]?[index].server == server && state.spans[flow]?[index].end == nil {
        state.spans[flow]?[index].end = .now
      }
      // What was long ago plays no part any more.
      let limit = ContinuousClock.now - .seconds(30)
      state.spans[flow]?.removeAll { ($0.end ?? .now) < limit }
    }
  }

  /// Whether something that was sent after `time` was answered by `server`.
  func isAnswered(_ flow: Int, by server: IPv4, since time: ContinuousClock.Instant) -> Bool {
    state.withLock { state in
      guard let last = state.last[flow] else { return false }
      return last.server == server && last.sent >= time
    }
  }

  func countLosses(_ isOn: Bool) { state.withLock { $0.countsLosses = isOn } }

  /// How many flows were answered since a time.
  func answered(since time: ContinuousClock.Instant) -> Int {
    state.withLock { state in state.last.values.count { $0.sent >= time } }
  }

  var outcome: (answers: Int, lost: Int, problems: [String]) {
    state.withLock { ($0.answers, $0.lost, $0.problems) }
  }

  /// Ends it, after what is on the way has come.
  func end() {
    state.withLock { $0.isOver = true }
    while !state.withLock({ $0.hasEnded }) { usleep(2000) }
  }

  // MARK: the loop

  private func run() {
    var progress = [Progress](repeating: Progress(), count: flows.count)
    for (index, flow) in flows.enumerated() { progress[index].server = flow.server }
    let steady = flows.indices.filter { !flows[$0].isChanging }
    let changing = flows.indices.filter { flows[$0].isChanging }
    var open = 0
    var next = 0
    var nextChanging = ContinuousClock.now
    var overtime: ContinuousClock.Instant?
    while true {
      let isOver = state.withLock { $0.isOver }
      let now = ContinuousClock.now
      if isOver && overtime == nil { overtime = now + Self.patience }
      if isOver && (open == 0 || now > overtime ?? now) { break }
      var tried = 0
      while !isOver && open < Self.window && tried < steady.count {
        let index = steady[next % steady.count]
        next += 1
        tried += 1
        if progress[index].isOpen { continue }
        send(index, &progress[index])
        open += 1
      }
      if !isOver && now >= nextChanging {
        for index in changing { send(index, &progress[index]) }
        nextChanging = now + .milliseconds(5)
      }
      receive(&progress, &open)
      if next % 64 == 0 || open >= Self.window { age(steady, &progress, &open) }
    }
    for socket in sockets { close(socket) }
    state.withLock { $0.hasEnded = true }
  }

  private func send(_ index: Int, _ progress: inout Progress) {
    progress.number &+= 1
    progress.isOpen = true
    progress.sent = .now
    let packet = Packet(flow: UInt32(index), number: progress.number, server: 0)
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = flows[index].port.bigEndian
    address.sin_addr.s_addr = flows[index].target.value.bigEndian
    let socket = sockets[flows[index].socket]
    withUnsafeBytes(of: packet) { bytes in
      withUnsafeBytes(of: &address) {
        _ = sendto(
          socket, bytes.baseAddress, bytes.count, 0, $0.baseAddress?.assumingMemoryBound(to: sockaddr.self), 16)
      }
    }
  }

  private func receive(_ progress: inout [Progress], _ open: inout Int) {
    var watched = sockets.map { pollfd(fd: $0, events: Int16(POLLIN), revents: 0) }
    if poll(&watched, nfds_t(watched.count), 2) <= 0 { return }
    for entry in watched where entry.revents != 0 {
      while true {
        var packet = Packet(flow: 0, number: 0, server: 0)
        let count = withUnsafeMutableBytes(of: &packet) {
          recv(entry.fd, $0.baseAddress, $0.count, Int32(MSG_DONTWAIT))
        }
        if count < 0 && errno != EAGAIN && errno != EINTR { continue }  // an ICMP error of an earlier datagram
        if count < 0 { break }
        guard count == MemoryLayout<Packet>.size, Int(packet.flow) < flows.count else { continue }
        judge(packet, &progress[Int(packet.flow)], &open)
      }
    }
  }

  private func judge(_ packet: Packet, _ progress: inout Progress, _ open: inout Int) {
    let index = Int(packet.flow)
    let server = IPv4(packet.server)
    let isNewest = packet.number == progress.number
    let sent = progress.sent
    if !flows[index].isChanging {
      if isNewest && progress.isOpen {
        progress.isOpen = false
        open -= 1
      }
      if progress.server == nil { progress.server = server }
      let expected = progress.server
      state.withLock { state in
        state.answers += 1
        state.last[index] = (sent, server)
        if expected != server {
          state.problems.append("\(flows[index].target):\(flows[index].port) was answered by \(server)")
        }
      }
      return
    }
    // Of older ones it is not known any more when they were sent.
    guard isNewest else { return }
    let flow = flows[index]
    state.withLock { state in
      state.answers += 1
      let isRight = (state.spans[index] ?? []).contains { $0.server == server && ($0.end ?? .now) >= sent }
      if !isRight {
        state.problems.append("\(flow.target):\(flow.port), given to others, was answered by \(server)")
      }
      state.last[index] = (sent, server)
    }
  }

  private func age(_ steady: [Int], _ progress: inout [Progress], _ open: inout Int) {
    let isCounted = state.withLock { $0.countsLosses }
    let limit = ContinuousClock.now - (isCounted ? Self.patience : .milliseconds(300))
    for index in steady where progress[index].isOpen && progress[index].sent < limit {
      progress[index].isOpen = false
      open -= 1
      let flow = flows[index]
      state.withLock { state in
        guard state.countsLosses else { return }
        state.lost += 1
        state.problems.append("a datagram to \(flow.target):\(flow.port) was lost")
      }
    }
  }

  // MARK: servers

  /// Answers datagrams to all addresses of the namespace, from the address that they came to, and names it.
  static func serve(in namespace: NetworkNamespace, until isOver: @escaping @Sendable () -> Bool) throws {
    let raw = try socket(NamespaceSocket.bindUDP(.any, port: port, in: namespace))
    var on: Int32 = 1
    setsockopt(raw, Int32(IPPROTO_IP), IP_PKTINFO, &on, 4)
    try thread {
      Self.answer(raw, isOver)
      close(raw)
    }
  }

  private static func answer(_ raw: Int32, _ isOver: () -> Bool) {
    var packet = Packet(flow: 0, number: 0, server: 0)
    var from = sockaddr_in()
    var control = [UInt8](repeating: 0, count: 64)
    while !isOver() {
      var watched = pollfd(fd: raw, events: Int16(POLLIN), revents: 0)
      if poll(&watched, 1, 100) <= 0 { continue }
      withUnsafeMutablePointer(to: &packet) { packet in
        withUnsafeMutablePointer(to: &from) { from in
          control.withUnsafeMutableBytes { control in
            var vector = iovec(iov_base: packet, iov_len: MemoryLayout<Packet>.size)
            withUnsafeMutablePointer(to: &vector) { vector in
              while true {
                var header = msghdr(
                  msg_name: from, msg_namelen: 16, msg_iov: vector, msg_iovlen: 1, msg_control: control.baseAddress,
                  msg_controllen: control.count, msg_flags: 0)
                if recvmsg(raw, &header, Int32(MSG_DONTWAIT)) < 0 { return }
                // The packet's information: its link, the local address, and the address that it was sent to.
                let start = MemoryLayout<cmsghdr>.size
                guard header.msg_controllen >= start + MemoryLayout<in_pktinfo>.size else { continue }
                var info = control.loadUnaligned(fromByteOffset: start, as: in_pktinfo.self)
                packet.pointee.server = UInt32(bigEndian: info.ipi_addr.s_addr)
                info.ipi_spec_dst = info.ipi_addr
                info.ipi_ifindex = 0
                control.storeBytes(of: info, toByteOffset: start, as: in_pktinfo.self)
                _ = sendmsg(raw, &header, Int32(MSG_DONTWAIT))
              }
            }
          }
        }
      }
    }
  }
}
