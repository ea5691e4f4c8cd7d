internal import CloudModel
internal import Crypto
internal import FoundationEssentials
import Synchronization

/// Seals what is secret of a resource on its way into the storage, and opens it on its way back. In memory it is plain.
///
/// A sealed value is the number of its key and the beginning of the key's proof, then nonce, ciphertext and tag of AES-GCM
/// over the value as it would be stored. It opens only as this field of this resource. What is empty is not sealed.
final class Secrets: Sendable {
  let file: KeyFile?
  private let plain = Mutex(Plain())

  private struct Plain {
    /// Secrets in the clear are what was stored before there was a key.
    var isExpected = true
    /// What was met before anything told whether it is expected.
    var found: String?
    var isLoading = true
  }

  private static let fingerprintCount = 4

  init(_ file: KeyFile?) { self.file = file }

  // MARK: - Sealing

  /// The stored form, given the plain one of the resource `id`. `number` is that of the key, 0 for none.
  func sealed(_ fields: SecretFields, of id: UUID, _ body: [UInt8], under number: Int) throws -> [UInt8] {
    try Self.map(body[...], fields) { field, value in
      guard number > 0, !Self.isEmpty(value) else { return nil }
      guard let key = try file?.key(number) else { throw missing(number, "a \(fields.kind)") }
      let box = try AES.GCM.seal(
        Data(value), using: key.secret, authenticating: Self.place(fields.kind, id, field, number))
      var content: [UInt8] = []
      content.appendVarint(UInt64(number))
      content += key.proof.prefix(Self.fingerprintCount)
      for part in [Data(box.nonce), box.ciphertext, box.tag] { content.append(contentsOf: part) }
      var bytes = [Tag.sealed]
      bytes.appendCounted(content)
      return bytes
    }
  }

  /// Whether anything of the resource is sealed when it is stored.
  static func hasSecrets(_ resource: some Resource) throws -> Bool {
    guard let fields = SecretFields(of: type(of: resource)) else { return false }
    var isFound = false
    _ = try map(try RevisionContent.encode(resource)[...], fields) { _, value in
      if !isEmpty(value) { isFound = true }
      return nil
    }
    return isFound
  }

  // MARK: - Opening

  func opened(_ body: ArraySlice<UInt8>, of id: UUID, _ fields: SecretFields) throws -> ArraySlice<UInt8> {
    try Self.map(body, fields) { field, value in
      if Self.isEmpty(value) { return nil }
      guard value.first == Tag.sealed else {
        try foundPlain("\(field) of \(fields.kind) \(id)")
        return nil
      }
      return try open(value, fields.kind, id, field)
    }[...]
  }

  private func open(_ value: ArraySlice<UInt8>, _ kind: String, _ id: UUID, _ field: String) throws -> [UInt8] {
    let what = "\(field) of \(kind) \(id)"
    let sealed = Body(value)
    var start = 1
    _ = try sealed.varint(&start)
    let number = Int(truncatingIfNeeded: try sealed.varint(&start))
    let fingerprint = sealed.bytes[try sealed.range(&start, UInt64(Self.fingerprintCount))]
    guard let key = try file?.key(number) else { throw missing(number, what) }
    guard key.proof.starts(with: fingerprint) else { throw other(number, what) }
    do {
      let box = try AES.GCM.SealedBox(combined: sealed.bytes[start...])
      return Array(try AES.GCM.open(box, using: key.secret, authenticating: Self.place(kind, id, field, number)))
    } catch {
      throw LedgerError.damaged("\(what) is altered: it does not open", underlying: error)
    }
  }

  private func foundPlain(_ what: String) throws(LedgerError) {
    let isExpected = plain.withLock { plain in
      if plain.isLoading, plain.found == nil { plain.found = what }
      return plain.isExpected
    }
    if !isExpected { throw inTheClear(what) }
  }

  private func inTheClear(_ what: String) -> LedgerError {
    .damaged("\(what) is stored in the clear, which it never was")
  }

  // MARK: - Keys

  /// Whether the keys are those that the ledger was written with; to be asked whenever it names others.
  func check(_ state: CloudState, _ name: String) throws(LedgerError) {
    let known = state.sealingKeys.all.filter { $0.number > 0 }
    for sealing in known {
      guard let key = try file?.key(sealing.number) else { throw missing(sealing.number, name) }
      guard key.proof == sealing.proof else { throw other(sealing.number, name) }
    }
    file?.need(Dictionary(known.map { ($0.number, $0.proof) }, uniquingKeysWith: { first, _ in first }))
    let isExpected = known.isEmpty || state.sealingKeys.first("number", .number(0)) != nil
    let found = plain.withLock { plain in
      defer { plain = Plain(isExpected: isExpected, found: nil, isLoading: false) }
      return plain.found
    }
    if !isExpected, let found { throw inTheClear(found) }
  }

  private func missing(_ number: Int, _ what: String) -> LedgerError {
    guard let file else { return LedgerError(.key, "\(what) needs key \(number); name the file that has it") }
    return LedgerError(
      .key, "\(what) needs key \(number), which \(file.path) does not have; put back the copy of the file that has it")
  }

  private func other(_ number: Int, _ what: String) -> LedgerError {
    LedgerError(
      .key, "\(what) needs another key \(number) than the one in \(file?.path ?? "-"); put back the right file")
  }

  // MARK: - Bodies

  private static func place(_ kind: String, _ id: UUID, _ field: String, _ number: Int) -> Data {
    Data("\(kind) \(id.uuidString) \(field) \(number)".utf8)
  }

  private static func isEmpty(_ value: ArraySlice<UInt8>) -> Bool {
    switch value.count {
    case 1: value.first == Tag.null || value.first == Tag.shortText
    case 2: value.first == Tag.bytes || value.first == Tag.list
    default: false
    }
  }

  /// The body with the values of some of its fields replaced, where `change` returns something.
  private static func map(
    _ bytes: ArraySlice<UInt8>, _ fields: SecretFields, _ change: (String, ArraySlice<UInt8>) throws -> [UInt8]?
  ) throws -> [UInt8] {
    let body = Body(bytes)
    var mapped: [UInt8] = []
    var copied = 0
    var position = try body.begin(Tag.fields, at: 0)
    while let name = try body.name(&position) {
      let start = position
      try body.skip(&position)
      let field =
        switch name {
        case .known(let code): fields.codes.contains(code) ? FieldNames.name(of: code) : nil
        case .spelled(let range): try body.string(range)
        }
      guard let field, fields.names.contains(field), let value = try change(field, body.bytes[start..<position]) else {
        continue
      }
      mapped += body.bytes[copied..<start]
      mapped += value
      copied = position
    }
    return copied == 0 ? body.bytes : mapped + body.bytes[copied...]
  }
}

extension SealingKey {
  /// The key that secrets are sealed under.
  static func newest(in keys: Table<SealingKey>) -> Table<SealingKey>.Row? {
    keys.all.max { $0.number < $1.number }.flatMap { keys.row($0.id) }
  }

  /// 0 when there is none.
  static func newestNumber(in state: CloudState) -> Int { newest(in: state.sealingKeys)?.value.number ?? 0 }
}
