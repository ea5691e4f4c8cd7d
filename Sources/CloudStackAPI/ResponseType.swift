/// What an object of an answer consists of, as listApis tells it. A field's description is its name.
package struct ResponseType: Hashable, Sendable {
  package struct Field: Hashable, Sendable {
    package let name: String
    package let type: FieldType
    package let roles: Roles
  }

  package let name: String
  package let fields: [Field]

  /// `reserved` fields are written for root administrators only.
  init(
    _ name: String, _ fields: KeyValuePairs<String, FieldType>, reserved: KeyValuePairs<String, FieldType> = [:]
  ) {
    self.name = name
    let names = Set(fields.map(\.key))
    // What an account may own, a project may own.
    let isOwned = names.isSuperset(of: ["account", "domainid", "domainpath"]) && !names.contains("projectid")
    self.fields =
      fields.map { Field(name: $0.key, type: $0.value, roles: .everybody) }
      + (isOwned ? ["projectid", "project"].map { Field(name: $0, type: .string, roles: .everybody) } : [])
      + reserved.map { Field(name: $0.key, type: $0.value, roles: .admin) }
  }

  private init(_ name: String, fields: [Field]) {
    self.name = name
    self.fields = fields
  }

  /// The same fields under another name.
  func named(_ name: String) -> ResponseType { ResponseType(name, fields: fields) }
}

package indirect enum FieldType: Hashable, Sendable {
  case string, integer, long, decimal, boolean, date, map, object
  case strings
  case list(ResponseType)
  case one(ResponseType)

  /// The name that listApis gives it.
  package var name: String {
    switch self {
    case .string: "string"
    case .integer: "integer"
    case .long: "long"
    case .decimal: "bigdecimal"
    case .boolean: "boolean"
    case .date: "date"
    case .map: "map"
    case .object: "responseobject"
    case .strings, .list: "list"
    case .one(let type): type.name
    }
  }

  package var nested: ResponseType? {
    switch self {
    case .list(let type), .one(let type): type
    default: nil
    }
  }
}
