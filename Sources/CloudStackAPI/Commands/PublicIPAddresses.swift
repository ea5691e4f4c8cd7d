import Addresses
import CloudModel
import Control

extension Commands {
  static let addresses = [
    .job(
      "associateIpAddress", "Acquires a public address", creates: true,
      [
        .string("ipaddress", "the very address; any free one by default"),
        .id("networkid", .network, "the isolated network that the address is for"),
        .id("vpcid", .vpc, "the VPC that the address is for"),
        .id("zoneid", .zone, "the zone of the address"),
      ] + Parameter.owner,
      refused: ["isportable", "regionid"], response: .publicIPAddress
    ) { request in
      try await request.control.associateIPAddress(
        zone: request.arguments.id("zoneid"), network: request.arguments.id("networkid"),
        vpc: request.arguments.id("vpcid"),
        address: request.arguments.address("ipaddress"), account: request.arguments.string("account"),
        domain: request.arguments.id("domainid"), by: request.caller)
    },
    .job(
      "disassociateIpAddress", "Releases a public address",
      [
        .id("id", .publicIPAddress, "the address's id"),
        .string("ipaddress", "the address itself, instead of the id"),
      ]
    ) { request in
      if let id: ID<PublicIPAddress> = request.arguments.id("id") {
        return try await request.control.disassociateIPAddress(id, by: request.caller)
      }
      guard let address = try request.arguments.address("ipaddress") else {
        throw APIError.missing("id", request.command)
      }
      guard let found = request.state.publicIPs.first("address", .number(UInt64(address.value))),
        let owner = found.account, Access.allows(request.caller, owner: owner, in: request.state)
      else { throw APIError.denied() }
      return try await request.control.disassociateIPAddress(found.id, by: request.caller)
    },
    Command(
      "listPublicIpAddresses", "Lists public addresses",
      [
        .boolean("allocatedonly", "only addresses that an account has; true by default"),
        .id("associatednetworkid", .network, "the isolated network that the address is for"),
        .boolean("forloadbalancing", "only addresses that load balancer rules use"),
        .boolean("forvirtualnetwork", "whether the address serves guests; all do"),
        .id("id", .publicIPAddress, "the address's id"),
        .string("ipaddress", "the address itself"),
        .boolean("issourcenat", "whether it is the source NAT of a network"),
        .boolean("isstaticnat", "whether it leads to one instance"),
        .id("networkid", .network, "the network that the address leads to"),
        .string("state", "Free, Allocated, Reserved or Releasing"),
        .boolean("fordisplay", "whether users see it", roles: .admin),
        .tags,
        .id("vpcid", .vpc, "the VPC that the address is for"),
        .id("zoneid", .zone, "the zone of the address"),
      ] + Parameter.scope,
      refused: [
        "forprovider", "forsystemvms", "physicalnetworkid", "retrieveonlyresourcecount", "vlanid",
      ], response: .publicIPAddress
    ) { request in
      let state = request.state
      var rows = try request.visible(state.publicIPs) { $0.account }.filter { $0.account != nil }
      let isAllocatedOnly = request.arguments.boolean("allocatedonly") ?? true
      if !isAllocatedOnly && !request.arguments.has("id") && !request.arguments.isEvery("projectid") {
        rows += state.publicIPs.all.filter { $0.account == nil }
      }
      let wanted = try request.arguments.address("ipaddress")
      rows = rows.filter { address in
        request.matches("associatednetworkid", address.network)
          && request.matches("networkid", address.network)
          && request.matches("vpcid", address.vpc) && request.shows(address.isHidden)
          && request.matches("zoneid", address.zone)
          && request.matches("issourcenat", address.isSourceNAT) && request.matches("state", address.state.rawValue)
          && request.matches("isstaticnat", address.staticNAT?.isRemoving == false)
          && request.matches("forvirtualnetwork", true) && wanted.map { $0 == address.address } ?? true
          && (!request.arguments.flag("forloadbalancing")
            || state.loadBalancerRules.count("address", .id(address.id)) > 0)
      }
      return try request.page(
        "publicipaddress", rows.filter { request.matchesTags($0.id) }.sorted { $0.address < $1.address }
      ) { row in
        [row.address.description]
      } fields: {
        request.view.fields(of: $0)
      }
    },
  ]

  static let nat = [
    Command(
      "enableStaticNat", "Leads a public address to one instance; answers when the gateway does so",
      [
        .id("ipaddressid", .publicIPAddress, "the public address's id", required: true),
        .id("networkid", .network, "the network of the instance"),
        .id("virtualmachineid", .virtualMachine, "the instance's id", required: true),
        .string("vmguestip", "the instance's address; that of the network's NIC by default"),
      ], response: .success
    ) { request in
      let started = try await request.control.enableStaticNAT(
        request.id("ipaddressid"), virtualMachine: request.id("virtualmachineid"),
        network: request.arguments.id("networkid"), guestAddress: request.arguments.address("vmguestip"),
        by: request.caller)
      let job = try await request.control.finished(started.job)
      guard job.status == .succeeded else { throw APIError(failed: job) }
      return .success()
    },
    .job(
      "disableStaticNat", "No longer leads a public address to an instance",
      [.id("ipaddressid", .publicIPAddress, "the public address's id", required: true)]
    ) { request in
      try await request.control.disableStaticNAT(request.id("ipaddressid"), by: request.caller)
    },
  ]
}

extension APIError {
  /// What a job failed with, for a command that is synchronous on the wire.
  init(failed job: AsyncJob) {
    var text = Self.generic
    if case .object(let fields) = job.result.flatMap({ Reply(json: $0) }), case .string(let told) = fields["errortext"]
    {
      text = told
    }
    self.init(job.resultCode == 0 ? 530 : job.resultCode, text)
  }
}
