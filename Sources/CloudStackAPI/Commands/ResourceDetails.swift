import CloudModel
import Control
import FoundationEssentials

extension Commands {
  static let resourceDetails = [
    .job(
      "addResourceDetail", "Keeps keys and values with a resource", roles: .admin,
      [
        .requiredMap("details", "keys and values"),
        .boolean("fordisplay", "whether others than root administrators see them; true by default"),
        .string("resourceid", "the id of the resource", required: true),
        .string("resourcetype", "the type of the resource, such as UserVm", required: true),
      ]
    ) { request in
      var details: [String: String] = [:]
      for row in request.arguments.rows("details") ?? [] {
        if let key = row["key"], let value = row["value"] {
          details[key] = value
        } else {
          details.merge(row) { _, last in last }
        }
      }
      return try await request.control.addResourceDetails(
        details, on: resource(request), isShown: request.arguments.boolean("fordisplay") ?? true, by: request.caller)
    },
    .job(
      "removeResourceDetail", "Forgets what is kept with a resource", roles: .admin,
      [
        .string("key", "the key; all by default"),
        .string("resourceid", "the id of the resource", required: true),
        .string("resourcetype", "the type of the resource, such as UserVm", required: true),
      ]
    ) { request in
      try await request.control.removeResourceDetails(
        request.arguments.string("key"), on: resource(request), by: request.caller)
    },
    Command(
      "listResourceDetails", "Lists what is kept with resources",
      [
        .boolean("fordisplay", "whether others than root administrators see it", roles: .admin),
        .string("key", "the key"),
        .string("resourceid", "the id of the resource"),
        .string("resourcetype", "the type of the resource, such as UserVm", required: true),
        .string("value", "the value", roles: .admin),
      ] + Parameter.scope, response: .resourceDetail
    ) { request in
      let (state, view, caller) = (request.state, request.view, request.caller)
      let kind = try request.resourceKind(forTags: false)
      let resource = request.arguments.string("resourceid").flatMap { UUID(uuidString: $0) }
      if request.arguments.has("resourceid") && resource == nil { return .list("resourcedetail", [], count: 0) }
      let isVisible = try request.visibility(ofAnnexes: resource)
      let details =
        resource.map { state.resourceDetails.matching("resource", .uuid($0)) } ?? Array(state.resourceDetails.all)
      let rows = details.filter { detail in
        detail.resourceType == kind.name && request.matches("key", detail.key) && request.matches("value", detail.value)
          && request.matches("fordisplay", detail.isShown) && (detail.isShown || caller.isRootAdmin)
          && isVisible(detail.resource, detail.resourceType)
      }
      return try request.page("resourcedetail", rows.sorted { ($0.key, $0.id) < ($1.key, $1.id) }) {
        [$0.key, $0.value]
      } fields: {
        view.fields(of: $0)
      }
    },
  ]

  private static func resource(_ request: Request) throws -> TaggedResource {
    try request.tagged(
      request.string("resourceid"), request.resourceKind(forTags: false), parameter: "resourceid")
  }
}
