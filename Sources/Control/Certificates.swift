package import CloudModel
import Crypto
import FoundationEssentials
import Ledger
import SwiftASN1
import X509

package struct NewCertificate: Sendable {
  package var name: String
  /// All in PEM.
  package var certificate: String
  package var chain: String?
  package var privateKey: String
  package var account: String?
  package var domain: ID<Domain>?

  package init(name: String, certificate: String, privateKey: String) {
    self.name = name
    self.certificate = certificate
    self.privateKey = privateKey
  }
}

extension Control {
  /// Keeps a certificate whose key belongs to it and whose chain is in order.
  package func uploadSSLCertificate(_ new: NewCertificate, by caller: Caller) async throws -> ID<SSLCertificate> {
    let fingerprint = try Self.fingerprint(checking: new, at: Date())
    return try await transact(cause(caller, "uploadSslCert")) { draft in
      let owner = try Access.recipient(for: caller, account: new.account, domain: new.domain, in: draft.state)
      try Self.checkName(new.name)
      try Self.requireRoom(draft.state.certificates.count("account", .id(owner.id)), 100, "certificates of an account")
      guard draft.state.certificates.first("name", .scoped(owner.id.uuid, new.name.lowercased())) == nil else {
        throw ControlError(.invalidParameter, "The account has a certificate \(new.name) already")
      }
      let certificate = SSLCertificate(
        id: draft.newID(), name: new.name, account: owner.id, certificate: new.certificate, chain: new.chain ?? "",
        privateKey: new.privateKey, fingerprint: fingerprint, created: draft.now)
      try draft.put(certificate)
      try draft.put(Self.event("LB.CERT.UPLOAD", "Certificate \(new.name)", owner.id, caller.user, draft))
      return certificate.id
    }
  }

  /// The certificate's SHA-256, if it is valid at that time.
  static func fingerprint(checking new: NewCertificate, at now: Date) throws -> String {
    func refuse(_ text: String) -> ControlError { ControlError(.invalidParameter, text) }
    guard [new.certificate, new.chain ?? "", new.privateKey].allSatisfy({ $0.utf8.count <= 65_536 }) else {
      throw refuse("A certificate, chain or key has at most 64 KiB")
    }
    guard let leaf = try? Certificate(pemEncoded: new.certificate) else {
      throw refuse("Parsing certificate failed: it is not one X.509 certificate in PEM")
    }
    guard !new.privateKey.contains("ENCRYPTED") else {
      throw refuse("Encrypted private keys are not supported; decrypt it first")
    }
    guard let key = try? Certificate.PrivateKey(pemEncoded: new.privateKey) else {
      throw refuse("Parsing the private key failed: it is not one key in PEM")
    }
    guard key.publicKey == leaf.publicKey else { throw refuse("The private key does not belong to the certificate") }
    guard leaf.notValidBefore <= now, now <= leaf.notValidAfter else {
      throw refuse("Certificate expired, or is not valid yet")
    }
    var signed = leaf
    if let chain = new.chain, !chain.isEmpty {
      guard let documents = try? PEMDocument.parseMultiple(pemString: chain), documents.count <= 10,
        let links = try? documents.map({ try Certificate(pemDocument: $0) }), !links.isEmpty
      else { throw refuse("Parsing certificate chain failed: it is not 1 to 10 X.509 certificates in PEM") }
      for link in links {
        guard link.subject == signed.issuer, link.publicKey.isValidSignature(signed.signature, for: signed) else {
          throw refuse("The certificate chain is not in order: each is to be followed by the one that signed it")
        }
        signed = link
      }
    }
    var serializer = DER.Serializer()
    guard (try? serializer.serialize(leaf)) != nil else { throw refuse("Parsing certificate failed") }
    return SHA256.hash(data: serializer.serializedBytes).map { byte in
      (byte < 16 ? "0" : "") + String(byte, radix: 16, uppercase: true)
    }.joined(separator: ":")
  }

  package func deleteSSLCertificate(_ id: ID<SSLCertificate>, by caller: Caller) async throws {
    try await transact(cause(caller, "deleteSslCert")) { draft in
      let certificate = try Self.owned(id, "certificate", caller, draft) { $0.account }
      guard draft.state.loadBalancerRules.count("certificate", .id(id)) == 0 else {
        throw ControlError(.resourceInUse, "Certificate in use by a loadbalancer; remove it there first")
      }
      try draft.remove(id)
      try draft.put(
        Self.event(
          "LB.CERT.DELETE", "Certificate \(certificate.name)", certificate.account, caller.user, draft))
    }
  }

  package func assignCertificate(
    _ id: ID<SSLCertificate>, to rule: ID<LoadBalancerRule>, forced: Bool, by caller: Caller
  ) async throws -> Started {
    let owner = state.certificates[id]?.account
    return try await change(rule, "assignCertToLoadBalancer", "LB.CERT.ASSIGN", caller) { rule, state in
      try Self.requireSimulated(Self.zone(of: rule, state), "TLS by a load balancer", state)
      guard let certificate = state.certificates[id], certificate.account == owner, rule.account == owner else {
        throw ControlError(.permissionDenied, "The certificate and the rule belong to different accounts")
      }
      try Access.require(caller, owner: certificate.account, in: state)
      guard rule.transport == .tcp else {
        throw ControlError(.invalidParameter, "A certificate needs a rule of protocol tcp")
      }
      guard rule.certificate == nil || forced else {
        throw ControlError(.invalidParameter, "Another certificate is already bound to the LB; forced replaces it")
      }
      rule.certificate = id
    }
  }

  package func removeCertificate(from rule: ID<LoadBalancerRule>, by caller: Caller) async throws -> Started {
    try await change(rule, "removeCertFromLoadBalancer", "LB.CERT.REMOVE", caller) { rule, _ in
      guard rule.certificate != nil else {
        throw ControlError(.invalidParameter, "No certificate is bound to the load balancer rule")
      }
      rule.certificate = nil
    }
  }
}
