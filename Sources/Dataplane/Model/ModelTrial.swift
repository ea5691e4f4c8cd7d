import Addresses
import NodePlan

/// A router's rules and the objects they are to serve, apart from the network that goes on changing.
struct ModelTrial: Sendable {
  var router: Router
  var table: RuleTable
  /// Firewall rules by public address.
  var firewall: [UInt32: [String: FilterRule]]
  var isEgressFree: Bool
  var dead: Set<MemberChecks.Member>
  /// Load balancers that haproxy serves.
  var proxied: Set<String>
  var objects: [PlanObject]

  /// What is wrong, by object.
  func check() -> [(key: String, text: String)] {
    let check = ModelCheck(
      model: RouterModel(router, table), firewall: firewall, isEgressFree: isEgressFree,
      isAlive: { member in
        !dead.contains(
          MemberChecks.Member(
            router: router.id, address: IPv4(member.address), port: UInt16(truncatingIfNeeded: member.port)))
      }, isProxied: { proxied.contains($0) })
    return objects.compactMap { object in check.fault(of: object).map { (object.key, $0) } }
  }
}
