import Addresses
import Kernel
import Logging
import NodePlan

extension NodeNetwork {
  private static let gathering = Duration.milliseconds(100)
  /// So much longer than it took, the next look at connections waits.
  private static let rest = 10

  /// Addresses that something leads to, or away from, anew; nil if it is not told by address.
  static func renewed(_ upserts: [PlanObject]) -> Set<IPv4>? {
    var addresses: Set<IPv4> = []
    for object in upserts {
      switch object.body {
      case .staticNat(let nat): addresses.formUnion([IPv4(nat.public), IPv4(nat.private)])
      case .portForward(let forward): addresses.formUnion([IPv4(forward.public), IPv4(forward.private)])
      case .loadBalancer(let balancer):
        addresses.insert(IPv4(balancer.public))
        addresses.formUnion(balancer.members.map { IPv4($0.address) })
      case .wan, .fabric, .network, .router, .address: return nil
      default: break
      }
    }
    return addresses
  }

  /// Forgets the connections of what went: of all, or of what is about these addresses. Returns the scopes that are in doubt
  /// because that failed, or were until now.
  ///
  /// A look at connections takes long where there are many. Without a rule nothing of them passes, forgotten or not, so those
  /// of addresses that lead nowhere are gathered.
  func endFlows(about addresses: Set<IPv4>? = nil) async -> Set<String> {
    var doubtful: Set<String> = []
    for place in places.values where !place.ending.isEmpty {
      let check = translationCheck(place)
      // What has no translation of its own may have the router's.
      let isAll = addresses == nil || check?.sourceNAT != nil
      var due = isAll ? place.ending.take() : place.ending.take(about: addresses ?? [])
      let name = "connections of " + place.name
      // What is wanted again meanwhile has its right to go on.
      due.filters.removeAll { check?.isWanted($0) == true }
      if due.isEmpty { continue }
      do throws(KernelError) {
        try await due.carryOut(place.conntrack, due.isGeneral ? check : nil)
        for scope in placeScopes(place.name) where scopes[scope].trouble.removeValue(forKey: name) != nil {
          doubtful.insert(scope)
        }
      } catch {
        logger.warning("cannot forget connections", metadata: ["place": "\(place.name)", "error": "\(error)"])
        place.ending.add(due)
        for scope in placeScopes(place.name) {
          scopes[scope].trouble[name] = "\(error)"
          doubtful.insert(scope)
        }
      }
    }
    return doubtful
  }

  /// Forgets what was gathered, beside everything else.
  func endGathered() {
    let now = ContinuousClock.now
    guard now >= nextEnding, places.values.contains(where: { !$0.ending.isEmpty }) else { return }
    nextEnding = now + .seconds(60)
    Task {
      let doubtful = await endFlows()
      let end = ContinuousClock.now
      nextEnding = end + max(Self.gathering, (end - now) * Self.rest)
      if !doubtful.isEmpty { await verify(doubtful) }
    }
  }

  private func translationCheck(_ place: Place) -> TranslationCheck? {
    guard let table = place.table, let router = routers.values.first(where: { $0.place == place.name })?.router
    else { return nil }
    return TranslationCheck(
      table, IPv4Prefix(router.guestPrefix), sourceNAT: router.sourceNat == 0 ? nil : IPv4(router.sourceNat))
  }
}
