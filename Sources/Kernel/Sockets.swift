package import Addresses
import CLinux
import Glibc

/// Sockets made inside a network namespace; they may be used anywhere.
package enum NamespaceSocket {
  package struct Options: Sendable {
    package var reusesAddress = true
    package var reusesPort = false
    package var broadcasts = false
    /// May bind to an address the machine does not have (yet).
    package var bindsAnywhere = false
    /// Only packets of this link.
    package var link: String?
    package init(
      reusesAddress: Bool = true, reusesPort: Bool = false, broadcasts: Bool = false, bindsAnywhere: Bool = false,
      link: String? = nil
    ) {
      self.reusesAddress = reusesAddress
      self.reusesPort = reusesPort
      self.broadcasts = broadcasts
      self.bindsAnywhere = bindsAnywhere
      self.link = link
    }
  }

  /// A nonblocking TCP socket that listens.
  package static func listenTCP(
    _ address: IPv4, port: UInt16, in namespace: NetworkNamespace? = nil, backlog: Int32 = 1024,
    options: Options = Options()
  ) throws -> Descriptor {
    let raw = try run(in: namespace) { () throws -> Int32 in
      let descriptor = try open(SOCK_STREAM, options)
      try call(descriptor.raw, address, port, "listen on \(address):\(port)", bind)
      if listen(descriptor.raw, backlog) < 0 { throw KernelError.last("listen on \(address):\(port)") }
      return descriptor.release()
    }
    return Descriptor(owning: raw)
  }

  /// A nonblocking UDP socket with that local address.
  package static func bindUDP(
    _ address: IPv4, port: UInt16, in namespace: NetworkNamespace? = nil, options: Options = Options()
  ) throws -> Descriptor {
    let raw = try run(in: namespace) { () throws -> Int32 in
      let descriptor = try open(SOCK_DGRAM, options)
      try call(descriptor.raw, address, port, "bind to \(address):\(port)", bind)
      return descriptor.release()
    }
    return Descriptor(owning: raw)
  }

  /// A nonblocking TCP socket that connects; it is writable once `connectionError` tells the outcome.
  package static func connectTCP(
    _ address: IPv4, port: UInt16, from source: IPv4? = nil, in namespace: NetworkNamespace? = nil,
    options: Options = Options()
  ) throws -> Descriptor {
    let raw = try run(in: namespace) { () throws -> Int32 in
      let descriptor = try open(SOCK_STREAM, options)
      if let source { try call(descriptor.raw, source, 0, "bind to \(source)", bind) }
      do throws(KernelError) {
        try call(descriptor.raw, address, port, "connect to \(address):\(port)", connect)
      } catch {
        if error.code != EINPROGRESS { throw error }
      }
      return descriptor.release()
    }
    return Descriptor(owning: raw)
  }

  /// The errno of a connection attempt that ended, 0 for success.
  package static func connectionError(_ descriptor: borrowing Descriptor) -> Int32 {
    var code: Int32 = 0
    var size = socklen_t(4)
    if getsockopt(descriptor.raw, SOL_SOCKET, SO_ERROR, &code, &size) < 0 { return errno }
    return code
  }

  /// Any other kind of socket, nonblocking, made in the namespace.
  package static func open(
    domain: Int32, type: Int32, protocolNumber: Int32 = 0, in namespace: NetworkNamespace? = nil
  ) throws -> Descriptor {
    let raw = try run(in: namespace) { () throws -> Int32 in
      try uninterrupted("open a socket") { socket(domain, type | socketFlags, protocolNumber) }
    }
    return Descriptor(owning: raw)
  }

  private static let socketFlags = Int32(SOCK_CLOEXEC.rawValue) | Int32(SOCK_NONBLOCK.rawValue)

  private static func open(_ type: __socket_type, _ options: Options) throws(KernelError) -> Descriptor {
    let raw = try uninterrupted("open a socket") { socket(AF_INET, Int32(type.rawValue) | socketFlags, 0) }
    let descriptor = Descriptor(owning: raw)
    func set(_ level: Int32, _ name: Int32) throws(KernelError) {
      var on: Int32 = 1
      if setsockopt(raw, level, name, &on, 4) < 0 { throw KernelError.last("set up a socket") }
    }
    if options.reusesAddress { try set(SOL_SOCKET, SO_REUSEADDR) }
    if options.reusesPort { try set(SOL_SOCKET, SO_REUSEPORT) }
    if options.broadcasts { try set(SOL_SOCKET, SO_BROADCAST) }
    if options.bindsAnywhere { try set(Int32(IPPROTO_IP), IP_FREEBIND) }
    if let link = options.link, setsockopt(raw, SOL_SOCKET, SO_BINDTODEVICE, link, socklen_t(link.utf8.count)) < 0 {
      throw KernelError.last("bind a socket to \(link)")
    }
    return descriptor
  }

  private static func call(
    _ raw: Int32, _ ip: IPv4, _ port: UInt16, _ operation: String,
    _ function: (Int32, UnsafePointer<sockaddr>?, socklen_t) -> Int32
  ) throws(KernelError) {
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = port.bigEndian
    address.sin_addr.s_addr = ip.value.bigEndian
    let result = withUnsafeBytes(of: &address) { bytes in
      function(raw, bytes.baseAddress?.assumingMemoryBound(to: sockaddr.self), socklen_t(bytes.count))
    }
    if result < 0 { throw KernelError.last(operation) }
  }
}
