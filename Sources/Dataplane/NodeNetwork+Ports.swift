import Addresses
import Glibc
package import Kernel
package import NodePlan

extension NodeNetwork {
  /// Where the port's tap or veth is, whether it exists yet or not; nil before `start`.
  package func namespace(of port: Port) -> PortPlace? {
    guard let place = places[Names.fabric] else { return nil }
    return PortPlace(namespace: place.namespace, link: Names.port(port.id), mtu: mtu(port))
  }

  private func mtu(_ port: Port) -> UInt32 {
    guard let network = networks[port.network], network.mtu > 0 else { return port.network.isEmpty ? 1500 : 1450 }
    return network.mtu
  }

  /// Makes the port's tap, if it is not there, and connects it.
  package func attachTap(_ port: Port) throws {
    attachments[port.id] = .tap
    try attach(port)
  }

  /// Makes the port's veth, if it is not there, with its other end as `peerName` (with the port's MAC) in `namespace`,
  /// and connects it. The other end is not up yet when it is new.
  package func attachVeth(_ port: Port, to namespace: NetworkNamespace, peerName: String = "eth0") throws {
    attachments[port.id] = .veth(namespace, peerName)
    try attach(port)
  }

  /// Ends all traffic of the port and takes its device away. A veth goes with the namespace of its other end, if that ends
  /// now: the kernel does many of them at once, whereas each deletion on its own waits for all processors.
  package func detach(_ portID: String) throws {
    let link = Names.port(portID)
    guard case .veth? = attachments.removeValue(forKey: portID) else {
      try places[Names.fabric]?.routes.deleteLink(link)
      return
    }
    guard let fabric = places[Names.fabric] else { return }
    fabric.noteLoss(of: link, Self.portOwner(portID))
    do throws(KernelError) {
      try fabric.routes.setDown(link)
      detached[link] = .now + .seconds(2)
    } catch {
      // Else it went with its namespace already.
      if error.code != ENODEV { throw error }
    }
  }

  /// Deletes the veths of detached ports that are still there after a while.
  func sweepDetached() throws {
    let now = ContinuousClock.now
    let due = detached.filter { $0.value <= now }.keys
    if due.isEmpty { return }
    let present = try places[Names.fabric]?.routes.links().map(\.name) ?? []
    let attached = Set(attachments.keys.map(Names.port))
    for link in Set(present).intersection(due) where !attached.contains(link) {
      try places[Names.fabric]?.routes.deleteLink(link)
    }
    for link in due { detached[link] = nil }
  }

  func attach(_ port: Port) throws {
    guard let fabric = places[Names.fabric], let attachment = attachments[port.id] else { return }
    let link = Names.port(port.id)
    detached[link] = nil
    let made: Bool
    switch attachment {
    case .tap: made = try fabric.routes.ensureTap(link)
    case .veth(let namespace, let peerName):
      made = try fabric.routes.ensureVeth(
        link, peerName: peerName, peerNamespace: namespace, peerMAC: MAC(port.mac))
    }
    try fabric.wire(link: link, isNew: made, Self.portOwner(port.id), { self.namespace($0) })
  }

  static func portOwner(_ id: String) -> String { "port " + id }

  func install(_ port: Port, _ key: String) throws {
    let owner = Self.portOwner(port.id)
    if port.network.isEmpty {
      useCombination(port.id, port.securityGroups)
      try replace(Names.fabric, key, later: { FabricTable.elements(of: port) })
      let host = Dnsmasq.host(port)
      if fabricHosts[key] != host {
        fabricHosts[key] = host
        staleServices.insert("")
      }
      try wire(Names.fabric, owner, WiringPlan.items(port))
    } else {
      guard let network = networks[port.network] else {
        throw DataplaneError(.missing, "the network \(port.network) of a port is not in the plan")
      }
      if !port.router.isEmpty {
        routers[port.router]?.hosts[key] = Dnsmasq.host(port)
        staleServices.insert(port.router)
      }
      try wire(Names.fabric, owner, WiringPlan.items(port, network))
    }
    try attach(port)
  }

  func remove(_ port: Port, _ key: String) throws {
    if port.network.isEmpty {
      try replace(Names.fabric, key, [])
      useCombination(port.id, nil)
      fabricHosts[key] = nil
      staleServices.insert("")
    } else if !port.router.isEmpty {
      routers[port.router]?.hosts[key] = nil
      staleServices.insert(port.router)
    }
    try wire(Names.fabric, Self.portOwner(port.id), [])
  }

  // MARK: security groups

  /// Counts a port among those of its groups; the chains of a combination last as long as a port uses it.
  private func useCombination(_ port: String, _ groups: [String]?) {
    let name = groups.map(FabricTable.combination)
    let other = combinationOfPort[port]
    combinationOfPort[port] = name
    if let other, other != name, let entry = combinations[other] {
      combinations[other]?.ports.remove(port)
      if combinations[other]?.ports.isEmpty == true {
        combinations[other] = nil
        places[Names.fabric]?.table?.setChain("i-" + other, nil)
        places[Names.fabric]?.table?.setChain("e-" + other, nil)
        for group in entry.groups where groups?.contains(group) != true { sweepGroupChains(group) }
      }
    }
    guard let name, let groups else { return }
    if combinations[name] == nil {
      combinations[name] = (groups, [])
      setCombination(name)
    }
    combinations[name]?.ports.insert(port)
  }

  private func setCombination(_ name: String) {
    guard let groups = combinations[name]?.groups else { return }
    for group in groups where self.groups[group] == nil {
      // A group that is not in the plan allows nothing.
      for chain in [Names.ingressChain(group), Names.egressChain(group)]
      where places[Names.fabric]?.table?.chains[chain] == nil {
        places[Names.fabric]?.table?.setChain(chain, Chain(base: nil, rules: []))
      }
    }
    let haveEgress = groups.contains { self.groups[$0]?.egress.isEmpty == false }
    for (chain, value) in FabricTable.chains(groups: groups, haveEgress: haveEgress) {
      places[Names.fabric]?.table?.setChain(chain, value)
    }
    dirty.insert(Names.fabric)
  }

  func setCombinations(naming group: String) {
    for (name, entry) in combinations where entry.groups.contains(group) { setCombination(name) }
  }

  /// What stays of a removed group: nothing, or empty chains while ports name it.
  func unusedOrEmpty(_ group: String) -> Chain? {
    combinations.values.contains { $0.groups.contains(group) } ? Chain(base: nil, rules: []) : nil
  }

  private func sweepGroupChains(_ group: String) {
    if groups[group] != nil || combinations.values.contains(where: { $0.groups.contains(group) }) { return }
    places[Names.fabric]?.table?.setChain(Names.ingressChain(group), nil)
    places[Names.fabric]?.table?.setChain(Names.egressChain(group), nil)
  }

  /// The groups that the rules of a group name.
  func peers(_ group: SecurityGroupRules?) -> Set<String> {
    guard let group else { return [] }
    return Set((group.ingress + group.egress).map(\.group)).subtracting([""])
  }

  func release(_ peers: Set<String>) {
    for other in peers {
      namings[other] = (namings[other] ?? 1) > 1 ? (namings[other] ?? 1) - 1 : nil
      sweepGroupSet(other)
    }
    dirty.insert(Names.fabric)
  }

  /// The set of a group that neither has members nor is named by a rule goes.
  func sweepGroupSet(_ group: String) {
    let name = Names.groupSet(group)
    if namings[group] == nil, places[Names.fabric]?.table?.count(of: name) == 0 {
      places[Names.fabric]?.table?.removeSet(name)
    }
    dirty.insert(Names.fabric)
  }
}
