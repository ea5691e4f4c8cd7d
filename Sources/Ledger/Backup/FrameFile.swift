internal import CloudModel
internal import Crypto
internal import FoundationEssentials

/// Files of backups and archives: a header, then frames. Each frame carries a checksum over itself and all before it, so
/// that one which is altered, missing, moved or another file's is found where it stands.
///
///     header   88 bytes and their checksum
///     frame    length (4), type (1), payload (length), checksum (32)
///
/// Numbers are big-endian. Encrypted payloads are AES-GCM under a key of the file's own, the frame's number as nonce and
/// the checksum before it as additional data.
struct FrameHeader: Hashable, Sendable {
  static let version: UInt32 = 1
  static let byteCount = 88
  private static let magic = Array("DARUMABK".utf8)

  enum Content: UInt8, Sendable {
    /// A ledger at one moment.
    case backup = 1
    /// Revisions that follow each other.
    case segment = 2
  }

  enum Cipher: UInt8, Sendable {
    case none = 0
    case key = 1
    case passphrase = 2
  }

  var content: Content
  var cipher: Cipher
  var salt: [UInt8]
  var ledger: UUID
  var epoch: UInt64
  /// A backup's last revision; the one that a segment's first follows.
  var revision: UInt64
  /// Seconds since 2001 UTC.
  var created: Double

  var bytes: [UInt8] {
    var bytes = Self.magic
    bytes.appendBigEndian(UInt64(Self.version), count: 4)
    bytes += [content.rawValue, cipher.rawValue, 0, 0]
    bytes += salt
    bytes.append(ledger)
    bytes.appendBigEndian(epoch, count: 8)
    bytes.appendBigEndian(revision, count: 8)
    bytes.appendBigEndian(created.bitPattern, count: 8)
    return bytes + Self.checksum(bytes).bytes
  }

  /// Of a file's first bytes.
  init(_ bytes: [UInt8], _ name: String) throws(LedgerError) {
    guard !bytes.isEmpty else { throw .unusable("\(name) is empty") }
    guard bytes.starts(with: Self.magic) else { throw .unusable("\(name) is not a backup of a ledger") }
    guard bytes.count >= 12 else { throw .unusable("\(name) ends within its header") }
    let version = Self.number(bytes[8..<12])
    guard version <= Self.version else {
      throw LedgerError(
        .tooNew, "\(name) has format \(version); this version of Daruma knows \(Self.version). Run a later one")
    }
    guard bytes.count == Self.byteCount + Checksum.byteCount else { throw .unusable("\(name) ends within its header") }
    let content = Content(rawValue: bytes[12])
    let cipher = Cipher(rawValue: bytes[13])
    guard Self.checksum(Array(bytes[..<Self.byteCount])).bytes[...] == bytes[Self.byteCount...], let content,
      let cipher, let ledger = UUID(bytes: Data(bytes[48..<64]))
    else { throw .unusable("the header of \(name) is altered") }
    self.init(
      content: content, cipher: cipher, salt: Array(bytes[16..<48]), ledger: ledger, epoch: Self.number(bytes[64..<72]),
      revision: Self.number(bytes[72..<80]), created: Double(bitPattern: Self.number(bytes[80..<88])))
  }

  init(
    content: Content, cipher: Cipher, salt: [UInt8], ledger: UUID, epoch: UInt64, revision: UInt64, created: Double
  ) {
    self.content = content
    self.cipher = cipher
    self.salt = salt
    self.ledger = ledger
    self.epoch = epoch
    self.revision = revision
    self.created = created
  }

  private static func checksum(_ bytes: [UInt8]) -> Checksum {
    Checksum { hash in
      hash.add(Array("daruma backup".utf8))
      hash.add(bytes)
    }
  }

  static func number(_ bytes: ArraySlice<UInt8>) -> UInt64 { bytes.reduce(0) { $0 << 8 | UInt64($1) } }
}

enum FrameType: UInt8, Sendable {
  case standing = 1
  case resources = 2
  case revisions = 3
  /// The last one of a file that is complete.
  case end = 4
}

extension Checksum {
  /// Of a frame and of all before it. `payload` is what is stored.
  static func frame(after previous: Checksum, _ number: UInt64, _ type: UInt8, _ payload: [UInt8]) -> Checksum {
    Checksum { hash in
      hash.add(previous)
      hash.add(number)
      hash.add(UInt64(type))
      hash.add(payload)
    }
  }

  /// What the frames of a file begin with.
  static func start(of header: FrameHeader) -> Checksum {
    Checksum { hash in
      hash.add(Array("daruma frames".utf8))
      hash.add(header.bytes)
    }
  }
}

extension LedgerError {
  /// A file that is not, or no longer, what was written.
  static func unusable(_ message: String, underlying: (any Error)? = nil) -> LedgerError {
    LedgerError(.damaged, message, underlying: underlying)
  }
}
