import CloudModel
import Control

extension Commands {
  static let volumes = [
    .job(
      "createVolume", "Creates a disk, of an offering or from a snapshot", creates: true,
      [
        .id("diskofferingid", .diskOffering, "what kind of disk"),
        .boolean("displayvolume", "whether others than administrators are shown it", roles: .admin),
        .string("name", "the disk's name"),
        .long("size", "the size in GiB, of an offering without one"),
        .id("snapshotid", .snapshot, "the snapshot that it is made from"),
        .id("virtualmachineid", .virtualMachine, "the instance that one made from a snapshot is attached to"),
        .id("zoneid", .zone, "the zone; that of the snapshot by default"),
      ] + Parameter.owner, refused: ["maxiops", "miniops"], response: .volume
    ) { request in
      let arguments = request.arguments
      var volume = NewVolume()
      volume.name = arguments.string("name").flatMap { $0.isEmpty ? nil : $0 }
      volume.zone = arguments.id("zoneid")
      volume.offering = arguments.id("diskofferingid")
      volume.sizeGiB = arguments.integer("size")
      volume.snapshot = arguments.id("snapshotid")
      volume.virtualMachine = arguments.id("virtualmachineid")
      volume.isShown = arguments.boolean("displayvolume") ?? true
      volume.account = arguments.string("account")
      volume.domain = arguments.id("domainid")
      return try await request.control.createVolume(volume, by: request.caller)
    },
    .job(
      "uploadVolume", "Takes up a disk from a URL; simulated, nothing is fetched",
      [
        .id("diskofferingid", .diskOffering, "what kind of disk"),
        .string("format", "such as QCOW2 or RAW", required: true),
        .string("name", "the disk's name", required: true),
        .string("url", "where it is", required: true, length: 2048),
        .id("zoneid", .zone, "the zone", required: true),
      ] + Parameter.owner, refused: ["checksum", "imagestoreuuid"], response: .volume
    ) { request in
      var upload = try VolumeUpload(
        name: request.string("name"), zone: request.id("zoneid"), url: request.string("url"),
        format: request.string("format"))
      upload.offering = request.arguments.id("diskofferingid")
      upload.account = request.arguments.string("account")
      upload.domain = request.arguments.id("domainid")
      return try await request.control.uploadVolume(upload, by: request.caller)
    },
    Command(
      "deleteVolume", "Deletes a disk that is attached to nothing",
      [.id("id", .volume, "the disk's id", required: true)], response: .success
    ) { request in
      try await request.control.deleteVolume(request.id("id"), by: request.caller)
      return .success()
    },
    .job(
      "destroyVolume", "Destroys a disk; it can be recovered for a while",
      [
        .boolean("expunge", "for good"),
        .id("id", .volume, "the disk's id", required: true),
      ], response: .volume
    ) { request in
      try await request.control.destroyVolume(
        request.id("id"), expunge: request.arguments.flag("expunge"), by: request.caller)
    },
    Command(
      "recoverVolume", "Takes the destruction of a disk back",
      [.id("id", .volume, "the disk's id", required: true)], response: .volume
    ) { request in
      let id: ID<Volume> = try request.id("id")
      try await request.control.recoverVolume(id, by: request.caller)
      return try request.created(id, "volume") { request.latest.fields(of: $0) }
    },
    listVolumes,
  ]

  private static let listVolumes = Command(
    "listVolumes", "Lists disks",
    [
      .id("diskofferingid", .diskOffering, "what kind of disk"),
      .boolean("displayvolume", "whether others than administrators are shown it", roles: .admin),
      .id("hostid", .host, "the host of its instance", roles: .admin),
      .id("id", .volume, "the disk's id"),
      .ids("ids", .volume, "the disks' ids"),
      .string("name", "the disk's name"),
      .id("serviceofferingid", .serviceOffering, "that of its instance, for ROOT volumes"),
      .string("state", "such as Ready"),
      .id("storageid", .storagePool, "the primary storage that it was moved to", roles: .admin),
      .tags,
      .string("type", "ROOT or DATADISK"),
      .id("virtualmachineid", .virtualMachine, "the instance that it is attached to"),
      .id("zoneid", .zone, "the zone of the disk"),
    ] + Parameter.scope,
    refused: [
      .admin("clusterid"), .admin("isencrypted"), .admin("listsystemvms"), "podid", "retrieveonlyresourcecount",
    ], response: .volume
  ) { request in
    let ids = request.arguments.ids("ids", Volume.self)
    let host: ID<Host>? = request.arguments.id("hostid")
    let offering: ID<ServiceOffering>? = request.arguments.id("serviceofferingid")
    let isNamed = ids != nil || request.arguments.has("virtualmachineid")
    let rows = try request.visible(request.state.volumes, byName: isNamed) { $0.account }.filter { volume in
      let machine = volume.virtualMachine.flatMap { request.state.virtualMachines[$0] }
      return (volume.isShown || request.caller.isRootAdmin) && request.matches("displayvolume", volume.isShown)
        && ids?.contains(volume.id) ?? true && request.matches("name", volume.name)
        && request.matches("diskofferingid", volume.diskOffering) && request.matches("state", volume.state.rawValue)
        && request.matches("type", volume.type.rawValue) && request.matches("virtualmachineid", volume.virtualMachine)
        && request.matches("zoneid", volume.zone) && request.matches("storageid", volume.pool)
        && (host == nil || machine?.host == host)
        && (offering == nil || volume.type == .root && machine?.offering == offering)
    }
    return try request.page("volume", rows.oldestFirst(\.created)) {
      [$0.name]
    } fields: {
      request.view.fields(of: $0)
    }
  }
}
