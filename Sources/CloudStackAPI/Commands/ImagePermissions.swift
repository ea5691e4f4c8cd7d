import CloudModel
import Control

extension Commands {
  static let imagePermissions = [
    change("updateTemplatePermissions", "Says who may use a template", .template),
    change("updateIsoPermissions", "Says who may use an ISO", .iso),
    list("listTemplatePermissions", "Tells who may use a template", .template),
    list("listIsoPermissions", "Tells who may use an ISO", .iso),
  ]

  private static func change(_ name: String, _ description: String, _ kind: ImageKind) -> Command {
    Command(
      name, description,
      [
        .strings("accounts", "accounts of the owner's domain, by name"),
        .id("id", kind == .iso ? .iso : .template, "its id", required: true),
        .boolean("isextractable", "whether it can be extracted; root administrators only"),
        .boolean("isfeatured", "whether it is featured"),
        .boolean("ispublic", "whether it is everybody's"),
        .string("op", "what becomes of the accounts: add, remove, or reset for all"),
      ], refused: ["projectids"], response: .success
    ) { request in
      var change = PermissionChange()
      change.isPublic = request.arguments.boolean("ispublic")
      change.isFeatured = request.arguments.boolean("isfeatured")
      change.isExtractable = request.arguments.boolean("isextractable")
      change.accounts = request.arguments.strings("accounts") ?? []
      if let text = request.arguments.string("op"), !text.isEmpty {
        guard let operation = PermissionChange.Operation(rawValue: text.lowercased()) else {
          throw APIError.invalid("op", text, "it is add, remove or reset")
        }
        change.operation = operation
      }
      try await request.control.updatePermissions(kind, request.id("id"), change, by: request.caller)
      return .success()
    }
  }

  /// Only who may change them may know them.
  private static func list(_ name: String, _ description: String, _ kind: ImageKind) -> Command {
    Command(
      name, description, [.id("id", kind == .iso ? .iso : .template, "its id", required: true)],
      response: .templatePermission
    ) { request in
      let id: ID<Template> = try request.id("id")
      guard let image = request.state.templates[id], image.imageKind == kind else {
        throw APIError.unknown(id.description, parameter: "id", command: request.command)
      }
      guard Access.allows(request.caller, owner: image.account, in: request.state) else {
        throw APIError.denied("Unable to list permissions for \(image.name), you must be admin or its owner")
      }
      return .one("templatepermission", request.view.permissions(of: image))
    }
  }
}
