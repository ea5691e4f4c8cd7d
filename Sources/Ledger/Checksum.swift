internal import Crypto
internal import FoundationEssentials

/// A SHA-256 value.
package struct Checksum: Hashable, Sendable {
  private var words: (UInt64, UInt64, UInt64, UInt64) = (0, 0, 0, 0)

  package static let byteCount = 32
  package static let zero = Checksum()

  private init() {}

  init?(_ data: Data) {
    guard data.count == Self.byteCount else { return nil }
    withUnsafeMutableBytes(of: &words) { $0.copyBytes(from: data) }
  }

  /// Feeds `content` to SHA-256 in the order it is called with.
  init(_ content: (inout SHA256) -> Void) {
    var hash = SHA256()
    content(&hash)
    hash.finalize().withUnsafeBytes { digest in withUnsafeMutableBytes(of: &words) { $0.copyMemory(from: digest) } }
  }

  /// `nil` unless there are `byteCount` of them.
  package init?(bytes: some Collection<UInt8>) {
    guard bytes.count == Self.byteCount else { return nil }
    withUnsafeMutableBytes(of: &words) { $0.copyBytes(from: bytes) }
  }

  package var bytes: [UInt8] { withUnsafeBytes(of: words) { Array($0) } }

  var data: Data { withUnsafeBytes(of: words) { Data($0) } }

  func withBytes<Value>(_ body: (UnsafeRawBufferPointer) -> Value) -> Value { withUnsafeBytes(of: words, body) }

  /// Adds `other` to, or takes it out of, a sum over a set whose order does not matter.
  mutating func toggle(_ other: Checksum) {
    words.0 ^= other.words.0
    words.1 ^= other.words.1
    words.2 ^= other.words.2
    words.3 ^= other.words.3
  }

  package static func == (left: Checksum, right: Checksum) -> Bool { left.words == right.words }

  package func hash(into hasher: inout Hasher) { hasher.combine(words.0) }
}

extension Checksum {
  /// Shows that a resource of the checkpoint is what was written there.
  static func proof(kind: String, id: UUID, revision: UInt64, body: ArraySlice<UInt8>) -> Checksum {
    Checksum { hash in
      add("", kind, id, revision, to: &hash)
      body.withUnsafeBytes { hash.update(bufferPointer: $0) }
    }
  }

  /// One resource's part in the checkpoint's digest: that it is there, as this revision wrote it.
  static func presence(kind: String, id: UUID, revision: UInt64) -> Checksum {
    Checksum { add("presence", kind, id, revision, to: &$0) }
  }

  /// In one piece: the hash takes as long to be called as for a few hundred bytes. Lengths of texts first, as in `add`; a
  /// `purpose` that is empty is left out.
  private static func add(
    _ purpose: String, _ kind: String, _ id: UUID, _ revision: UInt64, to hash: inout SHA256
  ) {
    let texts = purpose.isEmpty ? [kind] : [purpose, kind]
    let size = texts.reduce(24) { $0 + 8 + $1.utf8.count }
    withUnsafeTemporaryAllocation(byteCount: size, alignment: 8) { bytes in
      var place = 0
      func put(_ number: UInt64) {
        bytes.storeBytes(of: number.bigEndian, toByteOffset: place, as: UInt64.self)
        place += 8
      }
      for var text in texts {
        put(UInt64(text.utf8.count))
        text.withUTF8 { UnsafeMutableRawBufferPointer(rebasing: bytes[place...]).copyMemory(from: .init($0)) }
        place += text.utf8.count
      }
      bytes.storeBytes(of: id.uuid, toByteOffset: place, as: uuid_t.self)
      place += 16
      put(revision)
      hash.update(bufferPointer: UnsafeRawBufferPointer(bytes))
    }
  }

  /// What the chain of a ledger begins with.
  static func genesis(of ledger: UUID) -> Checksum {
    Checksum { hash in
      hash.add(Array("daruma ledger".utf8))
      hash.add(ledger)
    }
  }

  /// Binds a revision to all that came before it. `revision.chain` is not looked at.
  static func link(after previous: Checksum, _ revision: RevisionRecord) -> Checksum {
    Checksum { hash in
      hash.add(previous)
      hash.add(revision.number)
      hash.add(revision.time.bitPattern)
      hash.add(UInt64(revision.content.count))
      revision.content.withUnsafeBytes { hash.update(bufferPointer: $0) }
    }
  }
}

extension SHA256 {
  mutating func add(_ number: UInt64) {
    withUnsafeBytes(of: number.bigEndian) { update(bufferPointer: $0) }
  }

  /// Length first, so that neighbours cannot be mistaken for each other.
  mutating func add(_ bytes: [UInt8]) {
    add(UInt64(bytes.count))
    update(data: bytes)
  }

  mutating func add(_ checksum: Checksum) {
    checksum.withBytes { update(bufferPointer: $0) }
  }

  mutating func add(_ uuid: UUID) {
    withUnsafeBytes(of: uuid.uuid) { update(bufferPointer: $0) }
  }
}
