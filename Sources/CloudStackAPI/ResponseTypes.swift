/// Every kind of object that answers hold.
extension ResponseType {
  static let nicSecondaryIP = ResponseType(
    "nicsecondaryip",
    [
      "id": .string, "ipaddress": .string, "nicid": .string, "networkid": .string, "virtualmachineid": .string,
    ])

  static let secondaryAddress = ResponseType(
    "secondaryip",
    [
      "id": .string, "ipaddress": .string,
    ])

  static let dhcpOption = ResponseType(
    "dhcpoption",
    [
      "id": .string, "codename": .string, "value": .string,
    ])

  static let serviceProvider = ResponseType(
    "provider",
    [
      "name": .string
    ])

  static let serviceCapability = ResponseType(
    "capability",
    [
      "name": .string, "value": .string, "canchooseservicecapability": .boolean,
    ])

  static let service = ResponseType(
    "service",
    [
      "name": .string, "provider": .list(serviceProvider), "capability": .list(serviceCapability),
    ])

  static let success = ResponseType(
    "success",
    [
      "success": .boolean, "displaytext": .string,
    ])

  static let userKeys = ResponseType(
    "userkeys",
    [
      "apikey": .string, "secretkey": .string,
    ])

  static let vlanIpRange = ResponseType(
    "vlaniprange",
    [
      "id": .string, "zoneid": .string, "cellid": .string, "startip": .string, "endip": .string,
      "forvirtualnetwork": .boolean, "vlan": .string, "gateway": .string, "netmask": .string, "cidr": .string,
      "podid": .string, "podname": .string, "networkid": .string, "physicalnetworkid": .string,
    ])

  static let cell = ResponseType(
    "cell", ["id": .string, "name": .string, "zoneid": .string, "node": .string, "index": .integer])

  static let dataplaneService = ResponseType(
    "service", ["name": .string, "wanted": .integer, "applied": .integer, "verified": .integer])

  static let dataplaneScope = ResponseType(
    "dataplanescope",
    [
      "scope": .string, "name": .string, "phase": .string, "generation": .long, "message": .string,
      "repairs": .long, "lastdrift": .string, "lostat": .long, "detectedat": .long, "appliedat": .long,
      "verifiedat": .long, "current": .boolean, "service": .list(dataplaneService),
    ])

  static let planObject = ResponseType(
    "planobject",
    ["key": .string, "scope": .string, "router": .string, "account": .string, "summary": .string])

  static let planDifference = ResponseType(
    "plandifference",
    [
      "node": .string, "key": .string, "scope": .string, "router": .string, "account": .string, "action": .string,
      "before": .string, "after": .string,
    ])

  static let rebuildCount = ResponseType("count", ["name": .string, "wanted": .integer, "verified": .integer])

  static let rebuildRouter = ResponseType(
    "router",
    [
      "id": .string, "name": .string, "stage": .integer, "state": .string, "wanted": .integer, "verified": .integer,
    ])

  static let rebuild = ResponseType(
    "rebuild",
    [
      "id": .string, "zoneid": .string, "zonename": .string, "account": .string, "domainid": .string,
      "domain": .string, "domainpath": .string, "state": .string, "message": .string, "renderer": .integer,
      "created": .date, "completed": .date, "stage": .integer, "stages": .integer, "wanted": .integer,
      "verified": .integer, "remainingseconds": .integer, "service": .list(rebuildCount),
      "router": .list(rebuildRouter), "customer": .list(rebuildCount), "jobid": .string,
    ])

  static let revision = ResponseType(
    "revision",
    [
      "revision": .long, "created": .date, "actor": .string, "command": .string, "jobid": .string,
      "change": .list(resourceChange),
    ])

  static let resourceChange = ResponseType(
    "change", ["kind": .string, "id": .string, "action": .string, "field": .list(fieldChange)])

  static let fieldChange = ResponseType("field", ["name": .string, "before": .object, "after": .object])

  static let heldRemoval = ResponseType(
    "heldremoval", ["node": .string, "held": .integer, "reason": .string, "confirmation": .string])

  static let zone = ResponseType(
    "zone",
    [
      "id": .string, "name": .string, "dns1": .string, "dns2": .string, "internaldns1": .string,
      "internaldns2": .string, "networktype": .string, "securitygroupsenabled": .boolean,
      "guestcidraddress": .string, "allocationstate": .string, "dhcpprovider": .string,
      "localstorageenabled": .boolean, "type": .string, "domain": .string, "tags": .list(tag),
    ])

