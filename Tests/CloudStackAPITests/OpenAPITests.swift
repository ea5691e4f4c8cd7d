import Testing

@testable import CloudStackAPI

@Suite struct OpenAPITests {
  private static func member(_ reply: Reply?, _ path: String...) -> Reply? {
    path.reduce(reply) { reply, name in if case .object(let fields) = reply { fields[name] } else { nil } }
  }

  private static func references(in reply: Reply) -> [String] {
    switch reply {
    case .object(let fields):
      fields.members.flatMap { member -> [String] in
        if member.name == "$ref", case .string(let target) = member.value { return [target] }
        return references(in: member.value)
      }
    case .list(let elements): elements.flatMap(references)
    case .string, .integer, .decimal, .boolean: []
    }
  }

  @Test func `the document has a form and an answer of every command, and every reference leads somewhere`() throws {
    let document = OpenAPI.document()
    #expect(Self.member(document, "openapi") == .string("3.1.0"))
    guard case .object(let schemas) = Self.member(document, "components", "schemas") else {
      Issue.record("no schemas")
      return
    }
    let names = Set(schemas.members.map(\.name))
    #expect(names.count == schemas.members.count)
    for command in Catalog.all {
      #expect(names.contains("call.\(command.name)") && names.contains("answer.\(command.name)"))
      guard case .object(let properties) = Self.member(schemas["call.\(command.name)"], "properties") else {
        Issue.record("\(command.name) has no properties")
        continue
      }
      #expect(Set(properties.members.map(\.name)).isSuperset(of: command.parameters.map(\.name)), "\(command.name)")
    }
    let targets = Set(Self.references(in: document))
    #expect(targets.count > Catalog.all.count)
    for target in targets {
      #expect(target.hasPrefix("#/components/schemas/") && names.contains(String(target.dropFirst(21))), "\(target)")
    }
    // Written and read again it is the same.
    #expect(Reply(json: String(decoding: document.json, as: UTF8.self)) == document)
  }

  @Test func `a user's document has what a user may call`() {
    guard case .object(let schemas) = Self.member(OpenAPI.document(for: .user), "components", "schemas") else {
      Issue.record("no schemas")
      return
    }
    for command in Catalog.all {
      #expect((schemas["call.\(command.name)"] != nil) == command.roles.contains(.user), "\(command.name)")
    }
  }
}
