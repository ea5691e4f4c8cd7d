import Addresses
import CloudModel
import Control
import FoundationEssentials

extension Deployment {
  /// Takes over what is chosen besides template, offering, networks and security groups.
  mutating func take(_ arguments: Arguments) throws {
    affinityGroups = arguments.ids("affinitygroupids") ?? []
    affinityGroupNames = arguments.strings("affinitygroupnames") ?? []
    keyPairs = arguments.keyPairs
    group = arguments.string("group")
    details = arguments.details("details") ?? []
    isDynamicallyScalable = arguments.flag("dynamicscalingenabled")
    password = arguments.string("password").flatMap { $0.isEmpty ? nil : $0 }
    mac = try arguments.mac("macaddress")
    userDataSource = arguments.id("userdataid")
    guard userDataSource == nil || userData.isEmpty else {
      throw APIError.value("Both userdata and userdataid inputs are not allowed, please provide only one")
    }
    wishes = try Self.wishes(arguments)
    if let rows = arguments.rows("iptonetworklist"), !rows.isEmpty {
      guard networks.isEmpty else { throw APIError.value("networkids and iptonetworklist cannot be given together") }
      networks = wishes.map(\.network)
    }
    try placeNICs(arguments)
  }

  private static func wishes(_ arguments: Arguments) throws -> [NICWish] {
    try (arguments.rows("iptonetworklist") ?? []).map { row in
      guard let id = row["networkid"].flatMap({ ID<Network>($0) }) else {
        throw APIError.value("Each entry of iptonetworklist needs the id of a network as networkid")
      }
      if row["ipv6"].map({ !$0.isEmpty }) == true { throw APIError.value("ipv6 of iptonetworklist is not supported") }
      var wish = NICWish(network: id)
      if let text = row["ip"], !text.isEmpty {
        guard let address = IPv4(text) else { throw APIError.invalid("iptonetworklist", text, "it is no IPv4 address") }
        wish.address = address
      }
      if let text = row["mac"], !text.isEmpty {
        guard let mac = MAC(text) else { throw APIError.invalid("iptonetworklist", text, "it is no MAC address") }
        wish.mac = mac
      }
      return wish
    }
  }

  private mutating func placeNICs(_ arguments: Arguments) throws {
    for row in arguments.rows("nicnetworklist") ?? [] {
      guard let position = row["nic"].flatMap({ Int($0) }), let id = row["network"].flatMap({ ID<Network>($0) }) else {
        throw APIError.value("Each entry of nicnetworklist needs the number of a nic and the id of a network")
      }
      if let known = wishes.firstIndex(where: { $0.network == id }) {
        wishes[known].position = position
      } else {
        var wish = NICWish(network: id)
        wish.position = position
        wishes.append(wish)
      }
    }
  }
}

extension Arguments {
  var keyPairs: [String] {
    (string("keypair").map { $0.isEmpty ? [] : [$0] } ?? []) + (strings("keypairs") ?? [])
  }

  func details(_ name: String) -> [InstanceDetail]? {
    rows(name)?.flatMap { row in row.map { InstanceDetail(name: $0.key, value: $0.value) } }
  }

  func mac(_ name: String) throws(APIError) -> MAC? {
    guard let text = string(name), !text.isEmpty else { return nil }
    guard let mac = MAC(text) else { throw .invalid(name, text, "it is not a MAC address") }
    return mac
  }

  private static let knownDetails: Set<String> = [
    "all", "group", "nics", "stats", "secgrp", "tmpl", "servoff", "diskoff", "backoff", "iso", "volume", "min",
    "affgrp",
  ]

  /// The parts of instances that a list is to tell; nil for all.
  func toldDetails() throws(APIError) -> Set<String>? {
    guard let names = strings("details") else { return nil }
    if let unknown = names.first(where: { !Self.knownDetails.contains($0.lowercased()) }) {
      throw .invalid("details", unknown, "it is one of \(Self.knownDetails.sorted().joined(separator: ", "))")
    }
    let told = Set(names.map { $0.lowercased() })
    return told.contains("all") ? nil : told
  }
}

extension Request {
  func matchesChoices(of machine: VirtualMachine) -> Bool {
    if let group = arguments.id("affinitygroupid", AffinityGroup.self),
      machine.affinityGroups?.contains(group) != true
    {
      return false
    }
    if let name = arguments.string("keypair"), !name.isEmpty,
      machine.keys?.contains(where: { $0.name.lowercased() == name.lowercased() }) != true
    {
      return false
    }
    return matches("groupid", machine.group) && matches("userdataid", machine.userDataSource)
      && matches("userid", machine.user)
  }

  /// Names of fields by the part that they belong to.
  private static let parts: [String: Set<String>] = [
    "group": ["group", "groupid"], "nics": ["nic", "ipaddress"], "secgrp": ["securitygroup"],
    "affgrp": ["affinitygroup"], "tmpl": ["templateid", "templatename", "templatedisplaytext", "passwordenabled"],
    "servoff": ["serviceofferingid", "serviceofferingname", "cpunumber", "cpuspeed", "memory"],
  ]

  /// An instance as a list tells it, with the parts `told` only.
  func fields(of machine: VirtualMachine, telling told: Set<String>?) -> Fields {
    var fields = view.fields(of: machine)
    if arguments.flag("userdata") { fields.add("userdata", Data(machine.userData).base64EncodedString()) }
    guard let told else { return fields }
    let hidden = Self.parts.filter { !told.contains($0.key) }.reduce(into: Set<String>()) { $0.formUnion($1.value) }
    var kept = Fields()
    for member in fields.members where !hidden.contains(member.name) { kept.add(member.name, member.value) }
    return kept
  }

  /// Waits for what is synchronous on the wire, and answers with the instance.
  func changedInstance(_ started: Started) async throws -> Reply {
    let job = try await control.finished(started.job)
    guard job.status == .succeeded else { throw APIError(failed: job) }
    guard let machine = started.resource.flatMap({ control.state.virtualMachines[ID($0)] }) else {
      throw ControlError(.internalError, "The instance is gone already")
    }
    return .one("virtualmachine", latest.fields(of: machine))
  }
}
