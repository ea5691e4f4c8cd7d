/// What an answer consists of: an ordered tree that is written as JSON or XML in one place each.
package enum Reply: Hashable, Sendable {
  case string(String)
  case integer(Int)
  /// A number with a fraction, as it is written.
  case decimal(String)
  case boolean(Bool)
  case object(Fields)
  case list([Reply])
}

/// The members of an object in the order in which they are written. A member without a value is left out.
package struct Fields: Hashable, Sendable {
  package struct Member: Hashable, Sendable {
    package let name: String
    package let value: Reply
  }

  package private(set) var members: [Member] = []

  package init() {}

  /// With room for `count` members.
  init(room count: Int) { members.reserveCapacity(count) }

  package subscript(name: String) -> Reply? {
    members.first { $0.name == name }?.value
  }

  package mutating func add(_ name: String, _ value: Reply?) {
    if let value { members.append(Member(name: name, value: value)) }
  }

  package mutating func add(_ name: String, _ text: String?) {
    if let text { members.append(Member(name: name, value: .string(text))) }
  }

  package mutating func add(_ name: String, _ number: Int?) {
    if let number { members.append(Member(name: name, value: .integer(number))) }
  }

  package mutating func add(_ name: String, _ flag: Bool?) {
    if let flag { members.append(Member(name: name, value: .boolean(flag))) }
  }

  package mutating func add(_ name: String, _ objects: [Fields]) {
    members.append(Member(name: name, value: .list(objects.map(Reply.object))))
  }

  package mutating func add(_ name: String, texts: [String]) {
    members.append(Member(name: name, value: .list(texts.map(Reply.string))))
  }

  package mutating func append(_ other: Fields) {
    members += other.members
  }
}

extension Reply {
  /// One object under its name.
  static func one(_ name: String, _ fields: Fields) -> Reply {
    var outer = Fields()
    outer.add(name, .object(fields))
    return .object(outer)
  }

  static func success(_ displayText: String? = nil) -> Reply {
    var fields = Fields()
    fields.add("success", true)
    fields.add("displaytext", displayText)
    return .object(fields)
  }

  /// A page of a list. Nothing at all is an empty object; a page past the end has a count only.
  static func list(_ name: String, _ page: [Fields], count: Int) -> Reply {
    var fields = Fields()
    if count > 0 { fields.add("count", count) }
    if !page.isEmpty { fields.add(name, page) }
    return .object(fields)
  }
}
