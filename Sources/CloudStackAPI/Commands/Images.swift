import CloudModel
import Control
import FoundationEssentials

extension Commands {
  static let images = [
    Command(
      "registerTemplate", "Registers a template; simulated, nothing is fetched",
      [
        .string("checksum", "what the image's checksum is"),
        .map("details", "anything else, as details[0].name=value"),
        .string("displaytext", "what it is; the name by default", length: 4096),
        .string("format", "such as QCOW2 or RAW", required: true),
        .string("hypervisor", "Simulator", required: true),
        .boolean("isdynamicallyscalable", "whether instances of it can be scaled while they run"),
        .boolean("isextractable", "whether it can be extracted"),
        .boolean("isfeatured", "whether it is featured"),
        .boolean("ispublic", "whether it is everybody's"),
        .string("name", "the template's name", required: true),
        .id("ostypeid", .osType, "what it runs"),
        .boolean("passwordenabled", "whether it takes a password"),
        .boolean("requireshvm", "whether it needs hardware virtualisation"),
        .boolean("sshkeyenabled", "whether it takes an SSH key"),
        .string("templatetag", "a tag"),
        .string("url", "where it is", required: true, length: 2048),
        .idOrAll("zoneid", .zone, "the zone; -1 for all"),
        .ids("zoneids", .zone, "the zones; all by default"),
      ] + Parameter.owner,
      refused: [
        .unless("arch", "x86_64"), .unless("bits", "64"), "deployasis", "directdownload", "extensionid",
        "externaldetails", "forcks", "isrouting", .unless("templatetype", "user"),
      ], response: .template
    ) { request in
      let name = try request.string("hypervisor")
      var image = try newImage(request, isISO: false, format: request.string("format"))
      image.hypervisor = HypervisorType.allCases.first { $0.rawValue.lowercased() == name.lowercased() }
      let one: ID<Zone>? = request.arguments.id("zoneid")
      image.zones = one.map { [$0] } ?? request.arguments.ids("zoneids") ?? []
      return try await register(image, "template", request)
    },
    Command(
      "updateTemplate", "Changes what is said of a template", imageUpdate + [.string("templatetag", "a tag")],
      refused: [
        .unless("arch", "x86_64"), "forceupdateostype", "forcks", "isrouting", .unless("templatetype", "user"),
      ], response: .template
    ) { request in
      try await update(.template, request)
    },
    .job(
      "createTemplate", "Makes a template of a disk or snapshot", creates: true,
      [
        .map("details", "anything else, as details[0].name=value"),
        .string("displaytext", "what it is; the name by default", length: 4096),
        .boolean("isdynamicallyscalable", "whether instances of it can be scaled while they run"),
        .boolean("isfeatured", "whether it is featured"),
        .boolean("ispublic", "whether it is everybody's"),
        .string("name", "the template's name", required: true),
        .id("ostypeid", .osType, "what it runs", required: true),
        .boolean("passwordenabled", "whether it takes a password"),
        .boolean("requireshvm", "whether it needs hardware virtualisation"),
        .id("snapshotid", .snapshot, "the snapshot that it is made from"),
        .boolean("sshkeyenabled", "whether it takes an SSH key"),
        .string("templatetag", "a tag"),
        .id("volumeid", .volume, "the disk that it is made from"),
        .id("zoneid", .zone, "the zone of the snapshot"),
      ] + Parameter.owner,
      refused: [.unless("arch", "x86_64"), .unless("bits", "64"), "url", "virtualmachineid"],
      response: .template
    ) { request in
      let arguments = request.arguments
      var template = try TemplateOfVolume(
        name: request.string("name"), displayText: arguments.string("displaytext"),
        registration: registration(request, isISO: false, format: "RAW"))
      template.volume = arguments.id("volumeid")
      template.snapshot = arguments.id("snapshotid")
      template.zone = arguments.id("zoneid")
      template.account = arguments.string("account")
      template.domain = arguments.id("domainid")
      return try await request.control.createTemplate(template, by: request.caller)
    },
    .job(
      "deleteTemplate", "Deletes a template",
      [
        .boolean("forced", "also if instances are made of it"),
        .id("id", .template, "the template's id", required: true),
        .id("zoneid", .zone, "the only zone to delete it from"),
      ], refused: [.admin("issystem")]
    ) { request in
      try await request.control.delete(
        .template, request.id("id"), zone: request.arguments.id("zoneid"), forced: request.arguments.flag("forced"),
        by: request.caller)
    },
    .job(
      "copyTemplate", "Makes a template available in further zones",
      [
        .id("destzoneid", .zone, "the zone to copy it to"),
        .ids("destzoneids", .zone, "the zones to copy it to"),
        .id("id", .template, "the template's id", required: true),
        .idOrAll("sourcezoneid", .zone, "the zone to copy it from"),
      ], response: .template
    ) { request in
      try await copy(.template, request)
    },
    .job(
      "extractTemplate", "Makes a template available by a URL; simulated",
      [
        .id("id", .template, "the template's id", required: true),
        .string("mode", "HTTP_DOWNLOAD", required: true),
        .id("zoneid", .zone, "the zone of the template"),
      ], refused: ["url"], response: .extraction(of: "template")
    ) { request in
      try await request.control.extract(
        .template, request.id("id"), mode: request.string("mode"), zone: request.arguments.id("zoneid"),
        by: request.caller)
    },
    listTemplates,
  ]

