import Addresses
import CLinux
import Glibc
import Kernel
import Synchronization

/// A UDP service in every target instance that answers each datagram from the very address it was sent to, with that address
/// before the payload, so that an answer from the wrong place is seen.
final class Responders: Sendable {
  private let isStopped = Atomic(false)
  private let thread: WorkThread

  init(_ instances: [DrillStage.Instance], in folder: StateFolder) throws {
    let poll = epoll_create1(Int32(EPOLL_CLOEXEC))
    guard poll >= 0 else { throw CommandFailure("cannot poll: \(String(cString: strerror(errno)))") }
    var sockets: [Int32] = []
    for instance in instances {
      let name = "i-" + instance.id.replacing("-", with: "").prefix(12)
      let namespace = try NetworkNamespace.open(path: "\(folder.path)/run/netns/\(name)")
      let socket = try NamespaceSocket.bindUDP(.any, port: DrillStage.port, in: namespace).release()
      var isOn: Int32 = 1
      setsockopt(socket, Int32(IPPROTO_IP), IP_PKTINFO, &isOn, 4)
      sockets.append(socket)
      var event = epoll_event()
      event.events = EPOLLIN.rawValue
      event.data.fd = socket
      epoll_ctl(poll, EPOLL_CTL_ADD, socket, &event)
    }
    let opened = sockets
    thread = WorkThread("responders")
    thread.start { [self] in
      var events = [epoll_event](repeating: epoll_event(), count: 256)
      while !isStopped.load(ordering: .relaxed) {
        let ready = epoll_wait(poll, &events, 256, 50)
        for index in 0..<max(0, Int(ready)) {
          Self.answer(events[index].data.fd)
        }
      }
      for descriptor in opened { close(descriptor) }
      close(poll)
    }
  }

  private static func answer(_ descriptor: Int32) {
    var peer = sockaddr_in()
    // The address asked for, and what was sent.
    var payload = [UInt8](repeating: 0, count: 64)
    while true {
      var control = PacketInfo()
      let count = transfer(&peer, &payload, 4, 60, &control) { recvmsg(descriptor, $0, 0) }
      guard count >= 0 else { return }
      guard control.level == Int32(IPPROTO_IP), control.type == IP_PKTINFO else { continue }
      let asked = control.info.ipi_addr
      payload.replaceSubrange(0..<4, with: Datagram.bytes(UInt32(bigEndian: asked.s_addr)))
      control.info = in_pktinfo(ipi_ifindex: 0, ipi_spec_dst: asked, ipi_addr: in_addr())
      _ = transfer(&peer, &payload, 0, count + 4, &control) { sendmsg(descriptor, $0, 0) }
    }
  }

  /// A control message of the type IP_PKTINFO, as the kernel lays it out.
  private struct PacketInfo {
    var length = MemoryLayout<Int>.size + 8 + MemoryLayout<in_pktinfo>.size
    var level = Int32(IPPROTO_IP)
    var type = Int32(IP_PKTINFO)
    var info = in_pktinfo()
  }

  /// One message of `size` bytes of `payload` from `offset` on.
  private static func transfer(
    _ peer: inout sockaddr_in, _ payload: inout [UInt8], _ offset: Int, _ size: Int, _ control: inout PacketInfo,
    _ call: (UnsafeMutablePointer<msghdr>) -> Int
  ) -> Int {
    withUnsafeMutablePointer(to: &peer) { peer in
      payload.withUnsafeMutableBytes { payload in
        withUnsafeMutablePointer(to: &control) { control in
          var part = iovec(iov_base: payload.baseAddress?.advanced(by: offset), iov_len: size)
          return withUnsafeMutablePointer(to: &part) { part in
            var message = msghdr()
            message.msg_name = UnsafeMutableRawPointer(peer)
            message.msg_namelen = socklen_t(MemoryLayout<sockaddr_in>.size)
            message.msg_iov = part
            message.msg_iovlen = 1
            message.msg_control = UnsafeMutableRawPointer(control)
            message.msg_controllen = MemoryLayout<PacketInfo>.size
            return call(&message)
          }
        }
      }
    }
  }

  func stop() {
    isStopped.store(true, ordering: .relaxed)
    thread.join()
  }
}

enum Datagram {
  static func bytes(_ value: UInt32) -> [UInt8] {
    (0..<4).map { UInt8(truncatingIfNeeded: value >> UInt32(24 - 8 * $0)) }
  }

  static func word(_ bytes: some RandomAccessCollection<UInt8>) -> UInt32 {
    bytes.prefix(4).reduce(0) { $0 << 8 | UInt32($1) }
  }
}
