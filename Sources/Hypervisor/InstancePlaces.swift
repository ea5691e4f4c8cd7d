import NodePlan

/// What of the plan instances depend on, by key and by what depends on what.
struct InstancePlaces {
  private enum Kept {
    case instance(String)
    case port(String)
    case router(String)
    case fabric
  }

  private(set) var instances: [String: Instance] = [:]
  private var kept: [String: Kept] = [:]
  private var ports: [String: Port] = [:]
  private var routers: [String: Router] = [:]
  private var fabric: Fabric?

  var keys: [String] { Array(kept.keys) }

  /// The instances to look at because of it.
  mutating func insert(_ object: PlanObject) -> Set<String> {
    var touched: Set<String> = []
    switch object.body {
    case .instance(let instance):
      touched = kept[object.key] == nil ? [] : remove(object.key)
      kept[object.key] = .instance(instance.id)
      instances[instance.id] = instance
      touched.insert(instance.id)
    case .port(let port):
      touched = kept[object.key] == nil ? [] : remove(object.key)
      kept[object.key] = .port(port.id)
      ports[port.id] = port
      if instances[port.instance] != nil { touched.insert(port.instance) }
    case .router(let router) where router.kind == .virtual:
      let isSame =
        routers[router.id].map { $0.guestPrefix == router.guestPrefix && $0.gateway == router.gateway } ?? false
      kept[object.key] = .router(router.id)
      routers[router.id] = router
      if !isSame { for port in ports.values where port.network == router.network { touched.insert(port.instance) } }
    case .fabric(let fabric):
      let isSame = self.fabric?.guestPrefix == fabric.guestPrefix && self.fabric?.gateway == fabric.gateway
      kept[object.key] = .fabric
      self.fabric = fabric
      if !isSame { for port in ports.values where port.network.isEmpty { touched.insert(port.instance) } }
    default: break
    }
    return touched
  }

  mutating func remove(_ key: String) -> Set<String> {
    switch kept.removeValue(forKey: key) {
    case .instance(let id):
      instances[id] = nil
      return [id]
    case .port(let id):
      let port = ports.removeValue(forKey: id)
      return port.flatMap { instances[$0.instance] == nil ? nil : [$0.instance] } ?? []
    case .router(let id):
      routers[id] = nil
      return []
    case .fabric:
      fabric = nil
      return []
    case nil: return []
    }
  }

  /// What the instance is to be started as, and its ports in order.
  func record(of instance: Instance) throws -> (InstanceRecord, [Port]) {
    var nics: [InstanceRecord.NIC] = []
    var found: [Port] = []
    for id in instance.ports {
      guard let port = ports[id] else {
        throw HypervisorError(.fileSystem, "the port \(id) of the instance is not in the plan")
      }
      guard let (prefix, gateway) = gateway(of: port) else {
        throw HypervisorError(.fileSystem, "the network of the instance's port \(id) is not in the plan")
      }
      found.append(port)
      nics.append(
        InstanceRecord.NIC(
          port: id, address: port.address, mac: port.mac, prefixLength: Int(min(prefix.length, 32)), gateway: gateway))
    }
    var record = InstanceRecord(
      id: instance.id, kind: instance.kind == .simulator ? .simulator : .qemu,
      hostName: found.first.map(\.hostName).flatMap { $0.isEmpty ? nil : $0 } ?? instance.name,
      bootID: BootID.current, bootCount: instance.bootCount, nics: nics)
    if instance.kind == .simulator {
      let secondary = found.filter { !$0.secondary.isEmpty }.map { ($0.id, $0.secondary) }
      if !secondary.isEmpty { record.secondary = Dictionary(secondary) { first, _ in first } }
    }
    return (record, found)
  }

  private func gateway(of port: Port) -> (Prefix, UInt32)? {
    if port.network.isEmpty { return fabric.map { ($0.guestPrefix, $0.gateway) } }
    let router = routers[port.router] ?? routers.values.first { $0.network == port.network }
    return router.map { ($0.guestPrefix, $0.gateway) }
  }
}

extension InstanceRecord {
  /// Whether a running instance of this record is what `wanted` asks for.
  func matches(_ wanted: InstanceRecord) -> Bool {
    kind == wanted.kind && bootCount == wanted.bootCount && nics == wanted.nics && hostName == wanted.hostName
  }
}
