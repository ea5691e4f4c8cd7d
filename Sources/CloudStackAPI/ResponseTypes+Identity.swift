/// Of users, accounts, domains, and what governs them.
extension ResponseType {
  static let user = ResponseType(
    "user",
    [
      "id": .string, "username": .string, "firstname": .string, "lastname": .string, "email": .string,
      "created": .date, "state": .string, "account": .string, "accountid": .string, "accounttype": .integer,
      "roleid": .string, "roletype": .string, "rolename": .string, "domainid": .string, "domain": .string,
      "timezone": .string, "isdefault": .boolean, "usersource": .string, "is2faenabled": .boolean,
      "is2famandated": .boolean, "jobid": .string, "jobstatus": .integer,
    ])

  static let account = ResponseType(
    "account",
    [
      "id": .string, "name": .string, "accounttype": .integer, "roleid": .string, "roletype": .string,
      "rolename": .string, "domainid": .string, "domain": .string, "domainpath": .string, "state": .string,
      "created": .date, "isdefault": .boolean, "networkdomain": .string, "vmlimit": .string, "vmtotal": .long,
      "vmavailable": .string, "vmrunning": .integer, "vmstopped": .integer, "iplimit": .string, "iptotal": .long,
      "ipavailable": .string, "volumelimit": .string, "volumetotal": .long, "volumeavailable": .string,
      "snapshotlimit": .string, "snapshottotal": .long, "snapshotavailable": .string, "templatelimit": .string,
      "templatetotal": .long, "templateavailable": .string, "projectlimit": .string, "projecttotal": .long,
      "projectavailable": .string, "networklimit": .string, "networktotal": .long, "networkavailable": .string,
      "vpclimit": .string, "vpctotal": .long, "vpcavailable": .string, "cpulimit": .string, "cputotal": .long,
      "cpuavailable": .string, "memorylimit": .string, "memorytotal": .long, "memoryavailable": .string,
      "primarystoragelimit": .string, "primarystoragetotal": .long, "primarystorageavailable": .string,
      "secondarystoragelimit": .string, "secondarystoragetotal": .long, "secondarystorageavailable": .string,
      "user": .list(user), "groups": .strings, "accountdetails": .map, "jobid": .string, "jobstatus": .integer,
    ])

  static let domain = ResponseType(
    "domain",
    [
      "id": .string, "name": .string, "level": .integer, "parentdomainid": .string, "parentdomainname": .string,
      "haschild": .boolean, "path": .string, "state": .string, "created": .date, "networkdomain": .string,
      "vmlimit": .string, "vmtotal": .long, "vmavailable": .string, "iplimit": .string, "iptotal": .long,
      "ipavailable": .string, "volumelimit": .string, "volumetotal": .long, "volumeavailable": .string,
      "snapshotlimit": .string, "snapshottotal": .long, "snapshotavailable": .string, "templatelimit": .string,
      "templatetotal": .long, "templateavailable": .string, "projectlimit": .string, "projecttotal": .long,
      "projectavailable": .string, "networklimit": .string, "networktotal": .long, "networkavailable": .string,
      "vpclimit": .string, "vpctotal": .long, "vpcavailable": .string, "cpulimit": .string, "cputotal": .long,
      "cpuavailable": .string, "memorylimit": .string, "memorytotal": .long, "memoryavailable": .string,
      "primarystoragelimit": .string, "primarystoragetotal": .long, "primarystorageavailable": .string,
      "secondarystoragelimit": .string, "secondarystoragetotal": .long, "secondarystorageavailable": .string,
      "jobid": .string, "jobstatus": .integer,
    ])

  static let resourceLimit = ResponseType(
    "resourcelimit",
    [
      "account": .string, "domainid": .string, "domain": .string, "domainpath": .string, "resourcetype": .string,
      "resourcetypename": .string, "max": .long,
    ])

  static let resourceCount = ResponseType(
    "resourcecount",
    [
      "account": .string, "domainid": .string, "domain": .string, "domainpath": .string, "resourcetype": .string,
      "resourcetypename": .string, "resourcecount": .long,
    ])

