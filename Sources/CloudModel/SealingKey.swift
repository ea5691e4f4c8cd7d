package import FoundationEssentials

/// A key that the ledger's secrets are stored under, as far as the ledger knows it: never the key itself. Secrets are sealed
/// under the one with the highest number. Number 0 stands for secrets from before there was a key, stored in the clear.
package struct SealingKey: Resource {
  package static let kind = "sealingkey"
  package static var table: TablePath<SealingKey> { \.sealingKeys }
  package static let indexes: [Index<SealingKey>] = [
    Index("number", unique: true) { [.number(UInt64(clamping: $0.number))] }
  ]

  package let id: ID<SealingKey>
  package let number: Int
  /// Shows that a key is this one, and tells nothing about it. Empty for number 0.
  package let proof: [UInt8]
  /// Nothing current is stored under it any more; the history may be.
  package var isRetired: Bool
  package var created: Date

  package init(id: ID<SealingKey>, number: Int, proof: [UInt8], isRetired: Bool = false, created: Date) {
    self.id = id
    self.number = number
    self.proof = proof
    self.isRetired = isRetired
    self.created = created
  }
}
