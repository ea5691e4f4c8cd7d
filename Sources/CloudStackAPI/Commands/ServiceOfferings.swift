import CloudModel
import Control

extension Commands {
  static let serviceOfferings = [
    Command(
      "createServiceOffering", "Creates a service offering", roles: .admins,
      [
        .integer("cpunumber", "the number of CPUs", required: true),
        .integer("cpuspeed", "the speed of a CPU in MHz", required: true),
        .string("displaytext", "what it is; the name by default"),
        .ids("domainid", .domain, "the domains it is for; everybody by default"),
        .integer("memory", "the memory in MiB", required: true),
        .string("name", "the offering's name", required: true),
        .long("rootdisksize", "the size of the ROOT volume in GiB, on hosts of the Simulator"),
        .ids("zoneid", .zone, "the zones it is for; all by default"),
      ],
      refused: [
        "bytesreadrate", "bytesreadratemax", "bytesreadratemaxlength", "byteswriterate", "byteswriteratemax",
        "byteswriteratemaxlength", .unless("cachemode", "none"), "customized", "customizediops", "deploymentplanner",
        "diskofferingid", "diskofferingstrictness", "dynamicscalingenabled", "encryptroot", "externaldetails",
        "gpucount", "gpudisplay", "hosttags", "hypervisorsnapshotreserve", "iopsreadrate", "iopsreadratemax",
        "iopsreadratemaxlength", "iopswriterate", "iopswriteratemax", "iopswriteratemaxlength", "issystem",
        "isvolatile", "leaseduration", "leaseexpiryaction", "limitcpuuse", "maxcpunumber", "maxiops", "maxmemory",
        "mincpunumber", "miniops", "minmemory", "networkrate", "offerha", .unless("provisioningtype", "thin"),
        "purgeresources", "serviceofferingdetails", "storagepolicy", .unless("storagetype", "local"), "systemvmtype",
        "tags", "vgpuprofileid",
      ], response: .serviceOffering
    ) { request in
      let arguments = request.arguments
      var offering = try NewServiceOffering(
        name: request.string("name"), displayText: arguments.string("displaytext"),
        cpuNumber: request.require("cpunumber", Arguments.integer),
        cpuSpeedMHz: request.require("cpuspeed", Arguments.integer),
        memoryMiB: request.require("memory", Arguments.integer))
      offering.rootDiskGiB = arguments.integer("rootdisksize").flatMap { $0 == 0 ? nil : $0 }
      offering.domains = arguments.ids("domainid") ?? []
      offering.zones = arguments.ids("zoneid") ?? []
      let id = try await request.control.createServiceOffering(offering, by: request.caller)
      return try request.created(id, "serviceoffering") { request.latest.fields(of: $0) }
    },
    Command(
      "updateServiceOffering", "Changes a service offering", roles: .admins,
      [
        .string("displaytext", "what it is"),
        .id("id", .serviceOffering, "the offering's id", required: true),
        .string("name", "the offering's name"),
        .integer("sortkey", "its place in lists"),
        .string("state", "Active or Inactive"),
      ],
      refused: [
        "cleanupexternaldetails", "domainid", "externaldetails", "hosttags", "purgeresources", "storagetags", "zoneid",
      ], response: .serviceOffering
    ) { request in
      let id: ID<ServiceOffering> = try request.id("id")
      try await request.control.updateServiceOffering(id, offeringChange(request), by: request.caller)
      return try request.created(id, "serviceoffering") { request.latest.fields(of: $0) }
    },
    Command(
      "deleteServiceOffering", "Deletes a service offering; instances of it stay", roles: .admins,
      [.id("id", .serviceOffering, "the offering's id", required: true)], response: .success
    ) { request in
      try await request.control.deleteServiceOffering(request.id("id"), by: request.caller)
      return .success()
    },
    Command(
      "listServiceOfferings", "Lists what CPU and memory instances can have",
      [
        .integer("cpunumber", "the number of CPUs"),
        .integer("cpuspeed", "the speed of a CPU in MHz"),
        .id("id", .serviceOffering, "the offering's id"),
        .boolean("issystem", "the offering of routers instead of those of instances"),
        .integer("memory", "the memory in MiB"),
        .string("name", "the offering's name"),
        .string("state", "Active, which is the default, Inactive, or all"),
        .id("zoneid", .zone, "offerings that can be used in this zone"),
      ] + Parameter.scope,
      refused: [
        "encryptroot", "gpuenabled", .unless("storagetype", "local"), .unless("systemvmtype", "domainrouter"),
        "templateid", "vgpuprofileid", "virtualmachineid",
      ], response: .serviceOffering
    ) { request in
      let zone: ID<Zone>? = request.arguments.id("zoneid")
      // Offerings are nobody's own, but who asks for somebody else has to be allowed to.
      _ = try request.visibility(request.scope)
      let isSystem =
        request.arguments.flag("issystem") || request.arguments.id("id") == ServiceOffering.ofRouters.id
      let offerings = isSystem ? [ServiceOffering.ofRouters] : Array(request.state.serviceOfferings.all)
      let rows = offerings.filter { offering in
        offering.isRemoved != true && isFor(request.caller, offering.domains ?? [], request.state)
          && request.matches("id", offering.id) && request.matches("name", offering.name)
          && request.matches("issystem", isSystem)
          && (zone.map { offering.zones?.contains($0) ?? true } ?? true)
          && (request.arguments.has("id") || isWanted(request, isActive: offering.isInactive != true))
          && request.arguments.integer("cpunumber").map { $0 == offering.cpuNumber } ?? true
          && request.arguments.integer("cpuspeed").map { $0 == offering.cpuSpeedMHz } ?? true
          && request.arguments.integer("memory").map { $0 == offering.memoryMiB } ?? true
      }
      let sorted = rows.sorted { ($0.sortKey ?? 0, $0.created, $0.id) < ($1.sortKey ?? 0, $1.created, $1.id) }
      return try request.page("serviceoffering", sorted) {
        [$0.name, $0.displayText]
      } fields: {
        request.view.fields(of: $0)
      }
    },
  ]
}
