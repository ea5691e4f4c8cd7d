internal import CloudModel

/// The fields of a kind that are sealed.
struct SecretFields: Sendable {
  let kind: String
  let names: Set<String>
  /// What the names are stored as.
  let codes: [Int]

  /// `nil` of a kind that has no secrets.
  init?(of type: any Resource.Type) {
    if type.secretFields.isEmpty { return nil }
    kind = type.kind
    names = type.secretFields
    codes = names.map(FieldNames.code)
  }

  static let byKind: [String: SecretFields] = Dictionary(
    uniqueKeysWithValues: CloudState.kinds.compactMap { type in SecretFields(of: type).map { (type.kind, $0) } })
}
