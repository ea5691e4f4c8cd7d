import CloudModel
import Control

extension Commands {
  static let isos = [
    Command(
      "registerIso", "Registers an ISO; simulated, nothing is fetched",
      [
        .boolean("bootable", "whether instances can boot from it; true by default"),
        .string("checksum", "what the image's checksum is"),
        .string("displaytext", "what it is; the name by default", length: 4096),
        .boolean("isdynamicallyscalable", "whether instances of it can be scaled while they run"),
        .boolean("isextractable", "whether it can be extracted"),
        .boolean("isfeatured", "whether it is featured"),
        .boolean("ispublic", "whether it is everybody's"),
        .string("name", "the ISO's name", required: true),
        .id("ostypeid", .osType, "what it installs"),
        .boolean("passwordenabled", "whether it takes a password"),
        .string("url", "where it is", required: true, length: 2048),
        .idOrAll("zoneid", .zone, "the zone; -1 for all", required: true),
      ] + Parameter.owner, refused: [.unless("arch", "x86_64"), "directdownload", "imagestoreuuid"],
      response: .iso
    ) { request in
      var image = try newImage(request, isISO: true, format: "ISO")
      let zone: ID<Zone>? = request.arguments.id("zoneid")
      image.zones = zone.map { [$0] } ?? []
      return try await register(image, "iso", request)
    },
    Command(
      "updateIso", "Changes what is said of an ISO", imageUpdate,
      refused: [.unless("arch", "x86_64"), "forceupdateostype", "isrouting"], response: .iso
    ) { request in
      try await update(.iso, request)
    },
    .job(
      "deleteIso", "Deletes an ISO that is attached to nothing",
      [
        .id("id", .iso, "the ISO's id", required: true),
        .id("zoneid", .zone, "the only zone to delete it from"),
      ]
    ) { request in
      try await request.control.delete(
        .iso, request.id("id"), zone: request.arguments.id("zoneid"), forced: false, by: request.caller)
    },
    .job(
      "copyIso", "Makes an ISO available in further zones",
      [
        .id("destzoneid", .zone, "the zone to copy it to"),
        .ids("destzoneids", .zone, "the zones to copy it to"),
        .id("id", .iso, "the ISO's id", required: true),
        .idOrAll("sourcezoneid", .zone, "the zone to copy it from"),
      ], response: .iso
    ) { request in
      try await copy(.iso, request)
    },
    .job(
      "extractIso", "Makes an ISO available by a URL; simulated",
      [
        .id("id", .iso, "the ISO's id", required: true),
        .string("mode", "HTTP_DOWNLOAD", required: true),
        .id("zoneid", .zone, "the zone of the ISO"),
      ], refused: ["url"], response: .extraction(of: "iso")
    ) { request in
      try await request.control.extract(
        .iso, request.id("id"), mode: request.string("mode"), zone: request.arguments.id("zoneid"), by: request.caller)
    },
    .job(
      "attachIso", "Attaches an ISO to an instance",
      [
        .id("id", .iso, "the ISO's id", required: true),
        .id("virtualmachineid", .virtualMachine, "the instance", required: true),
      ], refused: ["forced"], response: .virtualMachine
    ) { request in
      try await request.control.attachISO(request.id("id"), to: request.id("virtualmachineid"), by: request.caller)
    },
    .job(
      "detachIso", "Detaches the ISO of an instance",
      [.id("virtualmachineid", .virtualMachine, "the instance", required: true)], refused: ["forced"],
      response: .virtualMachine
    ) { request in
      try await request.control.detachISO(from: request.id("virtualmachineid"), by: request.caller)
    },
    listIsos,
  ]
}
