import Foundation
import NIOCore
import NIOPosix
import NIOSSL

/// The way that mail leaves by.
package enum MailRoute: Sendable {
  case smtp(SMTPServer)
  /// The path of a local `sendmail`.
  case sendmail(String)

  func send(_ message: MailMessage) async throws {
    switch self {
    case .smtp(let server): try await limited(.seconds(60), server.host) { try await server.send(message) }
    case .sendmail(let path): try await limited(.seconds(60), path) { try await Self.sendmail(path, message) }
    }
  }

  private static func sendmail(_ path: String, _ message: MailMessage) async throws {
    let process = Process()
    process.executableURL = URL(filePath: path)
    process.arguments = ["-i", "-f", message.from.description, "--", message.to.description]
    let input = Pipe()
    process.standardInput = input
    process.standardOutput = FileHandle.nullDevice
    process.standardError = FileHandle.nullDevice
    let (ends, continuation) = AsyncStream.makeStream(of: Int32.self)
    process.terminationHandler = { continuation.yield($0.terminationStatus) }
    try process.run()
    defer { if process.isRunning { process.terminate() } }
    // Programs of this machine end their lines by a line feed alone.
    try input.fileHandleForWriting.write(contentsOf: Data(message.text.replacing("\r\n", with: "\n").utf8))
    try input.fileHandleForWriting.close()
    for await status in ends {
      guard status == 0 else { throw NetworkError("\(path) ended with status \(status)") }
      return
    }
    throw CancellationError()
  }
}

package struct SMTPServer: Sendable {
  package var host: String
  package var port: Int
  var security: SMTPConversation.Security
  var credentials: SMTPConversation.Credentials?
  var trust = TrustRoots()

  /// - Parameter url: `smtp://host[:port]` in the clear, `smtp+starttls://…` or `smtps://…`.
  package init?(url: String, user: String? = nil, password: String? = nil, trust: TrustRoots = TrustRoots()) {
    let schemes: [(String, SMTPConversation.Security, Int)] = [
      ("smtp://", .none, 25), ("smtp+starttls://", .startTLS, 587), ("smtps://", .tls, 465),
    ]
    guard let scheme = schemes.first(where: { url.hasPrefix($0.0) }) else { return nil }
    let parts = url.dropFirst(scheme.0.count).split(separator: ":", omittingEmptySubsequences: false)
    guard let host = parts.first, !host.isEmpty, parts.count <= 2, !host.contains("/") else { return nil }
    guard let port = parts.count == 2 ? Int(parts[1]) : scheme.2, (1...65535).contains(port) else { return nil }
    self.host = String(host)
    self.port = port
    security = scheme.1
    credentials = user.map { SMTPConversation.Credentials(user: $0, password: password ?? "") }
    self.trust = trust
  }

  func send(_ message: MailMessage) async throws {
    guard let target = try await Resolver.addresses(host, port).first else {
      throw NetworkError("\(host) has no address")
    }
    let tls = security == .none ? nil : try trust.context()
    let isName = (try? SocketAddress(ipAddress: host, port: port)) == nil
    let serverName = isName ? host : nil
    let channel = try await ClientBootstrap(group: .singletonMultiThreadedEventLoopGroup)
      .connectTimeout(.seconds(10))
      .connect(to: target) { [security] channel in
        channel.eventLoop.makeCompletedFuture {
          if security == .tls, let tls {
            try channel.pipeline.syncOperations.addHandler(
              NIOSSLClientHandler(context: tls, serverHostname: serverName))
          }
          return try NIOAsyncChannel<ByteBuffer, ByteBuffer>(wrappingChannelSynchronously: channel)
        }
      }
    let raw = channel.channel
    try await channel.executeThenClose { inbound, outbound in
      let domain = message.from.description.split(separator: "@").last.map(String.init) ?? "localhost"
      var conversation = SMTPConversation(message, security: security, credentials: credentials, hostname: domain)
      var replies = SMTPReplies()
      for try await bytes in inbound {
        for reply in try replies.take(String(buffer: bytes)) {
          switch try conversation.take(reply) {
          case .send(let text): try await outbound.write(ByteBuffer(string: text))
          case .startTLS:
            guard let tls else { throw NetworkError("no TLS is set up") }
            // What came in before TLS must not be taken for what came in by it.
            guard replies.isEmpty else { throw SMTPError("the server spoke before TLS was up", isFinal: true) }
            try await raw.eventLoop.submit {
              let handler = try NIOSSLClientHandler(context: tls, serverHostname: serverName)
              try raw.pipeline.syncOperations.addHandler(handler, position: .first)
            }.get()
            try await outbound.write(ByteBuffer(string: conversation.afterTLS()))
          case .done: return
          }
        }
      }
      throw NetworkError("\(host) closed the connection before it took the mail")
    }
  }
}

/// Puts the server's replies together from what arrives.
struct SMTPReplies {
  private var text = ""
  private var lines: [String] = []

  var isEmpty: Bool { text.isEmpty && lines.isEmpty }

  /// - Returns: the replies that are complete, each as its lines.
  mutating func take(_ more: String) throws(SMTPError) -> [[String]] {
    text += more
    guard text.utf8.count < 64 << 10, lines.count < 200 else {
      throw SMTPError("the server's reply has no end", isFinal: false)
    }
    var replies: [[String]] = []
    while let end = text.firstIndex(where: { $0 == "\r\n" || $0 == "\n" }) {
      let line = String(text[..<end])
      text = String(text[text.index(after: end)...])
      lines.append(line)
      if line.dropFirst(3).first != "-" {
        replies.append(lines)
        lines = []
      }
    }
    return replies
  }
}
