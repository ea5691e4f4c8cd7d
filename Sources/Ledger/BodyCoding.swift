internal import CloudModel
internal import FoundationEssentials

/// Resources and causes as JSON whose bytes depend on the value alone.
struct BodyCoding {
  private let encoder = JSONEncoder()
  private let decoder = JSONDecoder()

  init() {
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
  }

  static let kinds: [String: any Resource.Type] = Dictionary(
    uniqueKeysWithValues: CloudState.kinds.map { ($0.kind, $0) })

  func encode(_ value: some Encodable) throws(LedgerError) -> Data {
    do { return try encoder.encode(value) } catch {
      throw LedgerError(.invalid, "a \(type(of: value)) cannot be written as JSON", underlying: error)
    }
  }

  func encode(_ changes: [ResourceChange]) throws(LedgerError) -> [Data?] {
    var bodies: [Data?] = []
    bodies.reserveCapacity(changes.count)
    for change in changes {
      guard Self.kinds[change.kind] != nil else {
        throw LedgerError(.invalid, "\(change.kind) is not one of CloudState.kinds")
      }
      if let after = change.after { bodies.append(try encode(after)) } else { bodies.append(nil) }
    }
    return bodies
  }

  func cause(_ data: Data) throws -> Cause { try decoder.decode(Cause.self, from: data) }

  func resource(kind: String, id: UUID, body: Data) throws -> any Resource {
    guard let type = Self.kinds[kind] else { throw LedgerError.damaged("there is no kind called \(kind)") }
    return try type.decode(body, id: id, with: decoder)
  }

  func revision(_ stored: StoredRevision) throws(LedgerError) -> Revision {
    do {
      guard let changes = StoredChange.decode(stored.changes) else {
        throw LedgerError.damaged("the changes of revision \(stored.number) are malformed")
      }
      return Revision(
        number: stored.number, time: Date(timeIntervalSinceReferenceDate: stored.time), cause: try cause(stored.cause),
        changes: try changes.map { change in
          ResourceChange(
            kind: change.kind, id: change.id,
            before: try change.before.map { try resource(kind: change.kind, id: change.id, body: $0) },
            after: try change.after.map { try resource(kind: change.kind, id: change.id, body: $0) })
        })
    } catch let error as LedgerError {
      throw error
    } catch {
      throw .damaged("revision \(stored.number) cannot be decoded", underlying: error)
    }
  }
}

extension Resource {
  fileprivate static func decode(_ body: Data, id: UUID, with decoder: JSONDecoder) throws -> Self {
    let resource = try decoder.decode(Self.self, from: body)
    guard resource.id.uuid == id else { throw LedgerError.damaged("\(kind) \(id) calls itself \(resource.id)") }
    return resource
  }

  func put(into state: inout CloudState) throws {
    let table = Self.table
    try state[keyPath: table].put(self)
  }

  static func remove(_ id: UUID, from state: inout CloudState) {
    let table = Self.table
    state[keyPath: table].remove(ID(id))
  }
}

extension CloudState {
  /// Takes a revision back.
  mutating func undo(_ changes: [ResourceChange]) throws {
    for change in changes { BodyCoding.kinds[change.kind]?.remove(change.id, from: &self) }
    for change in changes { try change.before?.put(into: &self) }
  }

  mutating func apply(_ changes: [ResourceChange]) throws {
    for change in changes { BodyCoding.kinds[change.kind]?.remove(change.id, from: &self) }
    for change in changes { try change.after?.put(into: &self) }
  }
}
