internal import CLinux
internal import GRPCCore
internal import GRPCNIOTransportHTTP2Posix
internal import Glibc
package import Logging
package import NodePlan

/// Listens on a Unix socket for the agents of nodes and runs one session for each that connects.
package struct NodeServer: Sendable {
  private let socketPath: String
  private let takesOver: Bool
  private let logger: Logger
  private let session: @Sendable (NodeSession) async throws -> Void

  /// - Parameters:
  ///   - takesOver: takes the socket's name from a manager that answers on it still, but leads no more.
  ///   - session: runs for as long as the agent is connected, and is cancelled when it is not any more.
  package init(
    socketPath: String, takesOver: Bool = false, logger: Logger,
    session: @escaping @Sendable (NodeSession) async throws -> Void
  ) {
    self.socketPath = socketPath
    self.takesOver = takesOver
    self.logger = logger
    self.session = session
  }

  /// Serves until it is cancelled. Throws if another process answers on the socket and is not to be taken over.
  package func run() async throws {
    let listener = try UnixListener.bind(socketPath, takesOver: takesOver)
    defer { UnixListener.remove(listener) }
    let transport = HTTP2ServerTransport.Posix(
      listeningSocketDescriptor: Int(listener.descriptor), transportSecurity: .plaintext,
      config: .defaults { config in
        config.rpc.maxRequestPayloadSize = NodeLink.messageLimit
        config.http2.targetWindowSize = 4 << 20
      })
    var router = RPCRouter<HTTP2ServerTransport.Posix>()
    let session = self.session
    let logger = self.logger
    router.registerHandler(
      forMethod: NodeLink.connect, deserializer: PlanDeserializer<NodeReport>(),
      serializer: PlanSerializer<PlanUpdate>()
    ) { request, context in
      StreamingServerResponse { writer in
        do {
          try await NodeServer.until(context.cancellation) {
            try await session(NodeSession(messages: request.messages, writer: writer))
          }
        } catch {
          logger.debug("the session of a node ended: \(error)")
          throw error
        }
        return [:]
      }
    }
    let server = GRPCServer(transport: transport, router: router)
    logger.info("listening for nodes on \(socketPath)")
    try await server.serve()
  }

  // gRPC tells a handler that its peer is gone, but does not cancel its task.
  private static func until(
    _ cancellation: ServerContext.RPCCancellationHandle, _ body: @escaping @Sendable () async throws -> Void
  ) async throws {
    try await withThrowingTaskGroup(of: Bool.self) { group in
      group.addTask {
        try await body()
        return true
      }
      group.addTask {
        try await cancellation.cancelled
        return false
      }
      defer { group.cancelAll() }
      _ = try await group.next()
    }
  }
}

/// One agent's connection.
package struct NodeSession: Sendable {
  let messages: RPCAsyncSequence<NodeReport, any Error>
  let writer: RPCWriter<PlanUpdate>

  /// What the agent reports, a Hello first; to be read by one task only. It ends or throws with the connection.
  package var reports: some AsyncSequence<NodeReport, any Error> & Sendable { messages }

  /// Sends an update, a large one in several parts; waits while the agent is slow to read.
  package func send(_ update: PlanUpdate) async throws {
    for part in update.parts() { try await writer.write(part) }
  }
}

/// A listening socket with a name in the file system.
private struct UnixListener {
  let descriptor: Int32
  let path: String
  let inode: UInt64

  /// Mode 0600 from the first moment. The name of a process that died is taken over, a living one's only when asked to.
  static func bind(_ path: String, takesOver: Bool) throws -> UnixListener {
    if !takesOver && answers(path) {
      throw NodeServerError(
        code: .inUse, message: "another manager answers on \(path); stop it first", cause: nil)
    }
    let temporary = "\(path).\(getpid())"
    guard var address = socketAddress(temporary), temporary.utf8.count < 108 else {
      throw NodeServerError(
        code: .badPath, message: "the socket path \(path) is too long; use a shorter state folder", cause: nil)
    }
    func failure(_ what: String) -> NodeServerError {
      NodeServerError(
        code: .cannotListen, message: "cannot listen on \(path)", cause: "\(what): \(String(cString: strerror(errno)))")
    }
    let descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
    if descriptor < 0 { throw failure("socket") }
    unlink(temporary)
    let bound = withUnsafePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        Glibc.bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
      }
    }
    let inode = daruma_inode(temporary)
    guard bound == 0, chmod(temporary, 0o600) == 0, listen(descriptor, 16) == 0, inode != 0,
      rename(temporary, path) == 0
    else {
      let error = failure("bind")
      close(descriptor)
      unlink(temporary)
      throw error
    }
    return UnixListener(descriptor: descriptor, path: path, inode: inode)
  }

  /// Takes the name away unless it is another listener's by now. The descriptor is the transport's to close.
  static func remove(_ listener: UnixListener) {
    if daruma_inode(listener.path) == listener.inode { unlink(listener.path) }
  }

  private static func answers(_ path: String) -> Bool {
    guard var address = socketAddress(path) else { return false }
    let descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
    if descriptor < 0 { return false }
    defer { close(descriptor) }
    return withUnsafePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
      }
    } == 0
  }

  private static func socketAddress(_ path: String) -> sockaddr_un? {
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    let bytes = Array(path.utf8)
    if bytes.isEmpty || bytes.count >= MemoryLayout.size(ofValue: address.sun_path) { return nil }
    withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: bytes) }
    return address
  }
}

/// Why the manager cannot listen for nodes.
package struct NodeServerError: Error, CustomStringConvertible, Sendable {
  package enum Code: Sendable { case inUse, badPath, cannotListen }

  package let code: Code
  package let message: String
  package let cause: String?

  package var description: String { cause.map { "\(message): \($0)" } ?? message }
}
