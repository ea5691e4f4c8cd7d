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
      "deleteUserData", "Deletes user data that no instance uses",
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
      "linkUserDataToTemplate", "Links user data to a template, which is not supported",
      [
        .id("isoid", .template, "the ISO's id"),
        .id("templateid", .template, "the template's id"),
        .id("userdataid", .registeredUserData, "the user data's id"),
        .string("userdatapolicy", "ALLOWOVERRIDE, APPEND or DENYOVERRIDE"),
      ], response: .template
    ) { _ in
      throw ControlError(
        .unsupported, "Templates have no user data; give it to instances by userdataid of deployVirtualMachine")
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
}
