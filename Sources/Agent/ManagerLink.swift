import GRPCCore
import GRPCNIOTransportHTTP2Posix
import Glibc
package import Logging
package import NodePlan

/// The agent's end of the link: dials the manager for as long as it runs, tells it what the board holds, and hands on
/// what it sends.
package struct ManagerLink: Sendable {
  private static let firstDelay = Duration.milliseconds(50)
  private static let longestDelay = Duration.milliseconds(250)
  private static let gathering = Duration.milliseconds(5)

  private let socketPath: String
  private let board: ReportBoard
  private let logger: Logger
  private let hello: @Sendable () async -> Hello
  private let receive: @Sendable ([PlanUpdate]) async -> Void

  /// - Parameters:
  ///   - hello: what to say first on every connection.
  ///   - receive: is called for whole updates in order, with all that arrived while it was busy.
  package init(
    socketPath: String, board: ReportBoard, logger: Logger, hello: @escaping @Sendable () async -> Hello,
    receive: @escaping @Sendable ([PlanUpdate]) async -> Void
  ) {
    self.socketPath = socketPath
    self.board = board
    self.logger = logger
    self.hello = hello
    self.receive = receive
  }

  /// Returns when the task is cancelled.
  package func run() async {
    var delay = ManagerLink.firstDelay
    var isReported = false
    while !Task.isCancelled {
      do {
        if try await connect() { delay = ManagerLink.firstDelay }
        isReported = false
        logger.info("the manager ended the connection")
      } catch {
        if Task.isCancelled { break }
        if !isReported {
          logger.warning("no connection to the manager at \(socketPath), going on without: \(error)")
          isReported = true
        }
      }
      do { try await Task.sleep(for: delay) } catch { break }
      delay = min(delay * 2, ManagerLink.longestDelay)
    }
  }

  /// One connection; true if the manager said anything. It is given up as soon as another manager listens under the
  /// socket's name: the one before has died, or is frozen and may not know that it leads no more.
  private func connect() async throws -> Bool {
    let listener = listener()
    return try await withThrowingTaskGroup(of: Bool.self) { group in
      group.addTask { try await converse() }
      group.addTask {
        while true {
          try await Task.sleep(for: .milliseconds(100))
          if let now = self.listener(), now != listener { return true }
        }
      }
      defer { group.cancelAll() }
      return try await group.next() ?? false
    }
  }

  /// The socket's inode; it is another one for every manager that listens.
  private func listener() -> UInt? {
    var status = stat()
    return stat(socketPath, &status) == 0 ? status.st_ino : nil
  }

  private func converse() async throws -> Bool {
    let transport = try HTTP2ClientTransport.Posix(
      target: .unixDomainSocket(path: socketPath, authority: "manager"), transportSecurity: .plaintext,
      config: .defaults { config in
        // One attempt: the loop around this one has the patience.
        config.backoff.initial = .milliseconds(50)
        config.backoff.max = .seconds(1)
      })
    var options = CallOptions.defaults
    options.maxResponseMessageBytes = NodeLink.messageLimit
    options.maxRequestMessageBytes = NodeLink.messageLimit
    options.waitForReady = false
    let callOptions = options
    let board = self.board
    let receive = self.receive
    let logger = self.logger
    let hello = self.hello
    defer { board.disconnect() }
    return try await withGRPCClient(transport: transport) { client in
      let request = StreamingClientRequest<NodeReport> { writer in
        board.connect(await hello())
        while let report = await board.next() { try await writer.write(report) }
      }
      return try await client.bidirectionalStreaming(
        request: request, descriptor: NodeLink.connect, serializer: PlanSerializer<NodeReport>(),
        deserializer: PlanDeserializer<PlanUpdate>(), options: callOptions
      ) { response in
        _ = try response.accepted.get()
        logger.info("connected to the manager")
        let queue = UpdateQueue()
        async let following: Void = {
          while let updates = await queue.takeAll() {
            await receive(updates)
            // Where several came at once more are on their way, and a step costs nearly the same for many as for few.
            if updates.count > 1 { try? await Task.sleep(for: ManagerLink.gathering) }
          }
        }()
        var assembly = UpdateAssembly()
        var isHeard = false
        do {
          for try await part in response.messages {
            isHeard = true
            switch assembly.add(part) {
            case .partial: continue
            case .whole(let update): await queue.put(update)
            case .broken(let reason): throw RPCError(code: .dataLoss, message: reason)
            }
          }
        } catch {
          await queue.close()
          await following
          throw error
        }
        await queue.close()
        await following
        return isHeard
      }
    }
  }
}
