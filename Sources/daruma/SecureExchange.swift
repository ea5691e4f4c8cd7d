import Foundation
import NIOCore
import NIOHTTP1
import NIOPosix
import NIOSSL
import NIOTLS

/// Whose certificates a client believes.
enum Trust: Hashable, Sendable {
  case system
  /// Those in this PEM file.
  case file(String)
  /// Whoever answers, as configurations can ask for.
  case anybody
}

/// One POST of a form over a TLS connection of its own. URLSession believes the system's certificates only.
struct SecureExchange: Sendable {
  let url: URL
  let trust: Trust
  var limit = Duration.seconds(90)

  /// The most that an answer may have.
  private static let largest = 256 << 20

  /// - Returns: the answer's body, whatever its status.
  func post(_ form: String) async throws -> Data {
    let (channel, handshake) = try await connect()
    var head = HTTPRequestHead(version: .http1_1, method: .POST, uri: target)
    head.headers.add(name: "Host", value: url.port.map { "\(url.host ?? ""):\($0)" } ?? url.host ?? "")
    head.headers.add(name: "User-Agent", value: "daruma")
    head.headers.add(name: "Connection", value: "close")
    head.headers.add(name: "Content-Type", value: "application/x-www-form-urlencoded")
    head.headers.add(name: "Content-Length", value: String(form.utf8.count))
    let request = head
    let nanoseconds = limit.components.seconds * 1_000_000_000
    return try await channel.executeThenClose { inbound, outbound in
      let late = channel.channel.eventLoop.scheduleTask(in: .nanoseconds(nanoseconds)) {
        channel.channel.close(promise: nil)
      }
      defer { late.cancel() }
      try await handshake.get()
      try await outbound.write(.head(request))
      try await outbound.write(.body(.byteBuffer(ByteBuffer(string: form))))
      try await outbound.write(.end(nil))
      var body = Data()
      for try await part in inbound {
        switch part {
        case .head: break
        case .body(let bytes):
          body.append(contentsOf: bytes.readableBytesView)
          guard body.count <= Self.largest else { throw CommandFailure("the answer is too large") }
        case .end: return body
        }
      }
      throw CommandFailure("the connection ended without an answer")
    }
  }

  private var path: String? { if case .file(let path) = trust { path } else { nil } }

  private var target: String {
    (url.path.isEmpty ? "/" : url.path) + (url.query.map { "?\($0)" } ?? "")
  }

  private func connect() async throws -> (
    NIOAsyncChannel<HTTPClientResponsePart, HTTPClientRequestPart>, EventLoopFuture<Void>
  ) {
    guard let host = url.host?.trimmingCharacters(in: ["[", "]"]), !host.isEmpty else {
      throw CommandFailure("it names no host")
    }
    var configuration = TLSConfiguration.makeClientConfiguration()
    if let path { configuration.trustRoots = .file(path) }
    if trust == .anybody { configuration.certificateVerification = .none }
    let tls: NIOSSLContext
    do { tls = try NIOSSLContext(configuration: configuration) } catch {
      throw CommandFailure("\(path ?? "the system's certificates") cannot be read as certificates in PEM")
    }
    // An address is looked for in the certificate by itself.
    let name = (try? SocketAddress(ipAddress: host, port: 0)) == nil ? host : nil
    return try await ClientBootstrap(group: .singletonMultiThreadedEventLoopGroup)
      .connectTimeout(.seconds(10))
      .connect(host: host, port: url.port ?? 443) { channel in
        channel.eventLoop.makeCompletedFuture {
          let handshake = channel.eventLoop.makePromise(of: Void.self)
          try channel.pipeline.syncOperations.addHandlers(
            NIOSSLClientHandler(context: tls, serverHostname: name), Handshake(handshake))
          try channel.pipeline.syncOperations.addHTTPClientHandlers()
          return (try NIOAsyncChannel(wrappingChannelSynchronously: channel), handshake.futureResult)
        }
      }
  }
}

/// Tells when TLS stands, or why it never will.
private final class Handshake: ChannelInboundHandler {
  typealias InboundIn = ByteBuffer

  private let end: EventLoopPromise<Void>

  init(_ end: EventLoopPromise<Void>) { self.end = end }

  func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
    if case .handshakeCompleted? = event as? TLSUserEvent { end.succeed() }
    context.fireUserInboundEventTriggered(event)
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    end.fail(error)
    context.fireErrorCaught(error)
  }

  func channelInactive(context: ChannelHandlerContext) {
    end.fail(ChannelError.eof)
    context.fireChannelInactive()
  }
}
