package import FoundationEssentials

/// A public key that instances can be given. The private one is told when the pair is made, and kept nowhere.
package struct SSHKeyPair: Resource {
  package static let kind = "sshkeypair"
  package static var table: TablePath<SSHKeyPair> { \.sshKeyPairs }
  package static let indexes: [Index<SSHKeyPair>] = [
    Index("name", unique: true) { [.scoped($0.account.uuid, $0.name.lowercased())] },
    Index("fingerprint", unique: true) { [.scoped($0.account.uuid, $0.fingerprint)] },
    Index("account", of: { $0.account }),
  ]
  package static let references: [Reference<SSHKeyPair>] = [
    Reference("account", to: Account.self) { [$0.account] }
  ]

  package let id: ID<SSHKeyPair>
  package var name: String
  package var account: ID<Account>
  /// In OpenSSH's form: algorithm, key in base64, comment.
  package var publicKey: String
  /// The MD5 of the key, in pairs of digits.
  package var fingerprint: String
  package var created: Date

  package init(
    id: ID<SSHKeyPair>, name: String, account: ID<Account>, publicKey: String, fingerprint: String, created: Date
  ) {
    self.id = id
    self.name = name
    self.account = account
    self.publicKey = publicKey
    self.fingerprint = fingerprint
    self.created = created
  }
}