  static let host = ResponseType(
    "host",
    [
      "id": .string, "name": .string, "state": .string, "type": .string, "resourcestate": .string,
      "hypervisor": .string, "cpunumber": .integer, "memorytotal": .long, "zoneid": .string, "zonename": .string,
      "podid": .string, "podname": .string, "clusterid": .string, "clustername": .string, "clustertype": .string,
      "ipaddress": .string, "hosttags": .string, "explicithosttags": .string, "cpuspeed": .long,
      "cpuallocated": .string, "cpuallocatedvalue": .long, "memoryallocated": .long, "memoryallocatedbytes": .long,
      "capabilities": .string, "islocalstorageactive": .boolean, "hahost": .boolean, "created": .date,
      "jobid": .string, "jobstatus": .integer,
    ])

  static let template = ResponseType(
    "template",
    [
      "id": .string, "name": .string, "displaytext": .string, "ispublic": .boolean, "isfeatured": .boolean,
      "isextractable": .boolean, "isready": .boolean, "crossZones": .boolean, "passwordenabled": .boolean,
      "sshkeyenabled": .boolean, "isdynamicallyscalable": .boolean, "requireshvm": .boolean, "bootable": .boolean,
      "format": .string, "hypervisor": .string, "ostypename": .string, "status": .string, "templatetype": .string,
      "size": .long, "created": .date, "accountid": .string, "account": .string, "domainid": .string,
      "domain": .string, "domainpath": .string, "zoneid": .string, "zonename": .string, "details": .map,
      "tags": .list(tag), "ostypeid": .string, "checksum": .string, "templatetag": .string,
      "userdataid": .string, "userdataname": .string, "userdatapolicy": .string, "userdataparams": .string,
    ],
    reserved: [
      "url": .string
    ])

  static let serviceOffering = ResponseType(
    "serviceoffering",
    [
      "id": .string, "name": .string, "displaytext": .string, "cpunumber": .integer, "cpuspeed": .integer,
      "memory": .integer, "created": .date, "storagetype": .string, "provisioningtype": .string, "offerha": .boolean,
      "limitcpuuse": .boolean, "isvolatile": .boolean, "issystem": .boolean, "defaultuse": .boolean,
      "iscustomized": .boolean, "dynamicscalingenabled": .boolean, "state": .string, "rootdisksize": .long,
      "systemvmtype": .string, "domainid": .string, "domain": .string, "zoneid": .string, "zone": .string,
    ])

  static let networkOffering = ResponseType(
    "networkoffering",
    [
      "id": .string, "name": .string, "displaytext": .string, "traffictype": .string, "guestiptype": .string,
      "isdefault": .boolean, "specifyvlan": .boolean, "specifyipranges": .boolean, "availability": .string,
      "conservemode": .boolean, "ispersistent": .boolean, "forvpc": .boolean, "egressdefaultpolicy": .boolean,
      "internetprotocol": .string, "serviceofferingid": .string, "state": .string, "created": .date,
      "service": .list(service),
    ])

  static let network = ResponseType(
    "network",
    [
      "id": .string, "name": .string, "displaytext": .string, "broadcastdomaintype": .string, "traffictype": .string,
      "type": .string, "acltype": .string, "gateway": .string, "netmask": .string, "cidr": .string,
      "zoneid": .string, "zonename": .string, "networkofferingid": .string, "networkofferingname": .string,
      "networkofferingdisplaytext": .string, "networkofferingconservemode": .boolean,
      "networkofferingavailability": .string, "egressdefaultpolicy": .boolean, "issystem": .boolean,
      "isdefault": .boolean, "ispersistent": .boolean, "restartrequired": .boolean, "redundantrouter": .boolean,
      "strechedl2subnet": .boolean, "specifyipranges": .boolean, "specifyvlan": .boolean,
      "canusefordeploy": .boolean, "supportsvmautoscaling": .boolean, "state": .string, "related": .string,
      "networkdomain": .string, "vpcid": .string, "vpcname": .string, "aclid": .string, "aclname": .string,
      "dns1": .string, "dns2": .string, "account": .string, "domainid": .string,
      "domain": .string, "domainpath": .string, "created": .date, "service": .list(service), "details": .map,
      "tags": .list(tag), "jobid": .string, "jobstatus": .integer,
    ],
    reserved: [
      "broadcasturi": .string, "vlan": .string, "displaynetwork": .boolean,
    ])

