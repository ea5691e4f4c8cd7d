internal import Crypto
package import FoundationEssentials

/// Where a ledger stands.
package struct Head: Hashable, Sendable {
  package var ledger: UUID
  package var epoch: UInt64
  package var revision: UInt64
  package var chain: Checksum

  static let byteCount = 8 + 16 + 8 + 8 + Checksum.byteCount + Checksum.byteCount
  private static let magic = Array("DARUMA01".utf8)
  /// The last byte of its magic number.
  static let mark = UInt8(ascii: "1")

  package init(ledger: UUID, epoch: UInt64, revision: UInt64, chain: Checksum) {
    self.ledger = ledger
    self.epoch = epoch
    self.revision = revision
    self.chain = chain
  }

  init?(_ data: Data) {
    guard data.count == Self.byteCount, data.starts(with: Self.magic) else { return nil }
    func number(at offset: Int) -> UInt64 { data[offset..<offset + 8].reduce(0) { $0 << 8 | UInt64($1) } }
    guard let ledger = UUID(bytes: data[8..<24]), let chain = Checksum(data[40..<72]) else { return nil }
    self.init(ledger: ledger, epoch: number(at: 24), revision: number(at: 32), chain: chain)
    guard self.data == data else { return nil }
  }

  var data: Data {
    var data = Data(Self.magic)
    data.append(ledger.data)
    for number in [epoch, revision] {
      Swift.withUnsafeBytes(of: number.bigEndian) { data.append(contentsOf: $0) }
    }
    data.append(chain.data)
    data.append(seal.data)
    return data
  }

  /// Holds the fields together; also in the database's `meta`.
  var seal: Checksum {
    Checksum { hash in
      hash.add(Array("head".utf8))
      hash.add(ledger)
      hash.add(epoch)
      hash.add(revision)
      hash.update(data: chain.data)
    }
  }
}

extension UUID {
  init?(bytes: Data) {
    guard bytes.count == 16 else { return nil }
    var value: uuid_t = (0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0)
    withUnsafeMutableBytes(of: &value) { $0.copyBytes(from: bytes) }
    self.init(uuid: value)
  }

  var data: Data { withUnsafeBytes(of: uuid) { Data($0) } }
}
