import CloudModel
import Control

extension Commands {
  static let listTemplates = Command(
    "listTemplates", "Lists templates, each once per zone that has it",
    [
      .string("hypervisor", "KVM or Simulator"),
      .id("id", .template, "the template's id"),
      .ids("ids", .template, "the templates' ids"),
      .boolean("isready", "whether it can be deployed, as all can"),
      .string("name", "the template's name"),
      .id("oscategoryid", .osCategory, "what kind of system it runs"),
      .boolean("showunique", "each template once, whatever its zones"),
      .tags,
      .string(
        "templatefilter", "featured, self, selfexecutable, sharedexecutable, executable, community, or all",
        required: true),
      .string("templatetype", "BUILTIN or USER"),
      .id("zoneid", .zone, "the zone of the template"),
    ] + Parameter.scope,
    refused: [
      "arch", "extensionid", "forcks", .admin("imagestoreid"), "isvnf", "parenttemplateid", "showremoved",
      .admin("storageid"),
    ], response: .template
  ) { request in
    try list(.template, filter: request.string("templatefilter"), request) { template in
      request.matches("hypervisor", template.hypervisor.rawValue)
        && request.matches("templatetype", template.isBuiltIn ? "BUILTIN" : "USER")
    }
  }

  static let listIsos = Command(
    "listIsos", "Lists ISOs, each once per zone that has it",
    [
      .boolean("bootable", "whether instances can boot from it"),
      .id("id", .iso, "the ISO's id"),
      .string(
        "isofilter",
        "featured, self, selfexecutable, sharedexecutable, executable, community, or all; "
          + "selfexecutable by default"),
      .boolean("ispublic", "whether it is everybody's"),
      .boolean("isready", "whether it can be attached, as all can"),
      .string("name", "the ISO's name"),
      .id("oscategoryid", .osCategory, "what kind of system it runs"),
      .boolean("showunique", "each ISO once, whatever its zones"),
      .tags,
      .id("zoneid", .zone, "the zone of the ISO"),
    ] + Parameter.scope,
    refused: ["arch", "hypervisor", .admin("imagestoreid"), "showremoved", .admin("storageid")], response: .iso
  ) { request in
    let filter = request.arguments.string("isofilter").flatMap { $0.isEmpty ? nil : $0 }
    return try list(.iso, filter: filter ?? "selfexecutable", request) { iso in
      request.matches("bootable", iso.registration?.isBootable ?? true) && request.matches("ispublic", iso.isPublic)
    }
  }

  private static func list(
    _ kind: ImageKind, filter: String, _ request: Request, where isWanted: (Template) -> Bool
  ) throws -> Reply {
    let ids = request.arguments.ids("ids", Template.self)
    let category = request.arguments.uuid("oscategoryid")
    let isShown = try shown(filter.lowercased(), request)
    let images = request.state.templates.all.filter { image in
      image.isRemoved != true && image.imageKind == kind && request.matches("id", image.id)
        && request.matches("name", image.name)
        && request.matchesTags(image.id)
        && ids?.contains(image.id) ?? true
        && (category == nil || OperatingSystem.named(image.osType)?.category.id == category)
        && isWanted(image) && isShown(image)
    }
    let sorted = images.sorted {
      ($0.registration?.sortKey ?? 0, $0.created, $0.id) < ($1.registration?.sortKey ?? 0, $1.created, $1.id)
    }
    let rows = sorted.flatMap { image in
      let zones = image.zones.filter { request.matches("zoneid", $0) }.map { (image, $0) }
      return request.arguments.flag("showunique") ? Array(zones.prefix(1)) : zones
    }
    return try request.page(kind == .iso ? "iso" : "template", rows) {
      [$0.0.name, $0.0.displayText]
    } fields: {
      request.view.fields(of: $0.0, in: $0.1)
    }
  }

  /// The images that a filter stands for.
  private static func shown(_ filter: String, _ request: Request) throws -> (Template) -> Bool {
    let (caller, state) = (request.caller, request.state)
    let isOwned = try request.visibility(request.scope)
    let isByWhomNamed = request.arguments.has("id") || request.arguments.has("ids")
    func isAccessible(_ image: Template) -> Bool {
      image.isUsable(by: caller.account) || Access.allows(caller, owner: image.account, in: state)
    }
    let isShown: (Template) -> Bool
    switch filter {
    case "featured": isShown = { $0.isPublic && $0.isFeatured }
    case "self", "selfexecutable": isShown = { isOwned($0.account) }
    case "sharedexecutable", "shared":
      isShown = { !$0.isPublic && $0.account != caller.account && $0.sharedWith?.contains(caller.account) == true }
    case "executable": isShown = { $0.isUsable(by: caller.account) || isOwned($0.account) }
    case "community": isShown = { $0.isPublic && !$0.isFeatured }
    case "all":
      guard caller.isRootAdmin else { throw APIError.value("Filter all can be specified by admin only") }
      isShown = { _ in true }
    default:
      throw APIError.invalid(
        "\(request.command.name == "listIsos" ? "iso" : "template")filter", filter,
        "it is featured, self, selfexecutable, sharedexecutable, executable, community or all")
    }
    // Whoever names an image is shown it, whatever the filter.
    return isByWhomNamed ? isAccessible : isShown
  }
}
