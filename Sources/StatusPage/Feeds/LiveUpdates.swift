import Hummingbird

/// Server-sent events: an event `status` with the summary's status and open incidents after every change.
struct LiveUpdates {
  var board: StatusBoard

  /// A change now and then; many at once are told as one.
  static let pace = Duration.milliseconds(500)
  /// A comment keeps the connection from being taken for dead.
  static let heartbeat = Duration.seconds(15)

  var response: Response {
    guard let changes = board.changes() else {
      return Response(
        status: .serviceUnavailable, headers: [.retryAfter: "30", .contentType: "text/plain; charset=utf-8"],
        body: .init(byteBuffer: ByteBuffer(string: "Too many readers follow the page live; read it again instead.\n")))
    }
    let board = board
    return Response(
      status: .ok,
      headers: [
        .contentType: "text/event-stream; charset=utf-8", .cacheControl: "no-store", .accessControlAllowOrigin: "*",
        .xContentTypeOptions: "nosniff",
      ],
      body: ResponseBody { writer in
        try await writer.write(ByteBuffer(string: "retry: 5000\n\n"))
        for await event in Self.paced(changes) {
          switch event {
          case .change(let revision):
            let text = board.rendered(.summary, .en).text
            try await writer.write(
              ByteBuffer(string: "id: \(board.boot)-\(revision)\nevent: status\ndata: \(text)\n\n"))
          case .silence:
            try await writer.write(ByteBuffer(string: ": still here\n\n"))
          }
        }
        try await writer.finish(nil)
      })
  }

  private enum Event { case change(UInt64), silence }

  /// Changes and heartbeats in one stream.
  private static func paced(_ changes: AsyncStream<UInt64>) -> AsyncStream<Event> {
    let (stream, continuation) = AsyncStream.makeStream(of: Event.self, bufferingPolicy: .bufferingNewest(2))
    let reading = Task {
      for await revision in changes {
        continuation.yield(.change(revision))
        do { try await Task.sleep(for: pace) } catch { break }
      }
      continuation.finish()
    }
    let beating = Task {
      while true {
        do { try await Task.sleep(for: heartbeat) } catch { break }
        continuation.yield(.silence)
      }
    }
    continuation.onTermination = { _ in
      reading.cancel()
      beating.cancel()
    }
    return stream
  }
}
