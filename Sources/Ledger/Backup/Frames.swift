internal import CloudModel
internal import FoundationEssentials

// What the frames of each type hold.

extension Standing {
  var encoded: [UInt8] {
    var bytes: [UInt8] = []
    bytes.append(head.ledger)
    for number in [head.epoch, head.revision, checkpoint, anchor.number] { bytes.appendVarint(number) }
    for checksum in [head.chain, digest, anchor.chain, seal] { bytes += checksum.bytes }
    return bytes
  }

  init(encoded bytes: [UInt8], _ name: String) throws(LedgerError) {
    do {
      let body = Body(bytes)
      var position = 0
      let ledger = try body.uuid(&position)
      let (epoch, revision) = (try body.varint(&position), try body.varint(&position))
      let (checkpoint, anchor) = (try body.varint(&position), try body.varint(&position))
      let (chain, digest) = (try body.checksum(&position), try body.checksum(&position))
      let (anchorChain, seal) = (try body.checksum(&position), try body.checksum(&position))
      self.init(
        head: Head(ledger: ledger, epoch: epoch, revision: revision, chain: chain), checkpoint: checkpoint,
        digest: digest, anchor: Anchor(number: anchor, chain: anchorChain))
      guard position == bytes.count, self.seal == seal else { throw Body.malformed("the seal does not match") }
    } catch { throw .unusable("what \(name) says of its ledger is altered", underlying: error) }
  }
}

extension [ResourceRecord] {
  var encoded: [UInt8] {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(reduce(0) { $0 + 96 + ($1.body?.count ?? 0) })
    for record in self {
      bytes.appendCounted(record.kind.utf8)
      bytes.append(record.id)
      bytes.appendVarint(record.revision)
      bytes += record.proof.bytes
      bytes.appendCounted(record.body ?? [])
    }
    return bytes
  }

  init(encoded bytes: [UInt8], _ name: String) throws(LedgerError) {
    self = []
    do {
      let body = Body(bytes)
      var position = 0
      while position < bytes.count {
        let kind = try body.string(try body.counted(&position))
        let (id, revision) = (try body.uuid(&position), try body.varint(&position))
        let proof = try body.checksum(&position)
        let content = Array<UInt8>(bytes[try body.counted(&position)])
        append(ResourceRecord(kind: kind, id: id, revision: revision, body: content, proof: proof))
      }
    } catch { throw .unusable("resources in \(name) cannot be decoded", underlying: error) }
  }
}

extension [RevisionRecord] {
  var encoded: [UInt8] {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(reduce(0) { $0 + 64 + $1.content.count })
    for record in self {
      bytes.appendVarint(record.number)
      bytes.appendBigEndian(record.time.bitPattern, count: 8)
      bytes += record.chain.bytes
      bytes.appendCounted(record.content)
    }
    return bytes
  }

  init(encoded bytes: [UInt8], _ name: String) throws(LedgerError) {
    self = []
    do {
      let body = Body(bytes)
      var position = 0
      while position < bytes.count {
        let number = try body.varint(&position)
        let time = Double(bitPattern: FrameHeader.number(bytes[try body.range(&position, 8)]))
        let chain = try body.checksum(&position)
        let content = Array<UInt8>(bytes[try body.counted(&position)])
        append(RevisionRecord(number: number, time: time, content: content, chain: chain))
      }
    } catch { throw .unusable("revisions in \(name) cannot be decoded", underlying: error) }
  }
}

extension Body {
  func checksum(_ position: inout Int) throws -> Checksum {
    let range = try range(&position, UInt64(Checksum.byteCount))
    guard let checksum = Checksum(bytes: bytes[range]) else { throw Self.malformed("a checksum is too short") }
    return checksum
  }
}
