package import FoundationEssentials
import Glibc

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
    var words: (UInt64, UInt64) = (0, 0)
    return withUnsafeMutableBytes(of: &words) { bytes in
      // Fails only for more than 256 bytes, or where a filter of system calls forbids it.
      guard getentropy(bytes.baseAddress, bytes.count) == 0 else { preconditionFailure("there are no random numbers") }
      bytes[6] = bytes[6] & 0x0f | 0x40
      bytes[8] = bytes[8] & 0x3f | 0x80
      return UUID(uuid: bytes.loadUnaligned(as: uuid_t.self))
    }
  }
}