  /// What can be said anew of templates and ISOs.
  static let imageUpdate: [Parameter] = [
    .boolean("bootable", "whether instances can boot from it"),
    .boolean("cleanupdetails", "drop all details"),
    .map("details", "anything else, as details[0].name=value"),
    .string("displaytext", "what it is", length: 4096),
    .string("format", "such as QCOW2 or RAW"),
    .id("id", .template, "its id", required: true),
    .boolean("isdynamicallyscalable", "whether instances of it can be scaled while they run"),
    .string("name", "its name"),
    .id("ostypeid", .osType, "what it runs"),
    .boolean("passwordenabled", "whether it takes a password"),
    .boolean("requireshvm", "whether it needs hardware virtualisation"),
    .integer("sortkey", "its place in lists"),
    .boolean("sshkeyenabled", "whether it takes an SSH key"),
  ]

  static func register(_ image: NewImage, _ name: String, _ request: Request) async throws -> Reply {
    let id = try await request.control.register(image, by: request.caller)
    guard let made = request.control.state.templates[id] else {
      throw ControlError(.internalError, "The new \(name) is gone already")
    }
    let view = request.latest
    return .list(name, made.zones.map { view.fields(of: made, in: $0) }, count: made.zones.count)
  }

  static func newImage(_ request: Request, isISO: Bool, format: String) throws -> NewImage {
    var image = try NewImage(
      name: request.string("name"), displayText: request.arguments.string("displaytext"), url: request.string("url"),
      registration: registration(request, isISO: isISO, format: format))
    image.account = request.arguments.string("account")
    image.domain = request.arguments.id("domainid")
    return image
  }

  static func registration(
    _ request: Request, isISO: Bool, format: String
  ) throws -> Template.Registration {
    let arguments = request.arguments
    var said = Template.Registration(
      isISO: isISO, format: format, osType: arguments.uuid("ostypeid") ?? OperatingSystem.otherLinux)
    said.isPublic = arguments.flag("ispublic")
    said.isFeatured = arguments.flag("isfeatured")
    said.isExtractable = arguments.flag("isextractable")
    said.isBootable = arguments.boolean("bootable") ?? true
    said.hasPassword = arguments.flag("passwordenabled")
    said.hasSSHKey = arguments.flag("sshkeyenabled")
    said.isScalable = arguments.flag("isdynamicallyscalable")
    said.needsHVM = arguments.boolean("requireshvm") ?? true
    said.tag = arguments.string("templatetag")
    said.checksum = arguments.string("checksum")
    said.details = merged(arguments.rows("details"))
    return said
  }

  private static func merged(_ rows: [[String: String]]?) -> [Template.Detail] {
    let all: [String: String] = (rows ?? []).reduce(into: [:]) { all, row in all.merge(row) { $1 } }
    return all.sorted { $0.key < $1.key }.map { Template.Detail(name: $0.key, value: $0.value) }
  }

  static func update(_ kind: ImageKind, _ request: Request) async throws -> Reply {
    let arguments = request.arguments
    let id: ID<Template> = try request.id("id")
    var change = ImageChange()
    change.name = arguments.string("name")
    change.displayText = arguments.string("displaytext")
    change.format = arguments.string("format")
    change.osType = arguments.uuid("ostypeid")
    change.isBootable = arguments.boolean("bootable")
    change.hasPassword = arguments.boolean("passwordenabled")
    change.hasSSHKey = arguments.boolean("sshkeyenabled")
    change.isScalable = arguments.boolean("isdynamicallyscalable")
    change.needsHVM = arguments.boolean("requireshvm")
    change.tag = arguments.string("templatetag")
    change.sortKey = arguments.integer("sortkey")
    change.details = arguments.rows("details").map { merged($0) }
    change.dropsDetails = arguments.flag("cleanupdetails")
    try await request.control.update(kind, id, change, by: request.caller)
    let view = request.latest
    guard let image = view.state.templates[id], let zone = image.zones.first else {
      throw ControlError(.internalError, "The \(request.command.resultName) was deleted meanwhile")
    }
    return .one(request.command.resultName, view.fields(of: image, in: zone))
  }

  static func copy(_ kind: ImageKind, _ request: Request) async throws -> Started {
    let one: ID<Zone>? = request.arguments.id("destzoneid")
    return try await request.control.copy(
      kind, request.id("id"), from: request.arguments.id("sourcezoneid"),
      to: (one.map { [$0] } ?? []) + (request.arguments.ids("destzoneids") ?? []), by: request.caller)
  }
}
