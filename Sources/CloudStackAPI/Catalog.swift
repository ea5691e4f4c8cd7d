/// Every command there is. Routing, validation, permissions and listApis all come from here.
package enum Catalog {
  package static let all: [Command] = [
    Commands.accounts, Commands.addresses, Commands.discovery, Commands.domains, Commands.events,
    Commands.firewall, Commands.hosts, Commands.jobs, Commands.loadBalancers, Commands.nat, Commands.networks,
    Commands.nics, Commands.offerings, Commands.operations, Commands.plans, Commands.portForwarding,
    Commands.rebuilds, Commands.revisions,
    Commands.routers,
    Commands.securityGroups,
    Commands.templates,
    Commands.users, Commands.vlanIpRanges, Commands.virtualMachines, Commands.zones,
  ].joined().sorted { $0.name < $1.name }

  private static let byName = Dictionary(all.map { ($0.name, $0) }) { first, _ in first }

  /// Names are case-sensitive.
  package static func command(_ name: String) -> Command? { byName[name] }
}

/// The commands, a list per family in a file of its own.
enum Commands {}
