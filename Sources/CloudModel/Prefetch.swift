package import FoundationEssentials

/// Something in a table that will be looked at soon. What is fetched beforehand, and much of it at the same time, is not
/// waited for: in a large cloud nearly all that a transaction looks at is in no cache.
package struct Prefetch: Sendable {
  package enum Sought: Sendable {
    case row(UUID)
    /// What the index has under the key: the row if it is one, else the place of the id among several.
    case index(String, IndexKey, UUID?)
  }

  /// For `Resource.prefetch`, which each kind has for itself.
  package struct Way {
    var way: TrieWay
  }

  private let type: any Resource.Type
  private let sought: Sought

  package static func row<R: Resource>(_ id: ID<R>) -> Prefetch { Prefetch(type: R.self, sought: .row(id.uuid)) }

  /// - Parameter id: What will be filed under the key or no longer be, if that is known.
  package static func index<R: Resource>(
    _ type: R.Type, _ name: String, _ key: IndexKey, changing id: ID<R>? = nil
  ) -> Prefetch {
    Prefetch(type: type, sought: .index(name, key, id?.uuid))
  }

  package static func fetch(_ all: [Prefetch], in state: CloudState) {
    let ways = all.compactMap { $0.type.prefetch($0.sought, in: state)?.way }
    withExtendedLifetime(state) { TrieWay.goAll(ways.count) { ways[$0] } }
  }
}
