internal import CloudModel
internal import FoundationEssentials

/// What a stored revision holds beside its number and time: the cause and what became of each resource.
struct RevisionContent {
  var cause: Cause
  var changes: [StoredChange]
}

/// The stored form of a change.
struct StoredChange {
  var kind: String
  var id: UUID
  /// The revision that wrote what was there before; 0 when nothing was.
  var previous: UInt64
  /// `nil` when it was removed.
  var body: ArraySlice<UInt8>?

  var key: ResourceKey { ResourceKey(kind: kind, id: id) }
}

extension RevisionContent {
  /// The cause, the number of changes and, per change: kind, id, `previous`, the body's length plus one, the body. The
  /// bodies of the changes that come back share these bytes. Secrets are sealed under the key with the number `key`.
  static func encode(
    _ revision: Revision, _ secrets: Secrets, with encoder: BodyEncoder, under key: Int
  ) throws(LedgerError) -> (content: [UInt8], changes: [StoredChange]) {
    do {
      var bytes: [UInt8] = []
      bytes.reserveCapacity(256 * (revision.changes.count + 1))
      encoder.clear()
      try revision.cause.write(to: encoder)
      bytes.append(contentsOf: encoder.bytes)
      bytes.appendVarint(UInt64(revision.changes.count))
      var bodies: [Range<Int>?] = []
      bodies.reserveCapacity(revision.changes.count)
      // By position: a change that a loop hands out is copied.
      for position in revision.changes.indices {
        bodies.append(try revision.changes[position].encode(to: &bytes, secrets, with: encoder, under: key))
      }
      let changes = revision.changes.indices.map { position in
        revision.changes[position].stored(bodies[position].map { bytes[$0] })
      }
      return (bytes, changes)
    } catch let error as LedgerError {
      throw error
    } catch {
      throw LedgerError(.invalid, "revision \(revision.number) cannot be written", underlying: error)
    }
  }

  static func encode(_ resource: some Resource) throws -> [UInt8] {
    let encoder = BodyEncoder()
    try resource.write(to: encoder)
    return encoder.bytes
  }

  init(_ record: RevisionRecord) throws(LedgerError) {
    do {
      try self.init(record.content)
    } catch {
      throw .damaged("revision \(record.number) cannot be decoded", underlying: error)
    }
  }

  private init(_ bytes: [UInt8]) throws {
    let body = Body(bytes)
    var position = 0
    cause = try body.value(Cause.self, at: position)
    try body.skip(&position)
    changes = []
    for _ in 0..<(try body.varint(&position)) {
      let kind = try body.string(try body.counted(&position))
      let id = try body.uuid(&position)
      let previous = try body.varint(&position)
      let length = try body.varint(&position)
      let content = length == 0 ? nil : bytes[try body.range(&position, length - 1)]
      changes.append(StoredChange(kind: kind, id: id, previous: previous, body: content))
    }
    guard position == bytes.count else { throw Body.malformed("something follows the last change") }
  }

  static let kinds: [String: any Resource.Type] = Dictionary(
    uniqueKeysWithValues: CloudState.kinds.map { ($0.kind, $0) })

  static func resource(
    kind: String, id: UUID, body: ArraySlice<UInt8>, _ secrets: Secrets
  ) throws -> any Resource {
    guard let type = kinds[kind] else { throw LedgerError.damaged("there is no kind called \(kind)") }
    return try type.decode(body, id: id, secrets)
  }
}

extension Cause {
  /// The bytes that its `Codable` makes, which each revision would feel.
  fileprivate func write(to encoder: BodyEncoder) throws {
    var cause = self
    try encoder.fields { encoder in
      try encoder.field("actor", &cause.actor)
      try encoder.field("command", &cause.command)
      try encoder.field("job", &cause.job)
    }
  }
}

extension ResourceChange {
  /// Returns where in `bytes` the body came to stand.
  fileprivate func encode(
    to bytes: inout [UInt8], _ secrets: Secrets, with encoder: BodyEncoder, under key: Int
  ) throws -> Range<Int>? {
    guard RevisionContent.kinds[kind] != nil else {
      throw LedgerError(.invalid, "\(kind) is not one of CloudState.kinds")
    }
    bytes.appendCounted(kind.utf8)
    bytes.append(id)
    bytes.appendVarint(previous)
    encoder.clear()
    guard try writeAfter(to: encoder) else {
      bytes.appendVarint(0)
      return nil
    }
    let body =
      if let fields = SecretFields.byKind[kind] {
        try secrets.sealed(fields, of: id, encoder.bytes, under: key)
      } else {
        encoder.bytes
      }
    bytes.appendVarint(UInt64(body.count) + 1)
    bytes.append(contentsOf: body)
    return bytes.count - body.count..<bytes.count
  }

  fileprivate func stored(_ body: ArraySlice<UInt8>?) -> StoredChange {
    StoredChange(kind: kind, id: id, previous: previous, body: body)
  }
}

extension Resource {
  /// From the stored form.
  static func decode(_ body: ArraySlice<UInt8>, id: UUID, _ secrets: Secrets) throws -> Self {
    guard let fields = SecretFields.byKind[kind] else { return try decode(body, id: id) }
    return try decode(try secrets.opened(body, of: id, fields), id: id)
  }

  static func decode(_ body: ArraySlice<UInt8>, id: UUID) throws -> Self {
    let resource = try read(Body(body))
    guard resource.id.uuid == id else { throw LedgerError.damaged("\(kind) \(id) calls itself \(resource.id)") }
    return resource
  }
}
