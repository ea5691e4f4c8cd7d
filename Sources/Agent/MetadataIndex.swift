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
      switch kept.removeValue(forKey: key) {
      case .port(let id):
        guard let port = ports.removeValue(forKey: id) else { return }
        let place = Place(router: port.router, address: port.address)
        if portIDs[place] == id { portIDs[place] = nil }
      case .instance(let id): instances[id] = nil
      case .staticNAT(let place, let address):
        if publicAddresses[place] == address { publicAddresses[place] = nil }
      case .router(let id): virtualRouters.remove(id)
      case nil: return
      }
    }

    mutating func insert(_ object: PlanObject) {
      switch object.body {
      case .port(let port):
        remove(object.key)
        kept[object.key] = .port(port.id)
        ports[port.id] = port
        portIDs[Place(router: port.router, address: port.address)] = port.id
      case .instance(let instance):
        remove(object.key)
        kept[object.key] = .instance(instance.id)
        instances[instance.id] = instance
      case .staticNat(let rule):
        remove(object.key)
        let place = Place(router: virtualRouters.contains(rule.router) ? rule.router : "", address: rule.private)
        kept[object.key] = .staticNAT(place, rule.public)
        publicAddresses[place] = rule.public
      default: break
      }
    }
  }

  private let state = Mutex(State())

  package init() {}

  package func apply(upserts: [PlanObject], removals: [String]) {
    state.withLock { state in
      for key in removals { state.remove(key) }
      // Which routers are virtual has to be known before their rules come.
      for object in upserts {
        if case .router(let router) = object.body, router.kind == .virtual {
          state.kept[object.key] = .router(router.id)
          state.virtualRouters.insert(router.id)
        }
      }
      for object in upserts { state.insert(object) }
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