  static let tag = ResponseType(
    "tag",
    [
      "key": .string, "value": .string, "resourcetype": .string, "resourceid": .string, "customer": .string,
      "account": .string, "domainid": .string, "domain": .string, "domainpath": .string,
    ])

  static let resourceDetail = ResponseType(
    "resourcedetail",
    [
      "key": .string, "value": .string, "resourcetype": .string, "resourceid": .string, "fordisplay": .boolean,
    ])

  static let configuration = ResponseType(
    "configuration",
    [
      "category": .string, "name": .string, "value": .string, "description": .string, "scope": .string,
      "isdynamic": .boolean, "defaultvalue": .string, "displaytext": .string, "group": .string, "subgroup": .string,
      "component": .string, "type": .string,
    ])

  static let configurationSubgroup = ResponseType("subgroup", ["name": .string, "precedence": .long])

  static let configurationGroup = ResponseType(
    "configurationgroup",
    [
      "name": .string, "description": .string, "precedence": .long, "subgroup": .list(configurationSubgroup),
    ])

  static let role = ResponseType(
    "role",
    [
      "id": .string, "name": .string, "type": .string, "description": .string, "isdefault": .boolean,
      "ispublic": .boolean, "state": .string,
    ])

  static let rolePermission = ResponseType(
    "rolepermission",
    [
      "id": .string, "roleid": .string, "rolename": .string, "rule": .string, "permission": .string,
      "description": .string,
    ])

  static let eventType = ResponseType("eventtype", ["name": .string])

  static let apiLimit = ResponseType(
    "apilimit",
    [
      "accountid": .string, "account": .string, "apiIssued": .integer, "apiAllowed": .integer, "expireAfter": .long,
    ])

  static let projectOwner = ResponseType("projectowner", ["account": .string, "userid": .string])

  static let project = ResponseType(
    "project",
    [
      "id": .string, "name": .string, "displaytext": .string, "projectaccountname": .string, "domainid": .string,
      "domain": .string, "domainpath": .string, "state": .string, "created": .date, "owner": .list(projectOwner),
      "vmrunning": .integer, "vmstopped": .integer,
      "vmlimit": .string, "vmtotal": .long, "vmavailable": .string,
      "iplimit": .string, "iptotal": .long, "ipavailable": .string,
      "volumelimit": .string, "volumetotal": .long, "volumeavailable": .string,
      "snapshotlimit": .string, "snapshottotal": .long, "snapshotavailable": .string,
      "templatelimit": .string, "templatetotal": .long, "templateavailable": .string,
      "networklimit": .string, "networktotal": .long, "networkavailable": .string,
      "vpclimit": .string, "vpctotal": .long, "vpcavailable": .string,
      "cpulimit": .string, "cputotal": .long, "cpuavailable": .string,
      "memorylimit": .string, "memorytotal": .long, "memoryavailable": .string,
      "primarystoragelimit": .string, "primarystoragetotal": .long, "primarystorageavailable": .string,
      "secondarystoragelimit": .string, "secondarystoragetotal": .long, "secondarystorageavailable": .string,
      "tags": .list(tag), "jobid": .string, "jobstatus": .integer,
    ])

  static let projectAccount = ResponseType(
    "projectaccount",
    [
      "projectid": .string, "project": .string, "accountid": .string, "account": .string, "accounttype": .integer,
      "userid": .string, "username": .string, "role": .string, "projectroleid": .string, "domainid": .string,
      "domain": .string, "domainpath": .string, "user": .list(user),
    ])

  static let projectInvitation = ResponseType(
    "projectinvitation",
    [
      "id": .string, "projectid": .string, "project": .string, "domainid": .string, "domain": .string,
      "domainpath": .string, "account": .string, "userid": .string, "state": .string,
    ])

  static let projectRole = ResponseType(
    "projectrole",
    ["id": .string, "name": .string, "description": .string, "projectid": .string, "ispublic": .boolean])

  static let projectRolePermission = ResponseType(
    "projectrolepermission",
    [
      "id": .string, "projectid": .string, "projectroleid": .string, "projectrolename": .string, "rule": .string,
      "permission": .string, "description": .string,
    ])
}
