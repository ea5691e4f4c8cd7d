package import FoundationEssentials

/// The identity of one resource of kind `R`: a UUID, written in lower case as CloudStack does.
package struct ID<R>: Hashable, Sendable {
  package let uuid: UUID

  package init(_ uuid: UUID) {
    self.uuid = uuid
  }

  /// `nil` unless `text` is a UUID.
  package init?(_ text: some StringProtocol) {
    guard let uuid = UUID(uuidString: String(text)) else { return nil }
    self.uuid = uuid
  }
}

extension ID: CustomStringConvertible {
  package var description: String { uuid.uuidString.lowercased() }
}

extension ID: Comparable {
  package static func < (left: ID, right: ID) -> Bool { left.uuid < right.uuid }
}

extension ID: Codable {
  package init(from decoder: any Decoder) throws {
    uuid = try decoder.singleValueContainer().decode(UUID.self)
  }

  package func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    try container.encode(uuid)
  }
}
