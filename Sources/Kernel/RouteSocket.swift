import CLinux
import Glibc
import Synchronization

/// The links, addresses, routes, rules and neighbours of one network namespace. Every call is one blocking request
/// with its acknowledgement, unless it says otherwise.
package final class RouteSocket: Sendable {
  let namespace: NetworkNamespace?
  let socket: Mutex<NetlinkSocket>

  /// Opens the socket inside `namespace`; without one, in the calling thread's.
  package init(in namespace: NetworkNamespace? = nil) throws {
    self.namespace = namespace
    socket = Mutex(try NetlinkSocket(NETLINK_ROUTE, in: namespace))
  }

  /// `absent` are the errors that count as success.
  @discardableResult
  func request(
    _ type: Int, _ flags: Int32 = 0, operation: @autoclosure () -> String, tolerating absent: [Int32] = [],
    _ fill: (inout NetlinkBuffer) -> Void
  ) throws(KernelError) -> Bool {
    let text = operation()
    do {
      try socket.withLock { (socket) throws(KernelError) in
        try socket.request(type: UInt16(type), flags: flags, operation: text, fill)
      }
      return true
    } catch {
      if absent.contains(error.code) { return false }
      throw error
    }
  }

  func dump<T>(
    _ type: Int, operation: String, _ fill: (inout NetlinkBuffer) -> Void, _ parse: (UnsafeRawBufferPointer) -> T?
  ) throws(KernelError) -> [T] {
    var found: [T] = []
    try socket.withLock { (socket) throws(KernelError) in
      try socket.dump(
        type: UInt16(type), operation: operation, restart: { found.removeAll(keepingCapacity: true) },
        each: { if let item = parse($0) { found.append(item) } }, fill)
    }
    return found
  }

  /// The index of a link; ENODEV if there is none of that name.
  package func index(of link: String) throws(KernelError) -> UInt32 {
    let index = socket.withLock { daruma_link_index($0.raw, link) }
    if index < 0 { throw KernelError.last("find link \(link)") }
    return UInt32(index)
  }

  func indexIfPresent(_ link: String) throws(KernelError) -> UInt32? {
    do { return try index(of: link) } catch  where error.code == ENODEV { return nil } catch { throw error }
  }
}

let createOnly = NLM_F_CREATE | NLM_F_EXCL
