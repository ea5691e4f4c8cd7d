import CloudModel
import FoundationEssentials
import Ledger

/// What belongs to a resource of whatever kind and goes with it: tags, details, limits.
enum Annexes {
  static func remove(of resource: UUID, _ draft: inout Draft) throws {
    let key = IndexKey.uuid(resource)
    for tag in draft.state.tags.matching("resource", key) { try draft.remove(tag.id) }
    for detail in draft.state.resourceDetails.matching("resource", key) { try draft.remove(detail.id) }
    for limit in draft.state.resourceLimits.matching("resource", key) { try draft.remove(limit.id) }
  }

  /// Of everything that the draft has removed.
  static func removeOrphans(_ draft: inout Draft) throws {
    for resource in draft.removed { try remove(of: resource, &draft) }
  }
}
