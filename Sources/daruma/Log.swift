import Dispatch
import Glibc
import Logging

enum Log {
  static func make(_ label: String, level: Logger.Level = .info) -> Logger {
    var logger = Logger(label: "daruma.\(label)", factory: { _ in LogLines(label) })
    logger.logLevel = level
    return logger
  }

  static let silent = Logger(label: "daruma") { _ in SwiftLogNoOpLogHandler() }
}

enum Signals {
  /// Runs `body` until it ends or the process is asked to end by SIGTERM or SIGINT, which cancels it.
  static func untilTerminated(_ body: @escaping @Sendable () async throws -> Void) async throws {
    let (signals, continuation) = AsyncStream.makeStream(of: Int32.self)
    let sources = [SIGTERM, SIGINT].map { number in
      signal(number, SIG_IGN)
      let source = DispatchSource.makeSignalSource(signal: number, queue: .global())
      source.setEventHandler { continuation.yield(number) }
      source.resume()
      return source
    }
    defer { for source in sources { source.cancel() } }
    try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask { try await body() }
      group.addTask {
        for await _ in signals { return }
        try await Task.sleep(for: .seconds(86_400 * 365))
      }
      defer { group.cancelAll() }
      do { try await group.next() } catch is CancellationError {}
    }
  }
}
