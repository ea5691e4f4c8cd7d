import Crypto
import Foundation
import SwiftASN1
import X509

/// A certificate made for one test, with its key.
struct TestCertificate {
  let certificate: Certificate
  let key: Certificate.PrivateKey

  /// Self-signed where nobody signs it.
  init(_ name: String, signedBy signer: TestCertificate? = nil, days: Double = 1) throws {
    let key = Certificate.PrivateKey(P256.Signing.PrivateKey())
    let subject = try DistinguishedName { CommonName(name) }
    certificate = try Certificate(
      version: .v3, serialNumber: Certificate.SerialNumber(), publicKey: key.publicKey,
      notValidBefore: Date(timeIntervalSinceNow: -200_000), notValidAfter: Date(timeIntervalSinceNow: days * 86_400),
      issuer: signer?.certificate.subject ?? subject, subject: subject, signatureAlgorithm: .ecdsaWithSHA256,
      extensions: try Certificate.Extensions {}, issuerPrivateKey: signer?.key ?? key)
    self.key = key
  }

  var pem: String {
    get throws { try certificate.serializeAsPEM().pemString }
  }

  var keyPEM: String {
    get throws { try key.serializeAsPEM().pemString }
  }
}
