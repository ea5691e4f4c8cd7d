import CloudModel
import Control

extension Commands {
  /// The release whose API this is compatible with.
  static let compatibleVersion = "4.22.0.0"

  static let discovery = [
    Command(
      "listApis", "Lists the commands that the caller may call", [.string("name", "the command's name")],
      response: .api
    ) { request in
      let role = Roles(request.caller.type)
      let name = request.arguments.string("name")
      let commands = Catalog.all.filter { command in
        Permission.allows(request.caller, command, in: request.state) && (name == nil || command.name == name)
      }
      guard !commands.isEmpty || name == nil else {
        throw APIError(530, "The API \(name ?? "") does not exist or is not available for the account")
      }
      return .list("api", commands.map { describe($0, for: role) }, count: commands.count)
    },
    Command("listCapabilities", "Tells what this cloud can do", response: .capability) { request in
      var fields = Fields()
      fields.add("securitygroupsenabled", request.state.zones.all.contains { $0.series == .basic })
      fields.add("dynamicrolesenabled", true)
      fields.add("cloudstackversion", compatibleVersion)
      fields.add("userpublictemplateenabled", false)
      fields.add("supportELB", "false")
      fields.add("projectinviterequired", request.state.flag(.projectInviteRequired))
      fields.add("allowusercreateprojects", request.state.flag(.allowUserCreateProjects))
      fields.add("customdiskofferingminsize", Control.diskGiB.lowerBound)
      fields.add("customdiskofferingmaxsize", Control.diskGiB.upperBound)
      fields.add("regionsecondaryenabled", false)
      fields.add("kvmsnapshotenabled", false)
      fields.add("allowuserviewdestroyedvm", false)
      fields.add("allowuserexpungerecovervm", true)
      fields.add("allowuserexpungerecovervolume", true)
      fields.add("allowuserforcestopvm", true)
      fields.add("allowuserviewalldomainaccounts", false)
      fields.add("kubernetesserviceenabled", false)
      fields.add("kubernetesclusterexperimentalfeaturesenabled", false)
      fields.add("instanceleaseenabled", false)
      fields.add("dynamicscalingenabled", false)
      fields.add("additionalconfigenabled", false)
      if request.state.flag(.isThrottled) {
        fields.add("apilimitmax", request.state.integer(.throttledCalls))
        fields.add("apilimitinterval", request.state.integer(.throttleInterval))
      }
      fields.add("defaultuipagesize", request.state.integer(.uiPageSize))
      return .one("capability", fields)
    },
  ]

  private static func describe(_ command: Command, for role: Roles) -> Fields {
    var fields = Fields()
    fields.add("name", command.name)
    fields.add("description", command.description)
    fields.add("isasync", command.isAsync)
    if Catalog.simulatorOnly.contains(command.name) { fields.add("simulatoronly", true) }
    fields.add("related", related(to: command.response.name, except: command.name))
    fields.add("params", command.parameters.filter { $0.roles.contains(role) }.map(describe))
    fields.add(
      "response", command.response.fields.filter { $0.roles.contains(role) }.map { describe($0, role, depth: 1) })
    return fields
  }

  private static func describe(_ parameter: Parameter) -> Fields {
    var fields = Fields()
    fields.add("name", parameter.name)
    fields.add("description", parameter.description)
    fields.add("type", parameter.type.rawValue)
    fields.add("length", parameter.length)
    fields.add("required", parameter.isRequired)
    fields.add("related", parameter.entity.map { related(to: $0.response, except: "") })
    return fields
  }

  private static func describe(_ field: ResponseType.Field, _ role: Roles, depth: Int) -> Fields {
    var fields = Fields()
    fields.add("name", field.name)
    fields.add("description", field.name)
    fields.add("type", field.type.name)
    if depth > 0, let nested = field.type.nested {
      fields.add(
        "response", nested.fields.filter { $0.roles.contains(role) }.map { describe($0, role, depth: depth - 1) })
    }
    return fields
  }

  private static let namesByResponse = Dictionary(grouping: Catalog.all) { $0.response.name }.mapValues {
    $0.map(\.name)
  }

  /// Commands that answer with the same kind of object.
  private static func related(to response: String, except name: String) -> String {
    if response == ResponseType.success.name { return "" }
    return (namesByResponse[response] ?? []).filter { $0 != name }.joined(separator: ",")
  }
}
