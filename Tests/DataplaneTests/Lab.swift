import Addresses
import Dataplane
import Glibc
import Kernel
import Logging
import NodePlan
import Synchronization

/// A node of its own below /tmp, with a namespace for the host and some for instances. Ends with everything removed.
final class Lab: Sendable {
  let configuration: NetworkConfiguration
  let host: NetworkNamespace
  let network: NodeNetwork
  let folder: String
  let logger = Logger(label: "lab")
  let reports = Mutex<[ScopeReport]>([])
  let generation = Atomic<UInt64>(0)

  struct Metadata: MetadataSource {
    func metadata(router: String, client: IPv4) -> InstanceMetadata? {
      guard client.value & 0xFF == 10 else { return nil }
      return InstanceMetadata(
        userData: Array("#cloud-config\n".utf8), instanceID: "i-\(router.isEmpty ? "fabric" : "isolated")",
        hostName: "web", localAddress: client)
    }
  }

  static func with(fault: RenderingFault? = nil, _ body: (Lab) async throws -> Void) async throws {
    let lab = try Lab(fault: fault)
    do {
      try await lab.network.start()
      try await body(lab)
    } catch {
      await lab.end()
      throw error
    }
    await lab.end()
  }

  private init(fault: RenderingFault?) throws {
    folder = "/tmp/daruma-test-\(String(UInt64.random(in: 0...UInt64.max), radix: 36))"
    host = try NetworkNamespace.create(at: folder + "-ns/host")
    var configuration = NetworkConfiguration(stateDirectory: folder, node: "node", hostNamespace: host)
    configuration.renderingFault = fault
    self.configuration = configuration
    let box = Box()
    network = NodeNetwork(
      configuration: configuration, metadata: Metadata(), logger: logger,
      report: { report in box.lab?.reports.withLock { $0.append(report) } })
    box.set(self)
  }

  final class Box: Sendable {
    private let held = Mutex<Weak>(Weak())
    struct Weak { weak var lab: Lab? }
    var lab: Lab? { held.withLock { $0.lab } }
    func set(_ lab: Lab) { held.withLock { $0.lab = lab } }
  }

  func end() async {
    await network.stop()
    try? await NodeNetwork.destroy(configuration: configuration)
    for name in namespaces.withLock({ $0 }) + ["host"] { try? NetworkNamespace.unmount(path: folder + "-ns/" + name) }
    for server in servers.withLock({ $0 }) { server.stopped.store(true, ordering: .relaxed) }
    _ = try? run("/bin/rm", ["-rf", folder, folder + "-ns"])
  }

  let namespaces = Mutex<[String]>([])

  @discardableResult
  func run(_ program: String, _ arguments: [String], in namespace: NetworkNamespace? = nil) throws -> String {
    let log = "\(folder)-ns/out-\(UInt32.random(in: 0...UInt32.max))"
    let child = try ChildProcess.spawn(
      executable: program, arguments: arguments, namespace: namespace, environment: ["PATH": "/usr/sbin:/usr/bin:/bin"],
      logPath: log)
    let limit = ContinuousClock.now + .seconds(20)
    while child.isAlive && ContinuousClock.now < limit { usleep(2000) }
    let file = open(log, O_RDONLY)
    defer {
      close(file)
      unlink(log)
    }
    var bytes = [UInt8](repeating: 0, count: 1 << 20)
    let count = read(file, &bytes, bytes.count)
    return String(decoding: bytes.prefix(max(0, count)), as: UTF8.self)
  }

  func namespace(_ name: String) throws -> NetworkNamespace {
    try NetworkNamespace.open(path: configuration.namespacePath(name))
  }

  @discardableResult
  func apply(_ objects: [PlanObject], removing: [String] = [], complete: Bool = false) async -> UInt64 {
    let number = generation.add(1, ordering: .relaxed).newValue
    await network.apply(
      PlanChange(generation: number, complete: complete, upserts: objects, removals: removing))
    return number
  }

  func last(_ scope: String) -> ScopeReport? {
    reports.withLock { $0.last { $0.scope == scope } }
  }

