package import Addresses
import Glibc
import Kernel
import Synchronization

/// What an instance may learn of itself.
package struct InstanceMetadata: Sendable, Hashable {
  package var userData: [UInt8]
  package var instanceID: String
  package var hostName: String
  package var localAddress: IPv4
  package var publicAddress: IPv4?
  package var offering: String
  package var zone: String
  /// In OpenSSH's form.
  package var publicKeys: [String]

  package init(
    userData: [UInt8] = [], instanceID: String, hostName: String, localAddress: IPv4, publicAddress: IPv4? = nil,
    offering: String = "", zone: String = "", publicKeys: [String] = []
  ) {
    self.userData = userData
    self.instanceID = instanceID
    self.hostName = hostName
    self.localAddress = localAddress
    self.publicAddress = publicAddress
    self.offering = offering
    self.zone = zone
    self.publicKeys = publicKeys
  }
}

/// Who knows the instances.
package protocol MetadataSource: Sendable {
  /// `router` is the id of the virtual router that was asked, empty for the fabric. Called from a thread of its own.
  func metadata(router: String, client: IPv4) -> InstanceMetadata?
}

/// Answers instances over HTTP at their gateway and at 169.254.169.254; the client is known by its address.
final class MetadataServer: Sendable {
  private struct Listener {
    var router: String
    var descriptor: Int32
  }

  private struct Connection {
    var descriptor: Int32
    var router: String
    var client: IPv4
    var request: [UInt8] = []
    var response: [UInt8] = []
    var sent = 0
    var deadline: ContinuousClock.Instant
  }

  private struct State {
    var listeners: [Listener] = []
    var closing: [Int32] = []
    var isStopped = false
  }

  private static let headerLimit = 8192
  private static let connectionLimit = 512
  private let source: any MetadataSource
  private let state = Mutex(State())
  private let wake: Wake

  init(_ source: any MetadataSource) throws {
    self.source = source
    wake = try Wake()
    try Background.start("metadata") { self.loop() }
  }

  func serve(_ router: String, _ addresses: [IPv4], in namespace: NetworkNamespace) throws {
    withdraw(router)
    for address in addresses {
      let descriptor = try NamespaceSocket.listenTCP(
        address, port: 80, in: namespace, options: NamespaceSocket.Options(bindsAnywhere: true)
      ).release()
      state.withLock { $0.listeners.append(Listener(router: router, descriptor: descriptor)) }
    }
    signal()
  }

  func withdraw(_ router: String) {
    state.withLock { state in
      state.closing += state.listeners.filter { $0.router == router }.map(\.descriptor)
      state.listeners.removeAll { $0.router == router }
    }
    signal()
  }

  func stop() {
    state.withLock { $0.isStopped = true }
    signal()
  }

  private func signal() {
    wake.signal()
  }

  private func loop() {
    var connections: [Connection] = []
    while true {
      let (listeners, closing, isStopped) = state.withLock { state in
        defer { state.closing = [] }
        return (state.listeners, state.closing, state.isStopped)
      }
      for descriptor in closing { close(descriptor) }
      if isStopped {
        for listener in listeners { close(listener.descriptor) }
        for connection in connections { close(connection.descriptor) }
        return
      }
      var watched = [pollfd(fd: wake.reading, events: Int16(POLLIN), revents: 0)]
      let accepting = connections.count < Self.connectionLimit ? listeners : []
      watched += accepting.map { pollfd(fd: $0.descriptor, events: Int16(POLLIN), revents: 0) }
      watched += connections.map {
        pollfd(fd: $0.descriptor, events: Int16($0.response.isEmpty ? POLLIN : POLLOUT), revents: 0)
      }
      poll(&watched, nfds_t(watched.count), connections.isEmpty ? -1 : 500)
      if watched[0].revents != 0 { wake.drain() }
      let now = ContinuousClock.now
      for index in connections.indices.reversed() {
        let ready = watched[1 + accepting.count + index].revents != 0
        if (ready && !advance(&connections[index])) || connections[index].deadline < now {
          close(connections[index].descriptor)
          connections.remove(at: index)
        }
      }
      for (index, listener) in accepting.enumerated() where watched[1 + index].revents != 0 {
        if let connection = accept(listener) { connections.append(connection) }
      }
    }
  }

