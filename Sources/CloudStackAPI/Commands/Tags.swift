import CloudModel
import Control
import FoundationEssentials

extension Commands {
  static let tags = [
    .job(
      "createTags", "Puts tags on resources",
      [
        .string("customer", "whose the tags are, in the caller's own words"),
        .requiredStrings("resourceids", "the ids of the resources"),
        .string("resourcetype", "the type of the resources, such as UserVm", required: true),
        .requiredMap("tags", "the tags: key and value"),
      ]
    ) { request in
      let (kind, resources) = try tagged(request)
      let tags = try (request.arguments.rows("tags") ?? []).map { row in
        guard let key = row["key"], let value = row["value"] else {
          throw APIError.value("Each entry of tags needs key and value")
        }
        return (key: key, value: value)
      }
      return try await request.control.createTags(
        tags, on: resources, customer: request.arguments.string("customer"), by: request.caller,
        where: request.stands(kind))
    },
    .job(
      "deleteTags", "Takes tags off resources",
      [
        .requiredStrings("resourceids", "the ids of the resources"),
        .string("resourcetype", "the type of the resources, such as UserVm", required: true),
        .map("tags", "the tags: key and, if only that, value; all by default"),
      ]
    ) { request in
      let (kind, resources) = try tagged(request)
      let tags = try (request.arguments.rows("tags") ?? []).map { row in
        guard let key = row["key"] else { throw APIError.value("Each entry of tags needs key") }
        return (key: key, value: row["value"])
      }
      return try await request.control.deleteTags(tags, on: resources, by: request.caller, where: request.stands(kind))
    },
    Command(
      "listTags", "Lists tags",
      [
        .string("customer", "whose the tags are, in the words of who made them"),
        .string("key", "the tag's key"),
        .string("resourceid", "the id of the resource"),
        .string("resourcetype", "the type of the resource, such as UserVm"),
        .string("value", "the tag's value"),
      ] + Parameter.scope, response: .tag
    ) { request in
      let (state, view) = (request.state, request.view)
      let resource = request.arguments.string("resourceid").flatMap { UUID(uuidString: $0) }
      if request.arguments.has("resourceid") && resource == nil { return .list("tag", [], count: 0) }
      let isVisible = try request.visibility(ofAnnexes: resource)
      let tags = resource.map { state.tags.matching("resource", .uuid($0)) } ?? Array(state.tags.all)
      let rows = tags.filter { tag in
        request.matches("key", tag.key) && request.matches("value", tag.value)
          && request.matches("customer", tag.customer ?? "") && request.matches("resourcetype", tag.resourceType)
          && isVisible(tag.resource, tag.resourceType)
      }
      return try request.page("tag", rows.sorted { ($0.key, $0.id) < ($1.key, $1.id) }) {
        [$0.key, $0.value]
      } fields: {
        view.fields(of: $0)
      }
    },
  ]

  private static func tagged(_ request: Request) throws -> (ResourceKind, [TaggedResource]) {
    let kind = try request.resourceKind(forTags: true)
    let ids = request.arguments.strings("resourceids") ?? []
    guard ids.count <= 500 else { throw APIError.value("resourceids names at most 500 resources") }
    return (kind, try ids.map { try request.tagged($0, kind, parameter: "resourceids") })
  }
}

extension Request {
  /// Whether the caller sees what hangs on a resource. What hangs on nobody's in particular only root administrators see.
  func visibility(ofAnnexes resource: UUID?) throws -> (UUID, String) -> Bool {
    var scope = self.scope
    scope.byID = resource != nil
    let isVisible = try visibility(scope)
    let isForAll = caller.isRootAdmin && (resource != nil || arguments.flag("listall"))
    return { id, type in
      guard let owner = ResourceKind.named(type)?.entity.owner(id, state) else { return false }
      if case .account(let account) = owner { return isVisible(account) }
      return isForAll
    }
  }
}
