import Crypto
import FoundationEssentials
package import Hummingbird

/// Names and tokens of operators, from a file with lines of `name:token`.
package struct OperatorTokens: Sendable {
  private let digests: [String: SHA256Digest]

  package init(path: String?) throws(StatusPageError) {
    guard let path else {
      digests = [:]
      return
    }
    guard let data = try DurableFile(path: path).read(limit: 1 << 20) else {
      throw StatusPageError(code: .unreadable, message: "there is no \(path); write lines of name:token into it")
    }
    var digests: [String: SHA256Digest] = [:]
    for line in String(decoding: data, as: UTF8.self).split(whereSeparator: \.isNewline) where !line.hasPrefix("#") {
      let parts = line.split(separator: ":", maxSplits: 1)
      guard parts.count == 2, parts[1].utf8.count >= 20 else {
        throw StatusPageError(
          code: .damaged, message: "\(path) must hold lines of name:token, the tokens of 20 characters at least")
      }
      digests[String(parts[0])] = SHA256.hash(data: Data(parts[1].utf8))
    }
    self.digests = digests
  }

  /// By HTTP's Basic authentication. Digests are compared, in constant time.
  package func name(_ request: Request) -> String? {
    guard let header = request.headers[.authorization], header.utf8.count < 1000, header.hasPrefix("Basic "),
      let data = Data(base64Encoded: String(header.dropFirst(6)))
    else { return nil }
    let parts = String(decoding: data, as: UTF8.self).split(separator: ":", maxSplits: 1)
    guard parts.count == 2, let digest = digests[String(parts[0])],
      digest == SHA256.hash(data: Data(parts[1].utf8))
    else { return nil }
    return String(parts[0])
  }
}
