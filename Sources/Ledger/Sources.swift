package import FoundationEssentials

/// Where the ledger gets what is not determined by its content.
package struct Sources: Sendable {
  package var now: @Sendable () -> Date
  package var uuid: @Sendable () -> UUID

  package init(now: @escaping @Sendable () -> Date, uuid: @escaping @Sendable () -> UUID) {
    self.now = now
    self.uuid = uuid
  }

  package static let system = Sources(now: { Date() }, uuid: { UUID() })
}
