/// The storage's order of changes, by kind and id. It is found from keys of 24 bytes.
struct FoldOrder {
  private struct Key {
    var kind: UInt32
    let place: UInt32
    let id: (UInt64, UInt64)
  }

  private var keys: [Key] = []

  init(of changes: [Unfolded.Change]) {
    var kinds: [String: UInt32] = [:]
    keys.reserveCapacity(changes.count)
    for place in changes.indices {
      let kind = changes[place].key.kind
      let number = kinds[kind] ?? UInt32(kinds.count)
      if number == kinds.count { kinds[kind] = number }
      keys.append(Key(kind: number, place: UInt32(place), id: changes[place].key.words))
    }
    var ranks = Array(repeating: UInt32(0), count: kinds.count)
    for (rank, kind) in kinds.sorted(by: { $0.key < $1.key }).enumerated() { ranks[Int(kind.value)] = UInt32(rank) }
    for position in keys.indices { keys[position].kind = ranks[Int(keys[position].kind)] }
  }

  func places() -> [UInt32] {
    keys.sorted { left, right in
      if left.kind != right.kind { return left.kind < right.kind }
      return left.id.0 == right.id.0 ? left.id.1 < right.id.1 : left.id.0 < right.id.0
    }.map(\.place)
  }
}
