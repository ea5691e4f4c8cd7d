extension ResponseType {
  /// `base` with more fields.
  private init(_ base: ResponseType, _ more: KeyValuePairs<String, FieldType>) {
    name = base.name
    fields = base.fields + more.map { Field(name: $0.key, type: $0.value, roles: .everybody) }
  }

  static let capacity = ResponseType(
    "capacity",
    [
      "type": .integer, "name": .string, "zoneid": .string, "zonename": .string, "podid": .string, "podname": .string,
      "clusterid": .string, "clustername": .string, "capacityallocated": .long, "capacityused": .long,
      "capacitytotal": .long, "percentused": .string,
    ])

  static let ipRange = ResponseType(
    "iprange", ["startip": .string, "endip": .string, "forsystemvms": .string, "vlanid": .string])

  static let pod = ResponseType(
    "pod",
    [
      "id": .string, "name": .string, "zoneid": .string, "zonename": .string, "gateway": .string, "netmask": .string,
      "startip": .strings, "endip": .strings, "forsystemvms": .strings, "vlanid": .strings,
      "ipranges": .list(ipRange), "allocationstate": .string, "capacity": .list(capacity),
    ])

  static let cluster = ResponseType(
    "cluster",
    [
      "id": .string, "name": .string, "podid": .string, "podname": .string, "zoneid": .string, "zonename": .string,
      "hypervisortype": .string, "clustertype": .string, "allocationstate": .string, "managedstate": .string,
      "cpuovercommitratio": .string, "memoryovercommitratio": .string, "capacity": .list(capacity),
    ])

  static let hostTag = ResponseType("hosttag", ["id": .string, "name": .string, "isimplicit": .boolean])

  static let physicalNetwork = ResponseType(
    "physicalnetwork",
    [
      "id": .string, "name": .string, "zoneid": .string, "zonename": .string, "broadcastdomainrange": .string,
      "isolationmethods": .string, "networkspeed": .string, "state": .string, "tags": .string, "vlan": .string,
      "jobid": .string, "jobstatus": .integer,
    ])

  static let trafficType = ResponseType(
    "traffictype",
    [
      "id": .string, "physicalnetworkid": .string, "traffictype": .string, "kvmnetworklabel": .string,
      "xennetworklabel": .string, "vmwarenetworklabel": .string, "hypervnetworklabel": .string,
      "ovm3networklabel": .string,
    ])

  static let trafficTypeImplementor = ResponseType(
    "traffictypeimplementorresponse", ["traffictype": .string, "traffictypeimplementor": .string])

  static let networkServiceProvider = ResponseType(
    "networkserviceprovider",
    [
      "id": .string, "name": .string, "physicalnetworkid": .string, "state": .string, "servicelist": .strings,
      "canenableindividualservice": .boolean,
    ])

  static let supportedProvider = ResponseType(
    "provider", ["name": .string, "state": .string, "servicelist": .strings, "canenableindividualservice": .boolean])

  static let networkService = ResponseType(
    "networkservice", ["name": .string, "provider": .list(supportedProvider), "capability": .list(serviceCapability)])

  static let routerElement = ResponseType(
    "virtualrouterelement", ["id": .string, "nspid": .string, "enabled": .boolean])

  static let internalLoadBalancerElement = ResponseType(
    "internalloadbalancerelement", ["id": .string, "nspid": .string, "enabled": .boolean])

  static let isolationMethod = ResponseType("isolationmethod", ["name": .string])

  static let storagePool = ResponseType(
    "storagepool",
    [
      "id": .string, "name": .string, "zoneid": .string, "zonename": .string, "podid": .string, "podname": .string,
      "clusterid": .string, "clustername": .string, "ipaddress": .string, "path": .string, "type": .string,
      "scope": .string, "hypervisor": .string, "provider": .string, "state": .string, "tags": .string,
      "disksizetotal": .long, "disksizeallocated": .long, "capacityiops": .long, "managed": .boolean,
      "overprovisionfactor": .string, "created": .date, "jobid": .string, "jobstatus": .integer,
    ])

  static let storageProvider = ResponseType("dataStoreProvider", ["name": .string, "type": .string])

  static let imageStore = ResponseType(
    "imagestore",
    [
      "id": .string, "name": .string, "zoneid": .string, "zonename": .string, "url": .string, "protocol": .string,
      "providername": .string, "scope": .string, "readonly": .boolean, "disksizetotal": .long,
    ])

  static let migration = ResponseType(
    "imagestore", ["message": .string, "migrationtype": .string, "success": .boolean])

  static let systemVM = ResponseType(
    "systemvm",
    [
      "id": .string, "name": .string, "systemvmtype": .string, "state": .string, "agentstate": .string,
      "zoneid": .string, "zonename": .string, "podid": .string, "podname": .string, "hostid": .string,
      "hostname": .string, "hypervisor": .string, "dns1": .string, "dns2": .string, "networkdomain": .string,
      "activeviewersessions": .integer, "created": .date, "jobid": .string, "jobstatus": .integer,
    ])

  static let managementServer = ResponseType(
    "managementserver",
    [
      "id": .string, "name": .string, "state": .string, "version": .string, "agentscount": .long, "agents": .strings,
      "pendingjobscount": .long,
    ])

  static let hypervisor = ResponseType("hypervisor", ["name": .string])

  static let hypervisorCapabilities = ResponseType(
    "hypervisorCapabilities",
    [
      "id": .string, "hypervisor": .string, "hypervisorversion": .string, "maxguestslimit": .long,
      "securitygroupenabled": .boolean, "storagemotionenabled": .boolean, "vmsnapshotenabled": .boolean,
    ])

  static let region = ResponseType(
    "region",
    [
      "id": .integer, "name": .string, "endpoint": .string, "gslbserviceenabled": .boolean,
      "portableipserviceenabled": .boolean,
    ])

  static let alert = ResponseType(
    "alert", ["id": .string, "type": .integer, "name": .string, "description": .string, "sent": .date])

  static let alertType = ResponseType("alerttype", ["alerttypeid": .integer, "name": .string])
}
