extension ResponseType {
  static let diskOffering = ResponseType(
    "diskoffering",
    [
      "id": .string, "name": .string, "displaytext": .string, "disksize": .long, "iscustomized": .boolean,
      "iscustomizediops": .boolean, "storagetype": .string, "provisioningtype": .string, "displayoffering": .boolean,
      "encrypt": .boolean, "disksizestrictness": .boolean, "state": .string, "created": .date, "domainid": .string,
      "domain": .string, "zoneid": .string, "zone": .string,
    ])

  static let volume = ResponseType(
    "volume",
    [
      "id": .string, "name": .string, "type": .string, "state": .string, "size": .long, "account": .string,
      "domainid": .string, "domain": .string, "domainpath": .string, "zoneid": .string, "zonename": .string,
      "hypervisor": .string, "diskofferingid": .string, "diskofferingname": .string,
      "diskofferingdisplaytext": .string, "serviceofferingid": .string, "serviceofferingname": .string,
      "serviceofferingdisplaytext": .string, "templateid": .string, "templatename": .string,
      "templatedisplaytext": .string, "isoid": .string, "isoname": .string, "isodisplaytext": .string,
      "virtualmachineid": .string, "vmname": .string, "vmdisplayname": .string, "vmstate": .string,
      "vmtype": .string, "deviceid": .long, "attached": .date, "snapshotid": .string, "storagetype": .string,
      "provisioningtype": .string, "isextractable": .boolean, "destroyed": .boolean, "quiescevm": .boolean,
      "supportsstoragesnapshot": .boolean, "displayvolume": .boolean, "deleteprotection": .boolean,
      "created": .date, "tags": .list(tag), "jobid": .string, "jobstatus": .integer,
    ],
    reserved: ["storageid": .string, "storage": .string])

  static let snapshot = ResponseType(
    "snapshot",
    [
      "id": .string, "name": .string, "account": .string, "domainid": .string, "domain": .string,
      "domainpath": .string, "volumeid": .string, "volumename": .string, "volumetype": .string,
      "volumestate": .string, "snapshottype": .string, "intervaltype": .string, "state": .string, "created": .date,
      "virtualsize": .long, "physicalsize": .long, "locationtype": .string, "revertable": .boolean,
      "ostypeid": .string, "osdisplayname": .string, "zoneid": .string, "zonename": .string, "tags": .list(tag),
      "jobid": .string, "jobstatus": .integer,
    ])

  static let snapshotPolicy = ResponseType(
    "snapshotpolicy",
    [
      "id": .string, "volumeid": .string, "volumename": .string, "schedule": .string, "intervaltype": .integer,
      "maxsnaps": .integer, "timezone": .string, "fordisplay": .boolean, "tags": .list(tag), "jobid": .string,
      "jobstatus": .integer,
    ])

  static let templatePermission = ResponseType(
    "templatepermission",
    ["id": .string, "ispublic": .boolean, "domainid": .string, "account": .strings])

  /// Where what was extracted can be had.
  static func extraction(of name: String) -> ResponseType {
    ResponseType(
      name,
      [
        "id": .string, "name": .string, "extractId": .string, "extractMode": .string, "state": .string,
        "url": .string, "accountid": .string, "zoneid": .string, "zonename": .string, "created": .date,
      ])
  }

  /// An ISO is told as a template is.
  static let iso = template.named("iso")

  static let osType = ResponseType(
    "ostype",
    [
      "id": .string, "name": .string, "description": .string, "oscategoryid": .string, "oscategoryname": .string,
      "isuserdefined": .boolean, "fordisplay": .boolean,
    ])

  static let osCategory = ResponseType("oscategory", ["id": .string, "name": .string, "isfeatured": .boolean])
}
