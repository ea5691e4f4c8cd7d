import Glibc
import Hummingbird
import HummingbirdTLS
import Logging
import NIOCore

/// Where a manager listens: plain HTTP on loopback for this host's own programs, TLS where others come from.
struct Listeners: Sendable {
  private let applications: [any ApplicationProtocol]

  /// - Parameter port: of the plain one.
  init(
    _ router: Router<BasicRequestContext>, port: Int, tls: TLSListener?, _ folder: StateFolder, _ logger: Logger
  ) throws {
    // A router's responder is made once, so that both listeners share what its routes hold.
    let responder = router.buildResponder()
    var applications: [any ApplicationProtocol] = [
      Application(
        responder: responder,
        configuration: .init(address: .hostname("127.0.0.1", port: port), serverName: "daruma"), logger: logger)
    ]
    if let tls {
      let files = tls.files(in: folder)
      if tls.certificate == nil {
        try Certificate.make(
          certificate: files.certificate, key: files.key, names: ["localhost", Self.hostName],
          addresses: ["127.0.0.1", "::1"] + (tls.isEverywhere ? Self.ownAddresses : []),
          wanted: tls.isEverywhere ? nil : tls.address, logger)
      }
      let certificate = try Certificate(certificate: files.certificate, key: files.key, logger: logger)
      applications.append(
        Application(
          responder: Self.securingCookies(responder),
          server: try .tls(
            .http1(configuration: .init(idleTimeout: Self.idleTimeout)), tlsConfiguration: certificate.configuration),
          configuration: .init(address: .hostname(tls.address, port: tls.port), serverName: "daruma"), logger: logger))
    }
    self.applications = applications
  }

  func run() async throws {
    try await withThrowingTaskGroup(of: Void.self) { group in
      for application in applications { group.addTask { try await application.run() } }
      defer { group.cancelAll() }
      try await group.next()
    }
  }

  /// How long others may keep a connection on which they ask for nothing.
  private static let idleTimeout = TimeAmount.seconds(75)

  /// What was given over TLS is sent back over TLS only.
  private static func securingCookies(
    _ responder: some HTTPResponder<BasicRequestContext>
  ) -> CallbackResponder<BasicRequestContext> {
    CallbackResponder { request, context in
      var response = try await responder.respond(to: request, context: context)
      let cookies = response.headers[values: .setCookie]
      if !cookies.isEmpty { response.headers[values: .setCookie] = cookies.map { $0 + "; Secure" } }
      return response
    }
  }

  /// The addresses by which this machine is reached from others.
  private static var ownAddresses: [String] {
    let all = ((try? System.enumerateDevices()) ?? []).compactMap { $0.address?.ipAddress }
    return Set(all).subtracting(["127.0.0.1", "::1"]).filter { !$0.hasPrefix("fe80:") }.sorted()
  }

  private static var hostName: String {
    var name = [CChar](repeating: 0, count: 256)
    guard gethostname(&name, name.count - 1) == 0 else { return "daruma" }
    return String(decoding: name.prefix { $0 != 0 }.map(UInt8.init), as: UTF8.self)
  }
}
