import NIOCore
import NIOHTTP1
import NIOPosix
import NIOSSL

/// One request over a connection of its own. It follows no redirects, and reads no more than the head of the answer.
struct WebRequest: Sendable {
  var address: WebAddress
  var method: HTTPMethod = .POST
  var headers: [(name: String, value: String)] = []
  var body = ""
  /// Every address that the name has must pass; the connection goes to one that did, whatever the name means later.
  var gate: AddressGate?
  var limit = Duration.seconds(10)
  var trust = TrustRoots()

  /// - Returns: the status code.
  func send() async throws -> Int {
    try await limited(limit, "\(address.host):\(address.port)") {
      let addresses = try await Resolver.addresses(address.host, address.port)
      if let gate, let refused = addresses.first(where: { !gate.admits($0) }) {
        throw NetworkError("\(address.host) is \(refused.ipAddress ?? "no address"), which is not public")
      }
      guard let target = addresses.first else { throw NetworkError("\(address.host) has no address") }
      return try await exchange(with: target)
    }
  }

  private func exchange(with target: SocketAddress) async throws -> Int {
    let tls = address.isSecure ? try trust.context() : nil
    let name = try? SocketAddress(ipAddress: address.host, port: address.port)
    let host = name == nil ? address.host : nil
    let channel = try await ClientBootstrap(group: .singletonMultiThreadedEventLoopGroup)
      .connectTimeout(.seconds(5))
      .connect(to: target) { channel in
        channel.eventLoop.makeCompletedFuture {
          if let tls {
            try channel.pipeline.syncOperations.addHandler(NIOSSLClientHandler(context: tls, serverHostname: host))
          }
          try channel.pipeline.syncOperations.addHTTPClientHandlers()
          return try NIOAsyncChannel<HTTPClientResponsePart, HTTPClientRequestPart>(
            wrappingChannelSynchronously: channel)
        }
      }
    var head = HTTPRequestHead(version: .http1_1, method: method, uri: address.target)
    head.headers.add(name: "Host", value: address.authority)
    head.headers.add(name: "User-Agent", value: "daruma-page")
    head.headers.add(name: "Connection", value: "close")
    for (name, value) in headers { head.headers.add(name: name, value: value) }
    if method == .POST { head.headers.replaceOrAdd(name: "Content-Length", value: String(body.utf8.count)) }
    let request = head
    return try await channel.executeThenClose { inbound, outbound in
      try await outbound.write(.head(request))
      if !body.isEmpty { try await outbound.write(.body(.byteBuffer(ByteBuffer(string: body)))) }
      try await outbound.write(.end(nil))
      for try await part in inbound {
        if case .head(let answer) = part, answer.status.code >= 200 { return Int(answer.status.code) }
      }
      throw NetworkError("\(address.host):\(address.port) closed the connection without an answer")
    }
  }
}

/// Whose certificates are believed: the system's, or those in one PEM file.
package struct TrustRoots: Sendable {
  package var file: String?

  package init(file: String? = nil) { self.file = file }

  func context() throws -> NIOSSLContext {
    var configuration = TLSConfiguration.makeClientConfiguration()
    if let file { configuration.trustRoots = .file(file) }
    return try NIOSSLContext(configuration: configuration)
  }
}