  static let publicIPAddress = ResponseType(
    "ipaddress",
    [
      "id": .string, "ipaddress": .string, "allocated": .date, "zoneid": .string, "zonename": .string,
      "state": .string, "issourcenat": .boolean, "isstaticnat": .boolean, "issystem": .boolean,
      "isportable": .boolean, "forvirtualnetwork": .boolean, "vpcid": .string, "vpcname": .string, "account": .string,
      "domainid": .string,
      "domain": .string, "domainpath": .string, "associatednetworkid": .string, "associatednetworkname": .string,
      "virtualmachineid": .string, "virtualmachinename": .string, "virtualmachinedisplayname": .string,
      "virtualmachinetype": .string, "vmipaddress": .string, "purpose": .string, "hasrules": .boolean,
      "tags": .list(tag), "jobid": .string, "jobstatus": .integer,
    ],
    reserved: [
      "fordisplay": .boolean
    ])

  static let router = ResponseType(
    "router",
    [
      "id": .string, "name": .string, "role": .string, "state": .string, "zoneid": .string, "zonename": .string,
      "dns1": .string, "dns2": .string, "networkdomain": .string, "gateway": .string, "guestnetworkid": .string,
      "guestnetworkname": .string, "guestipaddress": .string, "guestnetmask": .string, "publicip": .string,
      "hostid": .string, "hostname": .string, "hypervisor": .string, "account": .string, "domainid": .string,
      "domain": .string, "domainpath": .string, "created": .date, "isredundantrouter": .boolean,
      "redundantstate": .string, "requiresupgrade": .boolean, "healthchecksfailed": .boolean, "nic": .list(nic),
      "serviceofferingid": .string, "serviceofferingname": .string, "healthcheckresults": .list(routerHealthCheck),
      "vpcid": .string, "vpcname": .string, "jobid": .string, "jobstatus": .integer,
    ])

  static let nic = ResponseType(
    "nic",
    [
      "id": .string, "deviceid": .string, "networkid": .string, "networkname": .string, "gateway": .string,
      "netmask": .string, "ipaddress": .string, "macaddress": .string, "traffictype": .string, "type": .string,
      "isdefault": .boolean, "publicip": .string, "publicipid": .string, "secondaryip": .list(secondaryAddress),
      "extradhcpoption": .list(dhcpOption), "virtualmachineid": .string,
    ],
    reserved: [
      "broadcasturi": .string, "isolationuri": .string,
    ])

  static let securityGroupRule = ResponseType(
    "securitygrouprule",
    [
      "ruleid": .string, "protocol": .string, "startport": .integer, "endport": .integer, "icmptype": .integer,
      "icmpcode": .integer, "cidr": .string, "securitygroupname": .string, "account": .string, "tags": .list(tag),
    ])

  static let securityGroup = ResponseType(
    "securitygroup",
    [
      "id": .string, "name": .string, "description": .string, "account": .string, "domainid": .string,
      "domain": .string, "domainpath": .string, "ingressrule": .list(securityGroupRule),
      "egressrule": .list(securityGroupRule), "virtualmachinecount": .integer, "virtualmachineids": .strings,
      "tags": .list(tag), "jobid": .string, "jobstatus": .integer,
    ])

  static let virtualMachine = ResponseType(
    "virtualmachine",
    [
      "id": .string, "name": .string, "displayname": .string, "account": .string, "domainid": .string,
      "domain": .string, "domainpath": .string, "userid": .string, "username": .string, "created": .date,
      "state": .string, "haenable": .boolean, "zoneid": .string, "zonename": .string, "templateid": .string,
      "templatename": .string, "templatedisplaytext": .string, "passwordenabled": .boolean,
      "serviceofferingid": .string, "serviceofferingname": .string, "cpunumber": .integer, "cpuspeed": .integer,
      "memory": .integer, "rootdeviceid": .long, "rootdevicetype": .string, "hypervisor": .string,
      "isdynamicallyscalable": .boolean, "ipaddress": .string, "publicip": .string, "publicipid": .string,
      "securitygroup": .list(securityGroup), "nic": .list(nic), "affinitygroup": .list(affinityGroup),
      "tags": .list(tag), "details": .map, "group": .string, "groupid": .string, "keypairs": .string,
      "userdata": .string, "userdataid": .string, "userdataname": .string, "deleteprotection": .boolean,
      "password": .string, "jobid": .string, "jobstatus": .integer,
      "isoid": .string, "isoname": .string, "isodisplaytext": .string,
    ],
    reserved: [
      "hostid": .string, "hostname": .string, "instancename": .string, "displayvm": .boolean,
    ])

