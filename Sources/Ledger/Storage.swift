package import FoundationEssentials

/// Where a ledger is kept. The ledger decides what is written and proves what is read; a storage keeps it, all or nothing,
/// and says the truth about whether it did.
///
/// `load` and `begin` come first, once each. `append`, `fold`, `trim` and `close` are called by one thread at a time, the
/// reads by any, also while one of those runs. Everything blocks its thread.
///
/// An error `diskFull` of `append`, `fold` or `trim` says that nothing of the call was written and that it may be tried
/// again; it may tell of room that an earlier call lacks. After any other error, what was written is unknown: the ledger calls none of them any more. `fenced` says that
/// another process has taken the ledger over.
package protocol Storage: AnyObject, Sendable {
  /// What messages call it, such as its path or its database's name.
  var name: String { get }

  /// Whether appending takes no longer than a disk does, so that a thread that others need may wait for it.
  var isNear: Bool { get }

  /// The last head that anybody was told of, as far as it is remembered apart from what `load` reads; `nil` when nothing
  /// remembers it, so that what `load` reads is believed. The ledger refuses whatever does not contain it.
  func acknowledged() throws(LedgerError) -> Head?

  /// Reads everything of one moment into `loading`, changing nothing.
  func load(_ loading: any Loading) throws(LedgerError)

  /// What was loaded is proven: whoever wrote before must not any more, what was read is made durable where it may not be,
  /// and `standing` is written (it is what was loaded, but for the epoch after a restore).
  func begin(_ standing: Standing) throws(LedgerError)

  /// Adds revisions that follow the last one, and `standing`, whose head is the last of them. Durable when it returns.
  func append(_ records: [RevisionRecord], _ standing: Standing) throws(LedgerError)

  /// Writes resources into the checkpoint, replacing those of the same kind and id, removes those without a body, and
  /// writes `standing`, in one step. Need not be durable when it returns: lost, it is as if it had not been called, whatever was
  /// appended later.
  func fold(_ resources: [ResourceRecord], _ standing: Standing) throws(LedgerError)

  /// Deletes the revisions up to and including `standing.anchor`, and writes `standing`, in one step. Durable as `fold`.
  func trim(_ standing: Standing) throws(LedgerError)

  /// Sees to it that all that was folded and trimmed is durable when it returns, or at the latest when the next append does. To
  /// be called before the key is given up that what it replaced was under.
  func settle() throws(LedgerError)

  /// Those of the revisions `range` that are kept, in order.
  func read(_ range: ClosedRange<UInt64>) throws(LedgerError) -> [RevisionRecord]

  /// Those of the revisions called `numbers` (ascending) that are kept, in order.
  func read(_ numbers: [UInt64]) throws(LedgerError) -> [RevisionRecord]

  /// The checkpoint's record of a resource.
  func read(kind: String, id: UUID) throws(LedgerError) -> ResourceRecord?

  /// Reads everything of one moment into `loading`, between `begin` and `close`, while the others are called.
  func copy(_ loading: any Loading) throws(LedgerError)

  /// Makes everything durable and gives the storage back. Nothing is called afterwards.
  func close() throws(LedgerError)
}

/// Takes in what a storage holds, and proves it. What its functions throw ends the loading and is thrown by it.
package protocol Loading: Sendable {
  /// Called first, once.
  func begin(_ standing: Standing) throws(LedgerError)
  /// A piece of the checkpoint, of some hundreds to thousands: each resource once, in any order, from any thread.
  func take(_ resources: [ResourceRecord]) throws(LedgerError)
  /// A piece of the revisions after `standing.anchor`: consecutive, the pieces in any order, from any thread.
  func take(_ revisions: [RevisionRecord]) throws(LedgerError)
}

/// A revision as it is stored. A storage looks at nothing in `content`.
package struct RevisionRecord: Hashable, Sendable {
  package var number: UInt64
  /// Seconds since 2001 UTC.
  package var time: Double
  package var content: [UInt8]
  /// Binds it to all revisions before it.
  package var chain: Checksum

  package init(number: UInt64, time: Double, content: [UInt8], chain: Checksum) {
    self.number = number
    self.time = time
    self.content = content
    self.chain = chain
  }
}

/// A resource as the checkpoint holds it.
package struct ResourceRecord: Hashable, Sendable {
  package var kind: String
  package var id: UUID
  /// The revision that wrote it.
  package var revision: UInt64
  /// `nil`, on its way into the checkpoint only, when it is to be removed.
  package var body: [UInt8]?
  /// Of all of the above.
  package var proof: Checksum

  package init(kind: String, id: UUID, revision: UInt64, body: [UInt8]?, proof: Checksum) {
    self.kind = kind
    self.id = id
    self.revision = revision
    self.body = body
    self.proof = proof
  }
}

/// What is known of a ledger as a whole. Stored once, replaced by each write.
package struct Standing: Hashable, Sendable {
  package var head: Head
  /// Every revision up to this one is in the checkpoint; single resources may be newer.
  package var checkpoint: UInt64
  /// The sum over the checkpoint's resources.
  package var digest: Checksum
  /// The last revision that was trimmed.
  package var anchor: Anchor

  package struct Anchor: Hashable, Sendable {
    package var number: UInt64
    package var chain: Checksum

    package init(number: UInt64, chain: Checksum) {
      self.number = number
      self.chain = chain
    }
  }

  package init(head: Head, checkpoint: UInt64, digest: Checksum, anchor: Anchor) {
    self.head = head
    self.checkpoint = checkpoint
    self.digest = digest
    self.anchor = anchor
  }

  /// Holds the fields together; stored beside them and compared by `load`.
  package var seal: Checksum {
    Checksum { hash in
      hash.add(Array("standing".utf8))
      hash.add(head.seal)
      hash.add(checkpoint)
      hash.add(digest)
      hash.add(anchor.number)
      hash.add(anchor.chain)
    }
  }
}
