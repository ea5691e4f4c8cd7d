/// What answers hold that belongs to instances.
extension ResponseType {
  /// A type with more fields than another.
  init(_ base: ResponseType, and fields: KeyValuePairs<String, FieldType>) {
    name = base.name
    self.fields = base.fields + fields.map { Field(name: $0.key, type: $0.value, roles: .everybody) }
  }

  static let affinityGroup = ResponseType(
    "affinitygroup",
    [
      "id": .string, "name": .string, "description": .string, "type": .string, "account": .string,
      "domainid": .string, "domain": .string, "domainpath": .string, "virtualmachineIds": .strings,
    ])

  static let affinityGroupType = ResponseType("affinityGroupType", ["type": .string])

  static let hostForMigration = ResponseType(
    host,
    and: ["hasenoughcapacity": .boolean, "requiresStorageMotion": .boolean, "suitableformigration": .boolean])

  static let instanceGroup = ResponseType(
    "instancegroup",
    [
      "id": .string, "name": .string, "created": .date, "account": .string, "domainid": .string, "domain": .string,
      "domainpath": .string,
    ])

  static let instanceSchedule = ResponseType(
    "vmschedule",
    [
      "id": .string, "virtualmachineid": .string, "description": .string, "schedule": .string, "timezone": .string,
      "action": .string, "enabled": .boolean, "startdate": .date, "enddate": .date, "created": .date,
    ])

  static let instanceSnapshot = ResponseType(
    "vmsnapshot",
    [
      "id": .string, "name": .string, "displayname": .string, "description": .string, "state": .string,
      "type": .string, "current": .boolean, "parent": .string, "parentName": .string, "virtualmachineid": .string,
      "virtualmachinename": .string, "zoneid": .string, "zonename": .string, "hypervisor": .string, "created": .date,
      "account": .string, "domainid": .string, "domain": .string, "domainpath": .string, "tags": .list(tag),
      "jobid": .string, "jobstatus": .integer,
    ])

  static let instancePassword = ResponseType("password", ["encryptedpassword": .string])

  static let instanceUserData = ResponseType(
    "virtualmachineuserdata", ["userdata": .string, "virtualmachineid": .string])

  static let registeredUserData = ResponseType(
    "userdata",
    [
      "id": .string, "name": .string, "accountid": .string, "account": .string, "domainid": .string,
      "domain": .string, "domainpath": .string, "userdata": .string, "params": .string,
    ])

  static let sshKeyPair = ResponseType(
    "sshkeypair",
    [
      "id": .string, "name": .string, "fingerprint": .string, "account": .string, "domainid": .string,
      "domain": .string, "domainpath": .string,
    ])

  /// A key pair as it is told once.
  static let newSSHKeyPair = ResponseType(sshKeyPair, and: ["privatekey": .string])
}
