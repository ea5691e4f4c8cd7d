import CloudModel
import Control

extension Commands {
  static let templates = [
    Command(
      "listTemplates", "Lists templates, each once per zone that has it",
      [
        .string("hypervisor", "KVM or Simulator"),
        .id("id", .template, "the template's id"),
        .ids("ids", .template, "the templates' ids"),
        .boolean("isready", "whether it can be deployed, as all can"),
        .string("name", "the template's name"),
        .boolean("showunique", "each template once, whatever its zones"),
        .string(
          "templatefilter", "featured, self, selfexecutable, sharedexecutable, executable, community, or all",
          required: true),
        .string("templatetype", "BUILTIN, as all templates are"),
        .id("zoneid", .zone, "the zone of the template"),
      ] + Parameter.scope,
      refused: [
        "arch", "extensionid", "forcks", .admin("imagestoreid"), "isvnf", "oscategoryid", "parenttemplateid",
        .admin("storageid"), "tags",
      ], response: .template
    ) { request in
      let filter = try request.string("templatefilter").lowercased()
      let ids = request.arguments.ids("ids", Template.self)
      let templates = request.state.templates.all.filter { template in
        request.matches("id", template.id) && request.matches("name", template.name)
          && request.matches("hypervisor", template.hypervisor.rawValue) && request.matches("templatetype", "BUILTIN")
          && request.matches("isready", true) && ids?.contains(template.id) ?? true
      }
      let rows = try templates.oldestFirst(\.created).filter { try isShown($0, filter, request) }.flatMap { template in
        let zones = template.zones.filter { request.matches("zoneid", $0) }.map { (template, $0) }
        return request.arguments.flag("showunique") ? Array(zones.prefix(1)) : zones
      }
      return try request.page("template", rows) {
        [$0.0.name, $0.0.displayText]
      } fields: {
        request.view.fields(of: $0.0, in: $0.1)
      }
    }
  ]

  /// All templates are public and featured.
  private static func isShown(_ template: Template, _ filter: String, _ request: Request) throws -> Bool {
    switch filter {
    case "featured", "executable": return true
    case "self", "selfexecutable": return template.account == request.caller.account
    case "sharedexecutable", "shared", "community": return false
    case "all":
      guard request.caller.isRootAdmin else { throw APIError.value("Filter all can be specified by admin only") }
      return true
    default:
      throw APIError.invalid(
        "templatefilter", filter,
        "it is featured, self, selfexecutable, sharedexecutable, executable, community or all")
    }
  }
}
