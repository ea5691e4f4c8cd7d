package import FoundationEssentials

/// Where the ledger gets what is not determined by its content.
package struct Sources: Sendable {
  package var now: @Sendable () -> Date
  package var uuid: @Sendable () -> UUID

  package init(now: @escaping @Sendable () -> Date, uuid: @escaping @Sendable () -> UUID) {
    self.now = now
    self.uuid = uuid
  }

  package static let system = Sources(now: { Date() }, uuid: { .random() })
}

extension UUID {
  /// A random one: version 4 of RFC 9562. `UUID()` opens a device for each.
  package static func random() -> UUID {
    var generator = SystemRandomNumberGenerator()
    var words = (generator.next(), generator.next())
    return withUnsafeMutableBytes(of: &words) { bytes in
      bytes[6] = bytes[6] & 0x0f | 0x40
      bytes[8] = bytes[8] & 0x3f | 0x80
      return UUID(uuid: bytes.loadUnaligned(as: uuid_t.self))
    }
  }
}
