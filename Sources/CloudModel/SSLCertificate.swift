package import FoundationEssentials

/// A certificate that load balancers answer with; all in PEM.
package struct SSLCertificate: Resource {
  package static let kind = "sslcertificate"
  package static var table: TablePath<SSLCertificate> { \.certificates }
  package static let indexes: [Index<SSLCertificate>] = [
    Index("account", of: { $0.account }),
    Index("name", unique: true) { [.scoped($0.account.uuid, $0.name.lowercased())] },
  ]
  package static let references: [Reference<SSLCertificate>] = [
    Reference("account", to: Account.self) { [$0.account] }
  ]
  package static let secretFields: Set<String> = ["privateKey"]

  package let id: ID<SSLCertificate>
  package var name: String
  package var account: ID<Account>
  package var certificate: String
  /// Those that signed it, each followed by the one that signed it; empty without any.
  package var chain: String
  package var privateKey: String?
  /// SHA-256, in hexadecimal with colons.
  package var fingerprint: String
  package var created: Date

  package init(
    id: ID<SSLCertificate>, name: String, account: ID<Account>, certificate: String, chain: String,
    privateKey: String, fingerprint: String, created: Date
  ) {
    self.id = id
    self.name = name
    self.account = account
    self.certificate = certificate
    self.chain = chain
    self.privateKey = privateKey
    self.fingerprint = fingerprint
    self.created = created
  }
}
