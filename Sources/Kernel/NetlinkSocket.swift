import CLinux
import Glibc

/// A netlink socket bound to the namespace it was made in. Not for concurrent use: its owner locks.
struct NetlinkSocket: ~Copyable, Sendable {
  private let descriptor: Descriptor
  private var sequence: UInt32 = 0
  private var sendBuffer = 200_000
  /// Where the namespace is mounted.
  private let path: String
  /// A call ended before it had read all that the kernel had to say.
  private var isUnclear = false

  static let dumpAttempts = 8
  // The kernel answers at once. Whoever waits longer than this waits for an answer that was lost.
  private static let patience = 10

  /// `groups`: of what the kernel tells without being asked. So much `room` there is for what nobody has read yet.
  init(_ family: Int32, in namespace: NetworkNamespace?, groups: UInt32 = 0, room: Int32 = 2 << 20) throws {
    path = namespace?.path ?? ""
    let raw = try run(in: namespace) { () throws -> Int32 in
      let type = Int32(SOCK_RAW.rawValue) | Int32(SOCK_CLOEXEC.rawValue)
      let descriptor = try Descriptor(owning: uninterrupted("open netlink") { socket(AF_NETLINK, type, family) })
      var address = sockaddr_nl()
      address.nl_family = sa_family_t(AF_NETLINK)
      address.nl_groups = groups
      let bound = withUnsafeBytes(of: &address) { bytes in
        bind(
          descriptor.raw, bytes.baseAddress?.assumingMemoryBound(to: sockaddr.self), socklen_t(bytes.count))
      }
      if bound < 0 { throw KernelError.last("bind netlink") }
      var on: Int32 = 1
      setsockopt(descriptor.raw, SOL_NETLINK, NETLINK_CAP_ACK, &on, 4)
      setsockopt(descriptor.raw, SOL_NETLINK, NETLINK_EXT_ACK, &on, 4)
      var room = room
      if setsockopt(descriptor.raw, SOL_SOCKET, SO_RCVBUFFORCE, &room, 4) < 0 {
        setsockopt(descriptor.raw, SOL_SOCKET, SO_RCVBUF, &room, 4)
      }
      var limit = timeval(tv_sec: NetlinkSocket.patience, tv_usec: 0)
      setsockopt(descriptor.raw, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
      return descriptor.release()
    }
    descriptor = Descriptor(owning: raw)
  }

  var raw: Int32 { descriptor.raw }

  /// By which the kernel names the socket.
  func port() throws(KernelError) -> UInt32 {
    var address = sockaddr_nl()
    var size = socklen_t(MemoryLayout<sockaddr_nl>.size)
    let raw = descriptor.raw
    let result = withUnsafeMutableBytes(of: &address) { bytes in
      bytes.baseAddress.map { getsockname(raw, $0.assumingMemoryBound(to: sockaddr.self), &size) } ?? -1
    }
    if result < 0 { throw KernelError.last("name netlink socket") }
    return address.nl_pid
  }

  mutating func nextSequence() -> UInt32 {
    sequence = sequence == .max ? 1 : sequence + 1
    return sequence
  }

  /// Begins an exchange with the kernel: what is left of an earlier one that failed is read and dropped.
  mutating func begin() {
    if isUnclear { drop() }
    isUnclear = true
  }

  /// The exchange is over, and everything was read.
  mutating func finish() { isUnclear = false }

  private func drop() {
    var failures = 0
    while failures < NetlinkSocket.dumpAttempts {
      do throws(KernelError) {
        if try !receive(wait: false, operation: "drop", { _, _ in }) { return }
      } catch {
        failures += 1
      }
    }
  }

  /// Sends the pieces as one datagram.
  mutating func send(_ pieces: [[UInt8]], operation: String) throws(KernelError) {
    let size = pieces.reduce(0) { $0 + $1.count }
    if size + 4096 > sendBuffer {
      var wanted = Int32(clamping: size + 4096)
      if setsockopt(descriptor.raw, SOL_SOCKET, SO_SNDBUFFORCE, &wanted, 4) < 0 {
        setsockopt(descriptor.raw, SOL_SOCKET, SO_SNDBUF, &wanted, 4)
      }
      sendBuffer = size + 4096
    }
    let raw = descriptor.raw
    let path = path
    let sent = NetlinkSocket.withVectors(pieces) { vectors -> Int in
      var header = msghdr()
      header.msg_iov = vectors.baseAddress
      header.msg_iovlen = vectors.count
      while true {
        let count = NetlinkSocket.call(.send, path) { sendmsg(raw, &header, 0) }
        if count >= 0 || errno != EINTR { return count }
      }
    }
    if sent < 0 { throw KernelError.last(operation) }
    if sent != size { throw KernelError(code: EMSGSIZE, operation: operation) }
  }

  @inline(__always)
  private static func call(_ call: NetlinkFault.Call, _ path: String, _ body: () -> Int) -> Int {
    guard let fault = NetlinkFault.strikes(call, path) else { return body() }
    errno = fault
    return -1
  }

  private static func withVectors<R>(_ pieces: [[UInt8]], _ body: (UnsafeMutableBufferPointer<iovec>) -> R) -> R {
    var vectors: [iovec] = []
    func collect(_ index: Int) -> R {
      if index == pieces.count { return vectors.withUnsafeMutableBufferPointer { body($0) } }
      return pieces[index].withUnsafeBytes { bytes in
        vectors.append(iovec(iov_base: UnsafeMutableRawPointer(mutating: bytes.baseAddress), iov_len: bytes.count))
        return collect(index + 1)
      }
    }
    return collect(0)
  }

  /// Reads one datagram and shows each of its messages; false if there was nothing to read without waiting.
  func receive(
    wait: Bool, operation: String, _ each: (nlmsghdr, UnsafeRawBufferPointer) throws(KernelError) -> Void
  ) throws(KernelError) -> Bool {
    let raw = descriptor.raw
    let room = ReceiveRoom.take()
    defer { ReceiveRoom.give(room) }
    var count = 0
    while true {
      count = NetlinkSocket.call(.receive, path) {
        recv(raw, room.baseAddress, room.count, wait ? 0 : Int32(MSG_DONTWAIT))
      }
      if count >= 0 { break }
      if errno == EAGAIN && !wait { return false }
      if errno == EAGAIN { throw KernelError(code: ETIMEDOUT, operation: operation) }
      if errno != EINTR { throw KernelError.last(operation) }
    }
    try NetlinkSocket.messages(UnsafeRawBufferPointer(rebasing: room[..<count]), each)
    return true
  }

  private static func messages(
    _ datagram: UnsafeRawBufferPointer, _ each: (nlmsghdr, UnsafeRawBufferPointer) throws(KernelError) -> Void
  ) throws(KernelError) {
    var rest = datagram
    while let header = rest.structure(nlmsghdr.self) {
      let length = Int(header.nlmsg_len)
      guard length >= 16, length <= rest.count else { break }
      try each(header, UnsafeRawBufferPointer(rebasing: rest[16..<length]))
      rest = UnsafeRawBufferPointer(rebasing: rest[min((length + 3) & ~3, rest.count)...])
    }
  }

  /// Sends requests that want no acknowledgement and shows the messages they are answered with, all of which are there
  /// when the sending returns.
  mutating func exchange(
    _ requests: [UInt8], operation: String, _ each: (nlmsghdr, UnsafeRawBufferPointer) throws(KernelError) -> Void
  ) throws(KernelError) {
    begin()
    try send([requests], operation: operation)
    while try receive(wait: false, operation: operation, each) {}
    finish()
  }

  /// One request and its acknowledgement; `each` sees what the kernel says before that.
  mutating func request(
    type: UInt16, flags: Int32, operation: String, each: (UnsafeRawBufferPointer) -> Void = { _ in },
    _ fill: (inout NetlinkBuffer) -> Void
  ) throws(KernelError) {
    let number = nextSequence()
    var buffer = NetlinkBuffer()
    buffer.message(type: type, flags: flags | NLM_F_REQUEST | NLM_F_ACK, sequence: number, fill)
    begin()
    try send([buffer.bytes], operation: operation)
    var code: Int32?
    while code == nil {
      _ = try receive(wait: true, operation: operation) { header, payload in
        guard header.nlmsg_seq == number else { return }
        if header.nlmsg_type == UInt16(NLMSG_ERROR) {
          code = -payload.host(Int32.self)
        } else {
          each(payload)
        }
      }
    }
    finish()
    if let code, code != 0 { throw KernelError(code: code, operation: operation) }
  }

  /// A whole dump. If the kernel says it changed meanwhile, `restart` is called and it is read again.
  mutating func dump(
    type: UInt16, operation: String, restart: () -> Void, each: (UnsafeRawBufferPointer) -> Void,
    _ fill: (inout NetlinkBuffer) -> Void
  ) throws(KernelError) {
    for _ in 0..<NetlinkSocket.dumpAttempts {
      restart()
      let number = nextSequence()
      var buffer = NetlinkBuffer()
      buffer.message(type: type, flags: NLM_F_REQUEST | NLM_F_DUMP, sequence: number, fill)
      begin()
      try send([buffer.bytes], operation: operation)
      var interrupted = false
      var finished = false
      var failure: Int32 = 0
      while !finished {
        _ = try receive(wait: true, operation: operation) { (header, payload) throws(KernelError) in
          guard header.nlmsg_seq == number else { return }
          if Int32(header.nlmsg_flags) & NLM_F_DUMP_INTR != 0 { interrupted = true }
          switch Int32(header.nlmsg_type) {
          case Int32(NLMSG_ERROR), Int32(NLMSG_DONE):
            finished = true
            let code = payload.host(Int32.self)
            if code < 0 { failure = -code }
          default: each(payload)
          }
        }
      }
      finish()
      if failure == EINTR { continue }
      if failure != 0 { throw KernelError(code: failure, operation: operation) }
      if !interrupted { return }
    }
    throw KernelError(code: EINTR, operation: operation)
  }
}
