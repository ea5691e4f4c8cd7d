package import Addresses
package import Dataplane
package import NodePlan
import Synchronization

/// Which instance has an address, by the router that serves it.
package final class MetadataIndex: MetadataSource {
  private struct Place: Hashable {
    /// A virtual router; empty in the fabric.
    var router: String
    var address: UInt32
  }

  private enum Kept {
    case port(String)
    case instance(String)
    case staticNAT(Place, UInt32)
    case router(String)
  }

  private struct State {
    var kept: [String: Kept] = [:]
    var ports: [String: Port] = [:]
    var portIDs: [Place: String] = [:]
    var instances: [String: Instance] = [:]
    var virtualRouters: Set<String> = []
    var publicAddresses: [Place: UInt32] = [:]

    mutating func remove(_ key: String) {
      if let former = kept.removeValue(forKey: key) { forget(former) }
    }

    private mutating func keep(_ new: Kept, _ key: String) {
      if let former = kept.updateValue(new, forKey: key) { forget(former) }
    }

    private mutating func forget(_ former: Kept) {
      switch former {
      case .port(let id):
        guard let port = ports.removeValue(forKey: id) else { return }
        let place = Place(router: port.router, address: port.address)
        if portIDs[place] == id { portIDs[place] = nil }
      case .instance(let id): instances[id] = nil
      case .staticNAT(let place, let address):
        if publicAddresses[place] == address { publicAddresses[place] = nil }
      case .router(let id): virtualRouters.remove(id)
      }
    }

    mutating func insert(_ upserts: [PlanObject]) {
      // Which routers are virtual has to be known before their rules come.
      var rules: [(key: String, rule: StaticNAT)] = []
      for object in upserts {
        switch object.body {
        case .router(let router) where router.kind == .virtual:
          kept[object.key] = .router(router.id)
          virtualRouters.insert(router.id)
        case .port(let port):
          keep(.port(port.id), object.key)
          ports[port.id] = port
          portIDs[Place(router: port.router, address: port.address)] = port.id
        case .instance(let instance):
          keep(.instance(instance.id), object.key)
          instances[instance.id] = instance
        case .staticNat(let rule): rules.append((object.key, rule))
        default: break
        }
      }
      publicAddresses.reserveCapacity(publicAddresses.count + rules.count)
      kept.reserveCapacity(kept.count + rules.count)
      for (key, rule) in rules {
        let place = Place(router: virtualRouters.contains(rule.router) ? rule.router : "", address: rule.private)
        keep(.staticNAT(place, rule.public), key)
        publicAddresses[place] = rule.public
      }
    }
  }

  private let state = Mutex(State())

  package init() {}

  package func apply(upserts: [PlanObject], removals: [String]) {
    state.withLock { state in
      for key in removals { state.remove(key) }
      state.insert(upserts)
    }
  }

  package func metadata(router: String, client: IPv4) -> InstanceMetadata? {
    state.withLock { state in
      let place = Place(router: router, address: client.value)
      guard let id = state.portIDs[place], let port = state.ports[id], let instance = state.instances[port.instance]
      else { return nil }
      return InstanceMetadata(
        userData: Array(instance.userData), instanceID: instance.id,
        hostName: port.hostName.isEmpty ? instance.name : port.hostName, localAddress: client,
        publicAddress: state.publicAddresses[place].map(IPv4.init), offering: instance.offeringName,
        zone: instance.zoneName, publicKeys: instance.publicKeys)
    }
  }
}
