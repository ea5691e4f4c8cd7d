import CLibvirt
import Glibc
import Synchronization

/// A connection to a private libvirtd. All calls run in order on one thread of the connection's own; a connection that
/// broke is opened again by the next call. Every call has a time limit; a call that passed it may still take effect.
package final class LibvirtConnection: Sendable {
  package enum State: String, Hashable, Sendable {
    case running, blocked, paused, shutdown, shutoff, crashed, suspended, unknown
  }

  package struct Domain: Hashable, Sendable {
    package var uuid: String
    package var name: String
    package var state: State
  }

  private let thread = SerialThread()
  private let session: Mutex<Session>

  package init(socketPath: String) {
    session = Mutex(Session(socketPath: socketPath))
  }

  package convenience init(_ libvirt: PrivateLibvirt) {
    self.init(socketPath: libvirt.socketPath)
  }

  deinit {
    session.withLock { $0.close() }
    thread.close()
  }

  /// Gives the connection back; the next call opens it again.
  package func close() async throws {
    try await thread.run("close", timeLimit: .seconds(10)) { [self] in session.withLock { $0.close() } }
  }

  /// Defines the machine, or defines it anew, and starts it unless it is active.
  package func create(_ xml: String, timeLimit: Duration = .seconds(60)) async throws {
    try await call("create", timeLimit) { connection in
      guard let domain = virDomainDefineXMLFlags(connection, xml, UInt32(VIR_DOMAIN_DEFINE_VALIDATE.rawValue)) else {
        throw Self.lastError("define the machine")
      }
      defer { virDomainFree(domain) }
      if virDomainIsActive(domain) == 1 { return }
      guard virDomainCreate(domain) == 0 else { throw Self.lastError("start the machine") }
    }
  }

  /// Starts a defined machine unless it is active.
  package func start(uuid: String, timeLimit: Duration = .seconds(60)) async throws {
    try await onDomain("start", uuid, timeLimit) { virDomainIsActive($0) == 1 ? 0 : virDomainCreate($0) }
  }

  /// Forces the machine off; it stays defined. A machine that is off already is no error.
  package func destroy(uuid: String, timeLimit: Duration = .seconds(60)) async throws {
    try await onDomain("destroy", uuid, timeLimit) { virDomainIsActive($0) == 1 ? virDomainDestroy($0) : 0 }
  }

  /// Presses the power button; returns before the guest has acted, if it does.
  package func shutdown(uuid: String, timeLimit: Duration = .seconds(20)) async throws {
    try await onDomain("shutdown", uuid, timeLimit) {
      virDomainShutdownFlags($0, UInt32(VIR_DOMAIN_SHUTDOWN_ACPI_POWER_BTN.rawValue))
    }
  }

  /// Resets the machine as its reset button does: the guest is not asked.
  package func reset(uuid: String, timeLimit: Duration = .seconds(20)) async throws {
    try await onDomain("reset", uuid, timeLimit) { virDomainReset($0, 0) }
  }

  /// Forgets a machine. One that runs goes on until it is destroyed, and is gone then.
  package func undefine(uuid: String, timeLimit: Duration = .seconds(20)) async throws {
    try await onDomain("undefine", uuid, timeLimit) { virDomainUndefine($0) }
  }

  package func domains(timeLimit: Duration = .seconds(20)) async throws -> [Domain] {
    try await call("list", timeLimit) { connection in
      var list: UnsafeMutablePointer<virDomainPtr?>?
      let count = virConnectListAllDomains(connection, &list, 0)
      guard count >= 0 else { throw Self.lastError("list the machines") }
      defer { free(list) }
      var domains: [Domain] = []
      for index in 0..<Int(count) {
        guard let domain = list?[index] else { continue }
        // A machine that vanished meanwhile is left out.
        if let described = Self.describe(domain) { domains.append(described) }
        virDomainFree(domain)
      }
      return domains.sorted { $0.name < $1.name }
    }
  }

  /// Nil when libvirt does not know the machine.
  package func domain(uuid: String, timeLimit: Duration = .seconds(20)) async throws -> Domain? {
    try await call("look up", timeLimit) { connection in
      guard let domain = virDomainLookupByUUIDString(connection, uuid) else {
        let error = Self.lastError("look up machine \(uuid)")
        if error.code == .noSuchMachine { return nil }
        throw error
      }
      defer { virDomainFree(domain) }
      return Self.describe(domain)
    }
  }

  // MARK: - Calls

  private func onDomain(
    _ name: String, _ uuid: String, _ timeLimit: Duration, _ body: @escaping @Sendable (virDomainPtr) -> Int32
  ) async throws {
    try await call(name, timeLimit) { connection in
      guard let domain = virDomainLookupByUUIDString(connection, uuid) else {
        throw Self.lastError("look up machine \(uuid)")
      }
      defer { virDomainFree(domain) }
      guard body(domain) == 0 else { throw Self.lastError("\(name) machine \(uuid)") }
    }
  }

  private func call<Result: Sendable>(
    _ name: String, _ timeLimit: Duration, _ body: @escaping @Sendable (virConnectPtr) throws -> Result
  ) async throws -> Result {
    try await thread.run(name, timeLimit: timeLimit) { [self] in
      try session.withLock { session in
        do {
          return try body(session.connection())
        } catch let error as HypervisorError where error.isBrokenConnection {
          // Every call may be repeated: it asks for a state and is content with finding it.
          session.close()
          return try body(session.connection())
        }
      }
    }
  }

  private static func describe(_ domain: virDomainPtr) -> Domain? {
    var uuid = [CChar](repeating: 0, count: Int(VIR_UUID_STRING_BUFLEN))
    var state: Int32 = 0
    guard virDomainGetUUIDString(domain, &uuid) == 0, let name = virDomainGetName(domain),
      virDomainGetState(domain, &state, nil, 0) == 0
    else { return nil }
    let states: [State] = [.unknown, .running, .blocked, .paused, .shutdown, .shutoff, .crashed, .suspended]
    let text = String(decoding: uuid.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    return Domain(
      uuid: text, name: String(cString: name),
      state: states.indices.contains(Int(state)) ? states[Int(state)] : .unknown)
  }

  /// libvirt keeps the last error per thread: to be called on the thread of the failed call.
  fileprivate static func lastError(_ action: String) -> HypervisorError {
    guard let error = virGetLastError() else {
      return HypervisorError(.libvirt(code: 0, domain: 0), "cannot \(action): libvirt does not say why")
    }
    let code = error.pointee.code
    let said = error.pointee.message.map { String(cString: $0) } ?? "error \(code)"
    if code == Int32(VIR_ERR_NO_DOMAIN.rawValue) { return HypervisorError(.noSuchMachine, "cannot \(action): \(said)") }
    return HypervisorError(.libvirt(code: code, domain: error.pointee.domain), "cannot \(action): \(said)")
  }
}

extension HypervisorError {
  fileprivate var isBrokenConnection: Bool {
    guard case .libvirt(let code, let domain) = code else { return false }
    return domain == Int32(VIR_FROM_RPC.rawValue) || code == Int32(VIR_ERR_RPC.rawValue)
      || code == Int32(VIR_ERR_INVALID_CONN.rawValue)
  }
}

/// The open connection, used on the connection's thread only.
private struct Session {
  let socketPath: String
  /// A `virConnectPtr`, as an address: the pointer itself cannot be sent to the thread.
  private var open: UInt?

  init(socketPath: String) { self.socketPath = socketPath }

  mutating func connection() throws -> virConnectPtr {
    if let open, let connection = virConnectPtr(bitPattern: open) {
      if virConnectIsAlive(connection) == 1 { return connection }
      close()
    }
    guard EventLoop.isRunning else {
      throw HypervisorError(.libvirt(code: 0, domain: 0), "cannot start libvirt's event loop")
    }
    // A socket's path is limited to 107 bytes; through a descriptor of its folder any path is short.
    let slash = socketPath.lastIndex(of: "/") ?? socketPath.startIndex
    let folder = Glibc.open(String(socketPath[..<slash]), O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard folder >= 0 else {
      throw HypervisorError(.fileSystem, "libvirtd's socket \(socketPath) is not there; start libvirtd first")
    }
    defer { Glibc.close(folder) }
    let uri = "qemu:///system?mode=legacy&socket=/proc/self/fd/\(folder)\(socketPath[slash...])"
    guard let connection = virConnectOpen(uri) else { throw LibvirtConnection.lastError("connect to \(socketPath)") }
    // A libvirtd that hangs is given up after 5 × 3 seconds.
    virConnectSetKeepAlive(connection, 5, 3)
    open = UInt(bitPattern: connection)
    return connection
  }

  mutating func close() {
    if let open, let connection = virConnectPtr(bitPattern: open) { virConnectClose(connection) }
    open = nil
  }
}

/// libvirt's event loop: one thread per process, needed for keep-alive messages.
private enum EventLoop {
  static let isRunning: Bool = {
    daruma_libvirt_silence()
    guard virInitialize() == 0, virEventRegisterDefaultImpl() == 0 else { return false }
    var thread = pthread_t()
    let error = pthread_create(
      &thread, nil,
      { _ in
        SerialThread.blockSignals()
        while true {
          // A failing poll must not become a busy loop.
          if virEventRunDefaultImpl() < 0 { usleep(100_000) }
        }
      }, nil)
    guard error == 0 else { return false }
    pthread_detach(thread)
    return true
  }()
}
