package import FoundationEssentials

/// Where in its history a ledger is to go back to.
package enum RestorePoint: Sendable, Equatable {
  /// The end of what the backup knows.
  case end
  case revision(UInt64)
  /// The state after the last revision that is not later.
  case instant(Date)

  /// A revision's number, or an instant such as `2026-03-01T12:00:00Z`, with or without fractions of a second.
  package init?(_ text: String) {
    if let number = UInt64(text) {
      self = .revision(number)
    } else if let date = try? Date(text, strategy: .iso8601) {
      self = .instant(date)
    } else if let date = try? Date(text, strategy: Date.ISO8601FormatStyle(includingFractionalSeconds: true)) {
      self = .instant(date)
    } else {
      return nil
    }
  }
}
