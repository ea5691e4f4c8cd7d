/// The value of a setting that was changed from its default.
package struct Setting: Resource {
  package static let kind = "setting"
  package static var table: TablePath<Setting> { \.settings }
  package static let indexes: [Index<Setting>] = [
    Index("name", unique: true) { [.text($0.name)] }
  ]

  package let id: ID<Setting>
  package let name: String
  package var value: String

  package init(id: ID<Setting>, name: String, value: String) {
    self.id = id
    self.name = name
    self.value = value
  }
}
