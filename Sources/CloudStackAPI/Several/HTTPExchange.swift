import NIOCore
import NIOHTTP1
import NIOPosix

/// One request to another manager and its answer, over a connection of their own.
package struct HTTPExchange: Sendable {
  private static let bodyLimit = 256 << 20

  package let method: String
  /// Path and query.
  package let target: String
  package let headers: [(name: String, value: String)]
  package let body: [UInt8]

  package init(method: String, target: String, headers: [(name: String, value: String)], body: [UInt8] = []) {
    self.method = method
    self.target = target
    self.headers = headers
    self.body = body
  }

  package struct Response: Sendable {
    package var status = 0
    package var headers: [(name: String, value: String)] = []
    package var body: [UInt8] = []

    package func all(_ name: String) -> [String] { headers.filter { $0.name.lowercased() == name }.map(\.value) }
  }

  package enum Failure: Error {
    /// Nothing was sent.
    case unreached
    /// What became of the request is unknown.
    case lost
  }

  /// - Parameter giveUp: when it returns, no answer is waited for any more.
  package func run(
    at address: ManagerAddress, limit: Duration, giveUp: @escaping @Sendable () async throws -> Void
  ) async throws(Failure) -> Response {
    let channel: NIOAsyncChannel<HTTPClientResponsePart, HTTPClientRequestPart>
    do {
      channel = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton).connectTimeout(.seconds(1))
        .connect(host: address.host, port: address.port) { channel in
          channel.eventLoop.makeCompletedFuture {
            try channel.pipeline.syncOperations.addHTTPClientHandlers()
            return try NIOAsyncChannel(wrappingChannelSynchronously: channel)
          }
        }
    } catch { throw .unreached }
    do {
      return try await withThrowingTaskGroup(of: Response?.self) { group in
        group.addTask { try await converse(over: channel, address) }
        group.addTask {
          try await Task.sleep(for: limit)
          return nil
        }
        group.addTask {
          try await giveUp()
          return nil
        }
        defer { group.cancelAll() }
        guard let response = try await group.next() ?? nil else { throw Failure.lost }
        return response
      }
    } catch { throw .lost }
  }

  private func converse(
    over channel: NIOAsyncChannel<HTTPClientResponsePart, HTTPClientRequestPart>, _ address: ManagerAddress
  ) async throws -> Response {
    try await channel.executeThenClose { inbound, outbound in
      var head = HTTPRequestHead(version: .http1_1, method: HTTPMethod(rawValue: method), uri: target)
      head.headers.add(name: "Host", value: "\(address.host):\(address.port)")
      head.headers.add(name: "Connection", value: "close")
      head.headers.add(name: "Content-Length", value: "\(body.count)")
      for (name, value) in headers { head.headers.add(name: name, value: value) }
      try await outbound.write(.head(head))
      if !body.isEmpty { try await outbound.write(.body(.byteBuffer(ByteBuffer(bytes: body)))) }
      try await outbound.write(.end(nil))
      var response = Response()
      for try await part in inbound {
        switch part {
        case .head(let head):
          response.status = Int(head.status.code)
          response.headers = head.headers.map { ($0.name, $0.value) }
        case .body(let buffer):
          guard response.body.count + buffer.readableBytes <= Self.bodyLimit else { throw Failure.lost }
          response.body += buffer.readableBytesView
        case .end: return response
        }
      }
      throw Failure.lost
    }
  }
}
