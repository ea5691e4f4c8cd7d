import CloudModel
import Control

extension Commands {
  static let volumeChanges: [Command] = [
    .job(
      "attachVolume", "Attaches a disk to an instance",
      [
        .long("deviceid", "its place there: 1, 2, or 4 to 15; the first free one by default"),
        .id("id", .volume, "the disk's id", required: true),
        .id("virtualmachineid", .virtualMachine, "the instance", required: true),
      ], response: .volume
    ) { request in
      try await request.control.attachVolume(
        request.id("id"), to: request.id("virtualmachineid"), at: request.arguments.integer("deviceid"),
        by: request.caller)
    },
    .job(
      "detachVolume", "Detaches a disk from its instance",
      [
        .long("deviceid", "its place in the instance, instead of its id"),
        .id("id", .volume, "the disk's id"),
        .id("virtualmachineid", .virtualMachine, "the instance, with deviceid"),
      ], response: .volume
    ) { request in
      try await request.control.detachVolume(
        request.arguments.id("id"), from: request.arguments.id("virtualmachineid"),
        at: request.arguments.integer("deviceid"), by: request.caller)
    },
    .job(
      "resizeVolume", "Changes the size of a disk, or its offering",
      [
        .id("diskofferingid", .diskOffering, "what kind of disk it becomes"),
        .id("id", .volume, "the disk's id", required: true),
        .boolean("shrinkok", "whether it may become smaller"),
        .long("size", "the size in GiB"),
      ], refused: ["automigrate", "maxiops", "miniops"], response: .volume
    ) { request in
      var resize = VolumeResize()
      resize.offering = request.arguments.id("diskofferingid")
      resize.sizeGiB = request.arguments.integer("size")
      resize.mayShrink = request.arguments.flag("shrinkok")
      return try await request.control.resizeVolume(request.id("id"), resize, by: request.caller)
    },
    .job(
      "updateVolume", "Changes what is said of a disk", roles: .admin,
      [
        .boolean("deleteprotection", "whether it is protected from deletion"),
        .boolean("displayvolume", "whether others than administrators are shown it"),
        .id("id", .volume, "the disk's id"),
        .string("name", "the disk's name"),
      ], refused: [.admin("chaininfo"), .admin("customid"), .admin("path"), .admin("state"), .admin("storageid")],
      response: .volume
    ) { request in
      try await request.control.updateVolume(
        request.id("id"), name: request.arguments.string("name"), isShown: request.arguments.boolean("displayvolume"),
        isProtected: request.arguments.boolean("deleteprotection"), by: request.caller)
    },
    .job(
      "migrateVolume", "Moves a disk to another pool of storage of its zone",
      [
        .boolean("livemigrate", "move it although its instance runs"),
        .id("storageid", .storagePool, "the pool", required: true),
        .id("volumeid", .volume, "the disk's id", required: true),
      ], refused: ["newdiskofferingid"], response: .volume
    ) { request in
      try await request.control.migrateVolume(
        request.id("volumeid"), to: request.id("storageid"), isLive: request.arguments.flag("livemigrate"),
        by: request.caller)
    },
    .job(
      "extractVolume", "Makes a disk available by a URL; simulated",
      [
        .id("id", .volume, "the disk's id", required: true),
        .string("mode", "HTTP_DOWNLOAD", required: true),
        .id("zoneid", .zone, "the zone of the disk", required: true),
      ], refused: ["url"], response: .extraction(of: "volume")
    ) { request in
      try await request.control.extractVolume(
        request.id("id"), mode: request.string("mode"), zone: request.id("zoneid"), by: request.caller)
    },
  ]
}
