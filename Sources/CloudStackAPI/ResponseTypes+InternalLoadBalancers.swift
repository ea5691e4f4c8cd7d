extension ResponseType {
  private static let loadBalancerPort = ResponseType(
    "loadbalancerport", ["sourceport": .integer, "instanceport": .integer, "state": .string])

  private static let loadBalancerInstance = ResponseType(
    "loadbalancerinstance", ["id": .string, "name": .string, "state": .string, "ipaddress": .string])

  static let internalLoadBalancer = ResponseType(
    "loadbalancer",
    [
      "id": .string, "name": .string, "description": .string, "algorithm": .string, "networkid": .string,
      "sourceipaddress": .string, "sourceipaddressnetworkid": .string, "account": .string, "domainid": .string,
      "domain": .string, "domainpath": .string, "loadbalancerrule": .list(loadBalancerPort),
      "loadbalancerinstance": .list(loadBalancerInstance), "tags": .list(tag), "project": .string,
      "projectid": .string, "jobid": .string, "jobstatus": .integer,
    ], reserved: ["fordisplay": .boolean])

  static let internalLoadBalancerVM = ResponseType(
    "internalloadbalancervm",
    [
      "id": .string, "name": .string, "role": .string, "state": .string, "zoneid": .string, "zonename": .string,
      "podid": .string, "podname": .string, "dns1": .string, "dns2": .string, "networkdomain": .string,
      "gateway": .string, "guestnetworkid": .string, "guestnetworkname": .string, "guestipaddress": .string,
      "guestnetmask": .string, "hostid": .string, "hostname": .string, "hypervisor": .string, "vpcid": .string,
      "vpcname": .string, "account": .string, "domainid": .string, "domain": .string, "domainpath": .string,
      "project": .string, "projectid": .string, "created": .date, "isredundantrouter": .boolean,
      "redundantstate": .string, "requiresupgrade": .boolean, "nic": .list(nic), "jobid": .string,
      "jobstatus": .integer,
    ])
}
