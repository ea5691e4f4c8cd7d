import CloudModel
import Control

extension Commands {
  static let registeredUserData = [
    Command(
      "registerUserData", "Registers user data to deploy instances with",
      [
        .string("name", "the user data's name, unique in the account", required: true),
        .string("params", "the names of variables in it, separated by commas"),
        .string("userdata", "the data in base64, at most 32 KiB", required: true, length: 1_048_576),
      ] + Parameter.owner, response: .success, object: "userdata"
    ) { request in
      let id = try await request.control.registerUserData(
        name: request.string("name"),
        content: UserData.decode(request.string("userdata"), isPost: request.isPost),
        parameters: request.arguments.string("params"), account: request.arguments.string("account"),
        domain: request.arguments.id("domainid"), by: request.caller)
      return try request.created(id, "userdata") { request.latest.fields(of: $0) }
    },
    Command(
      "deleteUserData", "Deletes user data that no instance uses and no template is linked to",
      [.id("id", .registeredUserData, "the user data's id", required: true)],
      refused: ["account", "domainid", "projectid"], response: .success
    ) { request in
      try await request.control.deleteUserData(request.id("id"), by: request.caller)
      return .success()
    },
    Command(
      "listUserData", "Lists registered user data",
      [.id("id", .registeredUserData, "the user data's id"), .string("name", "the user data's name")]
        + Parameter.scope, response: .registeredUserData
    ) { request in
      let rows = try request.visible(request.state.registeredUserData) { $0.account }.filter {
        request.matches("name", $0.name)
      }
      return try request.page("userdata", rows.oldestFirst(\.created)) {
        [$0.name]
      } fields: {
        request.view.fields(of: $0)
      }
    },
    Command(
      "linkUserDataToTemplate", "Gives a template or ISO user data for its instances, or takes it away",
      [
        .id("isoid", .template, "the ISO's id"),
        .id("templateid", .template, "the template's id"),
        .id("userdataid", .registeredUserData, "the user data's id; without it the template has none any more"),
        .string("userdatapolicy", "ALLOWOVERRIDE (by default), APPEND or DENYOVERRIDE"),
      ], response: .template
    ) { request in
      try await linkUserData(request)
    },
    Command(
      "resetUserDataForVirtualMachine", "Gives a stopped instance other user data", roles: .admin,
      [
        .id("id", .virtualMachine, "the instance's id", required: true),
        .string("userdata", "data for the instance in base64, at most 32 KiB", length: 1_048_576),
        .id("userdataid", .registeredUserData, "registered user data, in the place of userdata"),
      ], refused: ["account", "domainid", "projectid", "userdatadetails"], response: .virtualMachine
    ) { request in
      let content = try request.arguments.string("userdata").map { try UserData.decode($0, isPost: request.isPost) }
      let source = request.arguments.id("userdataid", RegisteredUserData.self)
      guard content == nil || source == nil else {
        throw APIError.value("Both userdata and userdataid inputs are not allowed, please provide only one")
      }
      return try await request.changedInstance(
        request.control.resetUserData(of: request.id("id"), content: content, source: source, by: request.caller))
    },
  ]

  private static func linkUserData(_ request: Request) async throws -> Reply {
    let arguments = request.arguments
    let template: ID<Template>? = arguments.id("templateid")
    let iso: ID<Template>? = arguments.id("isoid")
    guard template == nil || iso == nil else {
      throw APIError.value("Both template ID and ISO ID are passed, API accepts only one")
    }
    guard let id = template ?? iso else {
      throw APIError.value("Atleast one of template ID or ISO ID needs to be passed")
    }
    let name = arguments.string("userdatapolicy") ?? ""
    guard let policy = name.isEmpty ? .allowOverride : UserDataPolicy(rawValue: name.uppercased()) else {
      throw APIError.invalid("userdatapolicy", name, "it is ALLOWOVERRIDE, APPEND or DENYOVERRIDE")
    }
    try await request.control.link(
      arguments.id("userdataid"), to: iso == nil ? .template : .iso, id, policy: policy, by: request.caller)
    let view = request.latest
    guard let image = view.state.templates[id], let zone = image.zones.first else {
      throw ControlError(.internalError, "The template was deleted meanwhile")
    }
    return .one(iso == nil ? "template" : "iso", view.fields(of: image, in: zone))
  }
}