  static let firewallRule = ResponseType(
    "firewallrule",
    [
      "id": .string, "protocol": .string, "startport": .integer, "endport": .integer, "icmptype": .integer,
      "icmpcode": .integer, "cidrlist": .string, "ipaddressid": .string, "ipaddress": .string,
      "traffictype": .string, "destcidrlist": .string, "networkid": .string, "state": .string, "tags": .list(tag),
      "jobid": .string, "jobstatus": .integer,
    ],
    reserved: [
      "fordisplay": .boolean
    ])

  static let portForwardingRule = ResponseType(
    "portforwardingrule",
    [
      "id": .string, "protocol": .string, "publicport": .string, "publicendport": .string, "privateport": .string,
      "privateendport": .string, "virtualmachineid": .string, "virtualmachinename": .string,
      "virtualmachinedisplayname": .string, "vmguestip": .string, "ipaddressid": .string, "ipaddress": .string,
      "networkid": .string, "cidrlist": .string, "state": .string, "tags": .list(tag), "jobid": .string,
      "jobstatus": .integer,
    ],
    reserved: [
      "fordisplay": .boolean
    ])

  static let loadBalancerRule = ResponseType(
    "loadbalancerrule",
    [
      "id": .string, "name": .string, "description": .string, "publicipid": .string, "publicip": .string,
      "publicport": .string, "privateport": .string, "protocol": .string, "algorithm": .string, "cidrlist": .string,
      "account": .string, "domainid": .string, "domain": .string, "domainpath": .string, "zoneid": .string,
      "zonename": .string, "networkid": .string, "state": .string, "tags": .list(tag), "jobid": .string,
      "jobstatus": .integer,
    ],
    reserved: [
      "fordisplay": .boolean
    ])

  static let loadBalancerMember = ResponseType(
    "loadbalancerruleinstance",
    [
      "lbvmipaddresses": .strings, "loadbalancerruleinstance": .one(virtualMachine),
    ])

  static let asyncJob = ResponseType(
    "asyncjob",
    [
      "accountid": .string, "account": .string, "domainid": .string, "domainpath": .string, "userid": .string,
      "cmd": .string, "jobstatus": .integer, "jobprocstatus": .integer, "jobresultcode": .integer,
      "jobresulttype": .string, "jobresult": .object, "jobinstancetype": .string, "jobinstanceid": .string,
      "created": .date, "completed": .date, "jobid": .string,
    ])

  static let event = ResponseType(
    "event",
    [
      "id": .string, "type": .string, "level": .string, "state": .string, "description": .string, "account": .string,
      "domainid": .string, "domain": .string, "domainpath": .string, "username": .string, "resourcetype": .string,
      "resourceid": .string, "parentid": .string, "archived": .boolean, "created": .date,
    ])

  static let capability = ResponseType(
    "capability",
    [
      "securitygroupsenabled": .boolean, "dynamicrolesenabled": .boolean, "cloudstackversion": .string,
      "userpublictemplateenabled": .boolean, "supportELB": .string, "projectinviterequired": .boolean,
      "allowusercreateprojects": .boolean, "customdiskofferingminsize": .long, "customdiskofferingmaxsize": .long,
      "regionsecondaryenabled": .boolean, "kvmsnapshotenabled": .boolean, "allowuserviewdestroyedvm": .boolean,
      "allowuserexpungerecovervm": .boolean, "allowuserexpungerecovervolume": .boolean,
      "allowuserforcestopvm": .boolean, "allowuserviewalldomainaccounts": .boolean,
      "kubernetesserviceenabled": .boolean, "kubernetesclusterexperimentalfeaturesenabled": .boolean,
      "instanceleaseenabled": .boolean, "dynamicscalingenabled": .boolean, "additionalconfigenabled": .boolean,
      "defaultuipagesize": .long, "apilimitmax": .integer, "apilimitinterval": .integer,
    ])

  static let apiParameter = ResponseType(
    "params",
    [
      "name": .string, "description": .string, "type": .string, "length": .integer, "required": .boolean,
      "related": .string,
    ])

  static let apiField = ResponseType("response", ["name": .string, "description": .string, "type": .string])

  static let api = ResponseType(
    "api",
    [
      "name": .string, "description": .string, "isasync": .boolean, "simulatoronly": .boolean, "related": .string,
      "params": .list(apiParameter), "response": .list(apiField),
    ])
}
