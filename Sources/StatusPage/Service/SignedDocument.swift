import Crypto
package import FoundationEssentials

/// Signs the status documents of a cloud (Ed25519), so that a page far away believes them.
package struct DocumentSigner: Sendable {
  private let key: Curve25519.Signing.PrivateKey

  package init() { key = Curve25519.Signing.PrivateKey() }

  /// The key in a file of its own, made when there is none.
  package init(path: String) throws(StatusPageError) {
    let file = DurableFile(path: path, mode: 0o600)
    if let data = try file.read(limit: 1000) {
      guard let key = try? Curve25519.Signing.PrivateKey(rawRepresentation: data) else {
        throw StatusPageError(
          code: .damaged, message: "\(path) is no key; put it back, or delete it and give pages the new public key")
      }
      self.key = key
    } else {
      key = Curve25519.Signing.PrivateKey()
      try file.write(key.rawRepresentation)
    }
  }

  /// To be given to the page, in base64.
  package var publicKey: String { key.publicKey.rawRepresentation.base64EncodedString() }

  /// - Parameter sequence: higher than that of every document before; milliseconds since 1970.
  package func sign(_ body: Data, sequence: Int64) throws -> String {
    try key.signature(for: SignedDocument.signed(body, sequence)).base64EncodedString()
  }

  /// Lets a customer see the own part of the page until then.
  package func ticket(account: String, until: Moment) throws -> String {
    let text = "\(until.milliseconds).\(account)"
    let signature = try key.signature(for: Data("daruma account ticket\n\(text)".utf8))
    return Self.urlSafe(Data(text.utf8)) + "." + Self.urlSafe(signature)
  }

  private static func urlSafe(_ data: Data) -> String {
    data.base64EncodedString().replacing("+", with: "-").replacing("/", with: "_").replacing("=", with: "")
  }
}

package struct DocumentVerifier: Sendable {
  private let key: Curve25519.Signing.PublicKey

  /// - Parameter publicKey: as `DocumentSigner.publicKey` gives it.
  package init(publicKey: String) throws(StatusPageError) {
    do {
      guard let data = Data(base64Encoded: publicKey) else { throw CryptoKitError.incorrectKeySize }
      key = try Curve25519.Signing.PublicKey(rawRepresentation: data)
    } catch {
      throw StatusPageError(
        code: .unreadable, message: "the cloud's public key must be 32 bytes in base64, as the manager tells it",
        cause: nil)
    }
  }

  func isValid(_ signature: String, _ body: Data, sequence: Int64) -> Bool {
    guard let bytes = Data(base64Encoded: signature) else { return false }
    return key.isValidSignature(bytes, for: SignedDocument.signed(body, sequence))
  }

  /// - Returns: the account, or nil if the ticket is forged or too old.
  package func account(ticket: String, now: Moment) -> String? {
    guard ticket.utf8.count < 1000 else { return nil }
    let parts = ticket.split(separator: ".", omittingEmptySubsequences: false)
    guard parts.count == 2, let text = Self.data(parts[0]), let signature = Self.data(parts[1]) else { return nil }
    guard key.isValidSignature(signature, for: Data("daruma account ticket\n".utf8) + text) else { return nil }
    let fields = String(decoding: text, as: UTF8.self).split(separator: ".", maxSplits: 1)
    guard fields.count == 2, let until = Int64(fields[0]), now.milliseconds < until else { return nil }
    return String(fields[1])
  }

  private static func data(_ text: Substring) -> Data? {
    let plain = text.replacing("-", with: "+").replacing("_", with: "/")
    return Data(base64Encoded: plain + String(repeating: "=", count: (4 - plain.count % 4) % 4))
  }
}

package enum SignedDocument {
  package static let sequenceHeader = "X-Daruma-Sequence"
  package static let signatureHeader = "X-Daruma-Signature"
  static let bytes = 16 << 20

  static func signed(_ body: Data, _ sequence: Int64) -> Data {
    Data("daruma status document\n\(sequence)\n".utf8) + body
  }
}

/// Takes documents to a page that runs elsewhere.
package struct DocumentSender: Sendable {
  let address: WebAddress
  let signer: DocumentSigner
  let trust: TrustRoots

  /// - Parameter page: the page's URL, without `/status`.
  package init(page: String, signer: DocumentSigner, trust: TrustRoots = TrustRoots()) throws(StatusPageError) {
    guard let address = WebAddress(page.hasSuffix("/") ? page + "feed" : page + "/feed") else {
      throw StatusPageError(code: .unreadable, message: "“\(page.clipped)” is no http or https URL of a page")
    }
    self.address = address
    self.signer = signer
    self.trust = trust
  }

  package func send(_ document: StatusDocument) async throws {
    let body = try JSONEncoder().encode(document.bounded)
    let sequence = document.time.milliseconds
    let status = try await WebRequest(
      address: address,
      headers: [
        ("Content-Type", "application/json"), (SignedDocument.sequenceHeader, String(sequence)),
        (SignedDocument.signatureHeader, try signer.sign(body, sequence: sequence)),
      ], body: String(decoding: body, as: UTF8.self), limit: .seconds(5), trust: trust
    ).send()
    guard status == 204 else { throw NetworkError("the page at \(address) answered \(status)") }
  }
}