  private func accept(_ listener: Listener) -> Connection? {
    var peer = sockaddr_in()
    let descriptor = withUnsafeMutableBytes(of: &peer) { bytes in
      var size = socklen_t(bytes.count)
      return Glibc.accept(
        listener.descriptor, bytes.baseAddress?.assumingMemoryBound(to: sockaddr.self), &size)
    }
    if descriptor < 0 { return nil }
    _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC)
    _ = fcntl(descriptor, F_SETFL, O_NONBLOCK)
    return Connection(
      descriptor: descriptor, router: listener.router, client: IPv4(UInt32(bigEndian: peer.sin_addr.s_addr)),
      deadline: .now + .seconds(5))
  }

  /// False when the connection is over.
  private func advance(_ connection: inout Connection) -> Bool {
    if connection.response.isEmpty {
      var buffer = [UInt8](repeating: 0, count: 4096)
      let count = recv(connection.descriptor, &buffer, buffer.count, 0)
      if count == 0 || (count < 0 && errno != EAGAIN) { return false }
      connection.request += buffer.prefix(max(0, count))
      if connection.request.count > Self.headerLimit {
        connection.response = Self.response(431, "Request Header Fields Too Large", [])
      } else if Self.isComplete(connection.request) {
        connection.response = answer(connection)
      } else {
        return true
      }
    }
    while connection.sent < connection.response.count {
      let start = connection.sent
      let count = connection.response.withUnsafeBytes {
        send(connection.descriptor, $0.baseAddress?.advanced(by: start), $0.count - start, Int32(MSG_NOSIGNAL))
      }
      if count < 0 { return errno == EAGAIN }
      connection.sent += count
    }
    shutdown(connection.descriptor, Int32(SHUT_WR))
    return false
  }

  private static func isComplete(_ request: [UInt8]) -> Bool {
    var line = 0
    for byte in request where byte != 13 {
      if byte == 10 {
        if line == 0 { return true }
        line = 0
      } else {
        line += 1
      }
    }
    return false
  }

  private func answer(_ connection: Connection) -> [UInt8] {
    let line = String(decoding: connection.request.prefix { $0 != 10 && $0 != 13 }, as: UTF8.self)
    let words = line.split(separator: " ")
    guard words.count >= 2, words[0] == "GET" else { return Self.response(405, "Method Not Allowed", []) }
    guard let metadata = source.metadata(router: connection.router, client: connection.client),
      let body = Self.body(String(words[1]), metadata)
    else { return Self.response(404, "Not Found", []) }
    return Self.response(200, "OK", body)
  }

  private static let names = [
    "availability-zone", "instance-id", "local-hostname", "local-ipv4", "public-ipv4", "public-keys",
    "service-offering", "vm-id",
  ]

  static func body(_ path: String, _ metadata: InstanceMetadata) -> [UInt8]? {
    var path = path[...]
    while path.count > 1 && path.last == "/" { path.removeLast() }
    let parts = path.split(separator: "/").map(String.init)
    guard parts.first == "latest" else { return parts.isEmpty ? Array("latest\n".utf8) : nil }
    if parts.count == 1 { return Array("user-data\nmeta-data\n".utf8) }
    if parts == ["latest", "user-data"] { return metadata.userData }
    guard parts[1] == "meta-data", parts.count <= 3 else { return nil }
    if parts.count == 2 { return Array(names.map { $0 + "\n" }.joined().utf8) }
    let text: String? =
      switch parts[2] {
      case "instance-id", "vm-id": metadata.instanceID
      case "local-hostname": metadata.hostName
      case "local-ipv4": metadata.localAddress.description
      case "public-ipv4": (metadata.publicAddress ?? metadata.localAddress).description
      case "public-keys": metadata.publicKeys.map { $0 + "\n" }.joined()
      case "service-offering": metadata.offering
      case "availability-zone": metadata.zone
      default: nil
      }
    return text.map { Array($0.utf8) }
  }

  private static func response(_ code: Int, _ reason: String, _ body: [UInt8]) -> [UInt8] {
    Array(
      "HTTP/1.0 \(code) \(reason)\r\nContent-Type: text/plain\r\nContent-Length: \(body.count)\r\nConnection: close\r\n\r\n"
        .utf8) + body
  }
}
