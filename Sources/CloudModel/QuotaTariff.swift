package import FoundationEssentials

/// A price of what customers use. A change makes another tariff of the same name; what was removed is remembered.
package struct QuotaTariff: Resource {
  package static let kind = "quotatariff"
  package static var table: TablePath<QuotaTariff> { \.quotaTariffs }
  package static let indexes: [Index<QuotaTariff>] = [
    Index("name", unique: true) { $0.removed == nil ? [.text($0.name.lowercased())] : [] },
    Index("removed") { $0.removed == nil ? [] : [.number(1)] },
  ]

  package let id: ID<QuotaTariff>
  package var name: String
  package var usageType: Int
  /// In hundred-millionths of the currency.
  package var value: Int
  package var description: String?
  /// In which order tariffs of one type count.
  package var position: Int
  package var start: Date
  package var end: Date?
  package var removed: Date?
  package var created: Date

  package init(
    id: ID<QuotaTariff>, name: String, usageType: Int, value: Int, description: String? = nil, position: Int = 1,
    start: Date, end: Date? = nil, created: Date
  ) {
    self.id = id
    self.name = name
    self.usageType = usageType
    self.value = value
    self.description = description
    self.position = position
    self.start = start
    self.end = end
    self.created = created
  }
}

extension QuotaTariff {
  /// What there is without anybody's doing: each type for nothing. One that was changed or removed has a row.
  package static let defaults: [QuotaTariff] = UsageType.all.map { type in
    let id = ID<QuotaTariff>(
      UUID(uuid: (0x71, 0x75, 0x6F, 0x74, 0x61, 0, 0x40, 0, 0x80, 0, 0, 0, 0, 0, 0, UInt8(type.number))))
    // 2010-05-04, as CloudStack has it.
    let start = Date(timeIntervalSince1970: 1_272_931_200)
    return QuotaTariff(id: id, name: type.name, usageType: type.number, value: 0, start: start, created: start)
  }
}
