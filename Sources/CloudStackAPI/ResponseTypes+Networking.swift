extension ResponseType {
  static let ipForwardingRule = ResponseType(
    "ipforwardingrule",
    [
      "id": .string, "protocol": .string, "startport": .integer, "endport": .integer, "ipaddressid": .string,
      "ipaddress": .string, "virtualmachineid": .string, "virtualmachinename": .string,
      "virtualmachinedisplayname": .string, "vmguestip": .string, "networkid": .string, "state": .string,
      "tags": .list(tag), "jobid": .string, "jobstatus": .integer,
    ])

  static let stickinessPolicy = ResponseType(
    "stickinesspolicy",
    [
      "id": .string, "name": .string, "methodname": .string, "description": .string, "params": .map, "state": .string,
    ], reserved: ["fordisplay": .boolean])

  static let stickinessPolicies = ResponseType(
    "stickinesspolicies",
    [
      "lbruleid": .string, "name": .string, "description": .string, "account": .string, "domainid": .string,
      "domain": .string, "zoneid": .string, "state": .string, "stickinesspolicy": .list(stickinessPolicy),
      "jobid": .string, "jobstatus": .integer,
    ])

  static let healthCheckPolicy = ResponseType(
    "healthcheckpolicy",
    [
      "id": .string, "description": .string, "pingpath": .string, "healthcheckinterval": .integer,
      "healthcheckthresshold": .integer, "unhealthcheckthresshold": .integer, "responsetime": .integer,
      "state": .string,
    ], reserved: ["fordisplay": .boolean])

  static let healthCheckPolicies = ResponseType(
    "healthcheckpolicies",
    [
      "lbruleid": .string, "account": .string, "domainid": .string, "domain": .string, "zoneid": .string,
      "healthcheckpolicy": .list(healthCheckPolicy), "jobid": .string, "jobstatus": .integer,
    ])

  static let routerHealthCheck = ResponseType(
    "healthcheckresults",
    [
      "checkname": .string, "checktype": .string, "success": .boolean, "status": .string, "details": .string,
      "lastupdated": .date,
    ])

  static let routerHealthChecks = ResponseType(
    "routerhealthchecks", ["routerid": .string, "healthchecks": .list(routerHealthCheck)])

  static let sslCertificate = ResponseType(
    "sslcert",
    [
      "id": .string, "name": .string, "certificate": .string, "certchain": .string, "fingerprint": .string,
      "account": .string, "domainid": .string, "domain": .string, "domainpath": .string,
      "loadbalancerrulelist": .strings,
    ])

  static let vpcOffering = ResponseType(
    "vpcoffering",
    [
      "id": .string, "name": .string, "displaytext": .string, "created": .date, "isdefault": .boolean,
      "state": .string, "distributedvpcrouter": .boolean, "supportsregionLevelvpc": .boolean,
      "internetprotocol": .string, "service": .list(service), "jobid": .string, "jobstatus": .integer,
    ])

  static let vpc = ResponseType(
    "vpc",
    [
      "id": .string, "name": .string, "displaytext": .string, "created": .date, "state": .string, "cidr": .string,
      "zoneid": .string, "zonename": .string, "vpcofferingid": .string, "vpcofferingname": .string,
      "account": .string, "domainid": .string, "domain": .string, "domainpath": .string, "networkdomain": .string,
      "dns1": .string, "dns2": .string, "restartrequired": .boolean, "redundantvpcrouter": .boolean,
      "distributedvpcrouter": .boolean, "regionlevelvpc": .boolean, "network": .list(network),
      "service": .list(service), "tags": .list(tag), "jobid": .string, "jobstatus": .integer,
    ], reserved: ["fordisplay": .boolean])

  static let networkACLList = ResponseType(
    "networkacllist",
    [
      "id": .string, "name": .string, "description": .string, "vpcid": .string, "vpcname": .string, "jobid": .string,
      "jobstatus": .integer,
    ], reserved: ["fordisplay": .boolean])

  static let networkACL = ResponseType(
    "networkacl",
    [
      "id": .string, "aclid": .string, "aclname": .string, "number": .integer, "action": .string,
      "traffictype": .string, "protocol": .string, "startport": .string, "endport": .string, "icmptype": .integer,
      "icmpcode": .integer, "cidrlist": .string, "reason": .string, "state": .string, "tags": .list(tag),
      "jobid": .string, "jobstatus": .integer,
    ], reserved: ["fordisplay": .boolean])

  static let privateGateway = ResponseType(
    "privategateway",
    [
      "id": .string, "ipaddress": .string, "gateway": .string, "netmask": .string, "vlan": .string, "vpcid": .string,
      "vpcname": .string, "zoneid": .string, "zonename": .string, "aclid": .string, "aclname": .string,
      "sourcenatsupported": .boolean, "account": .string, "domainid": .string, "domain": .string,
      "domainpath": .string, "state": .string, "jobid": .string, "jobstatus": .integer,
    ])

  static let staticRoute = ResponseType(
    "staticroute",
    [
      "id": .string, "cidr": .string, "vpcid": .string, "vpcgatewayid": .string, "vpcgatewayip": .string,
      "nexthop": .string, "account": .string, "domainid": .string, "domain": .string, "domainpath": .string,
      "state": .string, "tags": .list(tag), "jobid": .string, "jobstatus": .integer,
    ])

  static let remoteAccessVPN = ResponseType(
    "remoteaccessvpn",
    [
      "id": .string, "publicipid": .string, "publicip": .string, "iprange": .string, "presharedkey": .string,
      "account": .string, "domainid": .string, "domain": .string, "domainpath": .string, "state": .string,
      "jobid": .string, "jobstatus": .integer,
    ], reserved: ["fordisplay": .boolean])

  static let vpnUser = ResponseType(
    "vpnuser",
    [
      "id": .string, "username": .string, "account": .string, "domainid": .string, "domain": .string,
      "domainpath": .string, "state": .string, "jobid": .string, "jobstatus": .integer,
    ])

  static let vpnGateway = ResponseType(
    "vpngateway",
    [
      "id": .string, "vpcid": .string, "vpcname": .string, "publicip": .string, "account": .string,
      "domainid": .string, "domain": .string, "domainpath": .string, "jobid": .string, "jobstatus": .integer,
    ], reserved: ["fordisplay": .boolean])

  static let vpnCustomerGateway = ResponseType(
    "vpncustomergateway",
    [
      "id": .string, "name": .string, "gateway": .string, "cidrlist": .string, "ipsecpsk": .string,
      "ikepolicy": .string, "esppolicy": .string, "ikelifetime": .long, "esplifetime": .long, "ikeversion": .string,
      "dpd": .boolean, "forceencap": .boolean, "splitconnections": .boolean, "account": .string,
      "domainid": .string, "domain": .string, "domainpath": .string, "jobid": .string, "jobstatus": .integer,
    ])

  static let vpnConnection = ResponseType(
    "vpnconnection",
    [
      "id": .string, "s2svpngatewayid": .string, "s2scustomergatewayid": .string, "publicip": .string,
      "passive": .boolean, "state": .string, "created": .date, "gateway": .string,
      "cidrlist": .string, "ipsecpsk": .string, "ikepolicy": .string, "esppolicy": .string, "ikelifetime": .long,
      "esplifetime": .long, "ikeversion": .string, "dpd": .boolean, "forceencap": .boolean,
      "splitconnections": .boolean, "account": .string, "domainid": .string, "domain": .string,
      "domainpath": .string, "jobid": .string, "jobstatus": .integer,
    ], reserved: ["fordisplay": .boolean])

  static let networkPermission = ResponseType(
    "networkpermission",
    [
      "networkid": .string, "accountid": .string, "account": .string, "domainid": .string, "domain": .string,
      "domainpath": .string,
    ])

  static let portableIPRange = ResponseType(
    "portableiprange",
    [
      "id": .string, "regionid": .integer, "startip": .string, "endip": .string, "gateway": .string,
      "netmask": .string, "vlan": .string, "jobid": .string, "jobstatus": .integer,
    ])
}
