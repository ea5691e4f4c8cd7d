import CloudStackAPI
import Hummingbird
import Logging

/// Answers calls without keys on a port of the loopback address, for those who asked for that when they started the cloud.
struct IntegrationPort: Sendable {
  let server: APIServer
  let port: Int
  let logger: Logger

  /// Until cancelled.
  func run() async throws {
    let router = Router()
    server.addIntegration(to: router)
    logger.warning("calls are answered without keys", metadata: ["address": "127.0.0.1:\(port)"])
    try await Application(
      router: router, configuration: .init(address: .hostname("127.0.0.1", port: port), serverName: "daruma"),
      logger: logger
    ).run()
  }
}
