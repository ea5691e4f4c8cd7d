internal import CloudModel
internal import FoundationEssentials

/// A revision as its row holds it. `time` is seconds since 2001 UTC, `state` the digest of all resources after it.
struct StoredRevision {
  var number: UInt64
  var time: Double
  var cause: Data
  var changes: Data
  var state: Checksum
}

/// The stored form of a change; bodies are JSON.
struct StoredChange {
  var kind: String
  var id: UUID
  var before: Data?
  var after: Data?
}

extension StoredChange {
  /// Count, then per change: kind, id and both bodies, each preceded by its length; all ones stand for no body.
  static func encode(_ changes: [StoredChange]) -> Data {
    var data = Data()
    data.reserveCapacity(
      4 + changes.reduce(0) { $0 + 64 + ($1.before?.count ?? 0) + ($1.after?.count ?? 0) })
    data.append(UInt32(changes.count))
    for change in changes {
      let kind = Array(change.kind.utf8)
      data.append(UInt32(kind.count))
      data.append(contentsOf: kind)
      withUnsafeBytes(of: change.id.uuid) { data.append(contentsOf: $0) }
      for body in [change.before, change.after] {
        data.append(body.map { UInt32($0.count) } ?? .max)
        if let body { data.append(body) }
      }
    }
    return data
  }

  /// `nil` when `data` is not what `encode` writes.
  static func decode(_ data: Data) -> [StoredChange]? {
    var reader = Reader(rest: data[...])
    guard let count = reader.number() else { return nil }
    var changes: [StoredChange] = []
    for _ in 0..<count {
      guard let length = reader.number(), let kind = reader.bytes(length),
        let name = String(validating: kind, as: UTF8.self), let id = reader.uuid(),
        let before = reader.body(), let after = reader.body()
      else { return nil }
      changes.append(StoredChange(kind: name, id: id, before: before, after: after))
    }
    return reader.rest.isEmpty ? changes : nil
  }

  private struct Reader {
    var rest: Data.SubSequence

    mutating func bytes(_ count: UInt32) -> Data? {
      guard rest.count >= count else { return nil }
      defer { rest = rest.dropFirst(Int(count)) }
      return Data(rest.prefix(Int(count)))
    }

    mutating func number() -> UInt32? {
      bytes(4)?.reduce(0) { $0 << 8 | UInt32($1) }
    }

    mutating func uuid() -> UUID? { bytes(16).flatMap(UUID.init(bytes:)) }

    /// The outer `nil` is malformed, the inner one no body.
    mutating func body() -> Data?? {
      guard let count = number() else { return nil }
      if count == .max { return .some(nil) }
      guard let body = bytes(count) else { return nil }
      return .some(body)
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

extension Data {
  fileprivate mutating func append(_ number: UInt32) {
    Swift.withUnsafeBytes(of: number.bigEndian) { append(contentsOf: $0) }
  }
}
