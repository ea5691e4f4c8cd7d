import Control
import CoreMetrics
import Hummingbird
import Logging
import Prometheus

/// `/metrics`, on loopback: what it tells is the operators' alone.
enum MetricsListener {
  /// What this process counts. To be called once, before anything is counted.
  static func begin() -> Registry {
    let registry = Registry()
    MetricsSystem.bootstrap(registry)
    return registry
  }

  /// - Parameter control: of the manager that leads; nil while this one does not.
  static func run(
    port: Int, _ registry: Registry, _ logger: Logger, control: @escaping @Sendable () -> Control?
  ) async throws {
    let router = Router()
    router.get("/metrics") { _, _ in
      // How the cloud stands is told anew each time: nothing of what is gone, or of when this manager led, remains.
      let standing = Registry()
      let control = control()
      standing.makeMeter(label: "daruma_leads", dimensions: []).set(Int64(control == nil ? 0 : 1))
      if let control { CloudMetrics.record(control, in: standing) }
      return Response(
        status: .ok, headers: [.contentType: "text/plain; version=0.0.4; charset=utf-8"],
        body: .init(byteBuffer: ByteBuffer(string: registry.exposition() + standing.exposition())))
    }
    try await Application(
      router: router, configuration: .init(address: .hostname("127.0.0.1", port: port), serverName: "daruma"),
      logger: logger
    ).run()
  }
}