  /// Waits, for at most so many seconds, until `condition` holds.
  func wait(_ seconds: Int = 20, _ condition: () throws -> Bool) async rethrows -> Bool {
    let limit = ContinuousClock.now + .seconds(seconds)
    while ContinuousClock.now < limit {
      if try condition() { return true }
      try? await Task.sleep(for: .milliseconds(5))
    }
    return false
  }

  /// A simulated instance on a port of the fabric or of a network, with its address set by hand.
  func instance(_ port: Port, gateway: String, length: Int = 16) async throws -> NetworkNamespace {
    let name = "i-" + port.id.prefix(8)
    let namespace = try NetworkNamespace.create(at: folder + "-ns/" + name)
    namespaces.withLock { $0.append(name) }
    try await network.attachVeth(port, to: namespace)
    let routes = try RouteSocket(in: namespace)
    try routes.setUp("eth0")
    try routes.addAddress(IPv4(port.address), prefixLength: length, link: "eth0")
    guard let via = IPv4(gateway) else { throw KernelError(code: EINVAL, operation: "parse \(gateway)") }
    try routes.replaceRoute(.any, via: via, link: "eth0")
    return namespace
  }

  /// Answers TCP connections and datagrams with the name and the address they came from.
  func serve(_ name: String, port: UInt16, in namespace: NetworkNamespace) throws {
    let listener = try NamespaceSocket.listenTCP(.init(0), port: port, in: namespace).release()
    let datagrams = try NamespaceSocket.bindUDP(.init(0), port: port, in: namespace).release()
    let thread = Server(listener: listener, datagrams: datagrams, name: name)
    var handle = pthread_t()
    pthread_create(
      &handle, nil,
      { argument in
        if let argument { Unmanaged<Server>.fromOpaque(argument).takeRetainedValue().run() }
        return nil
      }, Unmanaged.passRetained(thread).toOpaque())
    pthread_detach(handle)
    servers.withLock { $0.append(thread) }
  }

  let servers = Mutex<[Server]>([])

  final class Server: Sendable {
    let listener: Int32
    let datagrams: Int32
    let name: String
    let stopped = Atomic(false)

    init(listener: Int32, datagrams: Int32, name: String) {
      self.listener = listener
      self.datagrams = datagrams
      self.name = name
    }

    func run() {
      var open: [Int32] = []
      while !stopped.load(ordering: .relaxed) {
        var watched = ([listener, datagrams] + open).map { pollfd(fd: $0, events: Int16(POLLIN), revents: 0) }
        if poll(&watched, nfds_t(watched.count), 200) <= 0 { continue }
        var peer = sockaddr_in()
        for entry in watched where entry.revents != 0 {
          var size = socklen_t(16)
          withUnsafeMutablePointer(to: &peer) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
              var buffer = [UInt8](repeating: 0, count: 512)
              if entry.fd == listener {
                let socket = accept(listener, address, &size)
                if socket >= 0 {
                  open.append(socket)
                  let text = Array("\(name) \(source(address))\n".utf8)
                  _ = send(socket, text, text.count, Int32(MSG_NOSIGNAL))
                }
              } else if entry.fd == datagrams {
                let count = recvfrom(datagrams, &buffer, buffer.count, 0, address, &size)
                if count > 0 {
                  let text = Array("\(name) \(source(address))\n".utf8)
                  _ = sendto(datagrams, text, text.count, 0, address, size)
                }
              } else {
                let count = recv(entry.fd, &buffer, buffer.count, 0)
                if count > 0 {
                  _ = send(entry.fd, buffer, count, Int32(MSG_NOSIGNAL))
                } else {
                  close(entry.fd)
                  open.removeAll { $0 == entry.fd }
                }
              }
            }
          }
        }
      }
      for socket in open + [listener, datagrams] { close(socket) }
    }

    private func source(_ address: UnsafeMutablePointer<sockaddr>) -> IPv4 {
      address.withMemoryRebound(to: sockaddr_in.self, capacity: 1) {
        IPv4(UInt32(bigEndian: $0.pointee.sin_addr.s_addr))
      }
    }
  }
}

/// A TCP connection or UDP flow of a test.
final class Talk {
  let descriptor: Int32

