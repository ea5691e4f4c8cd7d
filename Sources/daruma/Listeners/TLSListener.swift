import ArgumentParser

/// Where the API and the page are reached from other machines.
struct TLSListener: Codable, Sendable, Equatable {
  var address: String
  var port: Int
  /// The PEM files of whoever has a certificate; without, the cloud makes one of its own.
  var certificate: String?
  var key: String?

  /// `PORT` or `ADDRESS:PORT`; every address without one.
  init?(_ text: String) {
    guard let colon = text.lastIndex(of: ":") else {
      guard let port = Int(text) else { return nil }
      self.init(address: "0.0.0.0", port: port)
      return
    }
    guard let port = Int(text[text.index(after: colon)...]) else { return nil }
    let address = text[..<colon]
    let isBracketed = address.hasPrefix("[") && address.hasSuffix("]")
    self.init(address: String(isBracketed ? address.dropFirst().dropLast() : address), port: port)
  }

  private init?(address: String, port: Int) {
    guard (1...65535).contains(port), !address.isEmpty, address.utf8.count <= 255 else { return nil }
    self.address = address
    self.port = port
  }

  var isEverywhere: Bool { address == "0.0.0.0" || address == "::" }

  func files(in folder: StateFolder) -> (certificate: String, key: String) {
    (certificate ?? folder.path + "/manager/tls.crt", key ?? folder.path + "/manager/tls.key")
  }
}

extension TLSListener {
  /// Refuses files that do not serve, before anything is stopped for them.
  func check() throws {
    guard let certificate, let key else { return }
    do { _ = try Certificate(certificate: certificate, key: key, logger: Log.silent) } catch {
      throw CommandFailure("\(error); name others with --tls-certificate and --tls-key, or end it with --tls off")
    }
  }
}

/// How `up` is told of it.
struct TLSOption: ParsableArguments {
  @Option(help: "Serve the API and the page by TLS on PORT or ADDRESS:PORT, for other machines; `off` ends it.")
  var tls: String?
  @Option(help: "The certificate chain to show, a PEM file; without, the cloud makes one of its own.")
  var tlsCertificate: String?
  @Option(help: "The certificate's private key, a PEM file.") var tlsKey: String?

  func validate() throws {
    guard (tlsCertificate == nil) == (tlsKey == nil) else {
      throw ValidationError("--tls-certificate and --tls-key go together")
    }
    for path in [tlsCertificate, tlsKey].compactMap({ $0 }) where !path.hasPrefix("/") {
      throw ValidationError("\(path) must be an absolute path")
    }
    if let tls, tls != "off", TLSListener(tls) == nil {
      throw ValidationError("--tls is PORT or ADDRESS:PORT, such as 8443 or 192.0.2.1:8443")
    }
  }

  /// Says whether anything is changed.
  func apply(to cloud: inout CloudFile) throws -> Bool {
    let before = cloud.tls
    if tls == "off" { cloud.tls = nil } else if let tls { cloud.tls = TLSListener(tls) }
    if let tlsCertificate {
      guard cloud.tls != nil else { throw CommandFailure("--tls-certificate needs --tls, such as --tls 8443") }
      cloud.tls?.certificate = tlsCertificate
      cloud.tls?.key = tlsKey
    } else if cloud.tls != nil, tls != nil {
      cloud.tls?.certificate = before?.certificate
      cloud.tls?.key = before?.key
    }
    return cloud.tls != before
  }
}