  init?(
    tcp: Bool = true, to address: IPv4, _ port: UInt16, in namespace: NetworkNamespace, sourcePort: UInt16 = 0,
    timeout: Int32 = 1000
  ) {
    let made = try? namespace.run { () -> Int32 in
      let kind = tcp ? SOCK_STREAM : SOCK_DGRAM
      let socket = Glibc.socket(AF_INET, Int32(kind.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
      var on: Int32 = 1
      setsockopt(socket, SOL_SOCKET, SO_REUSEADDR, &on, 4)
      return socket
    }
    guard let made, made >= 0 else { return nil }
    descriptor = made
    _ = fcntl(made, F_SETFL, O_NONBLOCK)
    if sourcePort != 0 { _ = Self.with(IPv4(0), sourcePort) { bind(made, $0, $1) } }
    let result = Self.with(address, port) { connect(made, $0, $1) }
    if result < 0 && errno != EINPROGRESS { return nil }
    guard tcp else { return }
    var watched = pollfd(fd: made, events: Int16(POLLOUT), revents: 0)
    if poll(&watched, 1, timeout) <= 0 { return nil }
    var code: Int32 = 0
    var size = socklen_t(4)
    getsockopt(made, SOL_SOCKET, SO_ERROR, &code, &size)
    if code != 0 { return nil }
  }

  deinit { close(descriptor) }

  private static func with(
    _ address: IPv4, _ port: UInt16, _ body: (UnsafePointer<sockaddr>?, socklen_t) -> Int32
  ) -> Int32 {
    var value = sockaddr_in()
    value.sin_family = sa_family_t(AF_INET)
    value.sin_port = port.bigEndian
    value.sin_addr.s_addr = address.value.bigEndian
    return withUnsafeBytes(of: &value) { body($0.baseAddress?.assumingMemoryBound(to: sockaddr.self), 16) }
  }

  func say(_ text: String) {
    let bytes = Array(text.utf8)
    _ = send(descriptor, bytes, bytes.count, Int32(MSG_NOSIGNAL))
  }

  /// What comes within the time, without line ends; nil for nothing or the end.
  func hear(_ milliseconds: Int32 = 1000) -> String? {
    var watched = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
    if poll(&watched, 1, milliseconds) <= 0 { return nil }
    var buffer = [UInt8](repeating: 0, count: 4096)
    let count = recv(descriptor, &buffer, buffer.count, 0)
    if count <= 0 { return nil }
    return String(decoding: buffer.prefix(count).filter { $0 != 10 }, as: UTF8.self)
  }

  /// What becomes of a datagram to where nothing takes it: the error that it comes back as, 0 for none within the time.
  static func error(
    _ address: String, _ port: UInt16, in namespace: NetworkNamespace, hops: Int32 = 64, _ milliseconds: Int32 = 1000
  ) -> Int32 {
    guard let target = IPv4(address), let talk = Talk(tcp: false, to: target, port, in: namespace) else { return 0 }
    var (yes, hops): (Int32, Int32) = (1, hops)
    setsockopt(talk.descriptor, 0, IP_RECVERR, &yes, 4)
    setsockopt(talk.descriptor, 0, IP_TTL, &hops, 4)
    talk.say("x")
    var watched = pollfd(fd: talk.descriptor, events: Int16(POLLIN), revents: 0)
    if poll(&watched, 1, milliseconds) <= 0 { return 0 }
    var byte: UInt8 = 0
    return recv(talk.descriptor, &byte, 1, 0) < 0 ? errno : 0
  }

  /// Asks over a new TCP connection.
  static func ask(_ address: String, _ port: UInt16, in namespace: NetworkNamespace, timeout: Int32 = 1000) -> String? {
    guard let target = IPv4(address) else { return nil }
    return Talk(to: target, port, in: namespace, timeout: timeout)?.hear(timeout)
  }

  static func askUDP(
    _ address: String, _ port: UInt16, in namespace: NetworkNamespace, sourcePort: UInt16, timeout: Int32 = 300
  ) -> String? {
    guard let target = IPv4(address),
      let talk = Talk(tcp: false, to: target, port, in: namespace, sourcePort: sourcePort)
    else { return nil }
    talk.say("x")
    return talk.hear(timeout)
  }
}
