import Addresses
import Dispatch
import FoundationEssentials
import Synchronization
import Testing

@testable import CloudModel

@Suite struct TableTests {
  @Test(arguments: [3, 40, 300])
  func `a table does what dictionaries do, its copies stay as they were, and nothing is left behind`(rows: Int) throws {
    var source = SeededSource()
    var held = [Held()]
    for step in 0..<2000 {
      let place = Int.random(in: 0..<held.count, using: &source)
      switch Int.random(in: 0..<20, using: &source) {
      case 0, 1: if held.count < 12 { held.append(held[place]) }
      case 2: if held.count > 1 { held.remove(at: place) }
      case 3, 4:
        // A draft that is thrown away, kept beside, or takes the place of what it began with.
        var draft = held[place]
        for _ in 0..<Int.random(in: 0..<20, using: &source) { try draft.change(rows, &source) }
        switch Int.random(in: 0..<3, using: &source) {
        case 0: draft.check()
        case 1: if held.count < 12 { held.append(draft) }
        default: held[place] = draft
        }
      case 5 where step % 7 == 0:
        held[place].table = try Table(held[place].rows.values.map { Table.Row($0, revision: 1) })
      default: try held[place].change(rows, &source)
      }
      if step % 200 == 0 {
        for one in held { one.check() }
        Self.checkMemory(held.map(\.table))
      }
    }
    while !held.isEmpty {
      for one in held { one.check() }
      Self.checkMemory(held.map(\.table))
      held.remove(at: Int.random(in: 0..<held.count, using: &source))
    }
  }

  @Test func `what a draft has beside the next one goes with it`() throws {
    var source = SeededSource()
    var main = Held()
    for _ in 0..<100 { try main.change(60, &source) }
    for _ in 0..<200 {
      var preview = main
      try preview.change(60, &source)
      var next = main
      for _ in 0..<5 { try next.change(60, &source) }
      main = next
      preview.check()
      preview = main
      Self.checkMemory([main.table])
    }
    main.check()
  }

  @Test func `a row that no version has any more is let go`() throws {
    var source = SeededSource()
    var table = Table<PublicIPAddress>()
    weak var row: Table<PublicIPAddress>.Row?
    do {
      let made = Table.Row(Held.address(7, 300, &source), revision: 1)
      row = made
      _ = try table.put(made)
    }
    var copy = table
    #expect(row != nil)
    table.remove(ID(Held.uuid(7)))
    #expect(row != nil && copy.count == 1 && table.isEmpty)
    copy = table
    #expect(row == nil && copy.isEmpty)
  }

  @Test func `who reads a version sees nothing of what is done to others meanwhile`() async throws {
    let seed = SeededSource()
    let shared = Shared()
    try await withThrowingTaskGroup(of: Void.self) { group in
      for reader in 0..<3 {
        group.addTask {
          var source = seed
          for _ in 0..<reader { _ = source.next() }
          var kept: [Held] = []
          while !shared.isOver.load(ordering: .relaxed) {
            var held = shared.published.withLock { $0 }
            if reader > 0 { for _ in 0..<5 { try held.change(200, &source) } }
            kept.append(held)
            guard kept.count > 8 else { continue }
            let place = Int.random(in: 0..<kept.count, using: &source)
            kept[place].check()
            kept.remove(at: place)
          }
          for held in kept { held.check() }
        }
      }
      var source = seed
      var history: [Held] = []
      for _ in 0..<400 {
        var draft = shared.published.withLock { $0 }
        for _ in 0..<8 { try draft.change(200, &source) }
        shared.published.withLock { [draft] in $0 = draft }
        history.append(draft)
        if history.count > 8 { history.removeFirst() }
      }
      shared.isOver.store(true, ordering: .relaxed)
      try await group.waitForAll()
    }
    let last = shared.published.withLock { $0 }
    last.check()
    Self.checkMemory([last.table])
  }

  @Test func `what is fetched beforehand is what will be looked at`() throws {
    var source = SeededSource()
    var held = Held()
    for number in 0..<6000 {
      let id = ID<PublicIPAddress>(Held.uuid(number))
      var row = Held.address(number, 6000, &source)
      row = PublicIPAddress(
        id: id, address: IPv4(UInt32(number)), zone: .zero, cell: row.cell, range: .zero, state: row.state,
        account: row.account)
      row.staticNAT = StaticNATTarget(virtualMachine: ID(Held.uuid(number / 2 * 2 + 10_000)), guestAddress: .any)
      try held.table.put(row)
      held.rows[id] = row
    }
    for _ in 0..<400 { try held.change(6500, &source) }
    held.check()
    let table = held.table
    func end(_ sought: Prefetch.Sought) -> UnsafeMutableRawPointer? {
      guard var way = table.way(to: sought) else { return nil }
      while way.step() {}
      return way.fetched
    }
    /// The last node on the way to an id that is one of several.
    func leaf(_ id: ID<PublicIPAddress>, _ holders: Trie) -> UnsafeMutableRawPointer? {
      var node = holders.root
      var shift: UInt64 = 0
      while let found = node {
        let bit = TrieShape.bit(KeyHash.of(id.uuid), shift)
        guard found.shape.children & bit != 0 else { break }
        node = found.children[found.shape.children.rank(bit)]
        shift += TrieNode.width
      }
      return node?.memory
    }
    for (id, row) in held.rows {
      let place = table.row(id).map { Unmanaged.passUnretained($0).toOpaque() }
      #expect(end(.row(id.uuid)) == place && place != nil)
      #expect(end(.index("address", .number(UInt64(row.address.value)), nil)) == place)
      guard let instance = row.staticNAT?.virtualMachine else { continue }
      let item = table.version.tries[7].entry(.id(instance))
      let others = item.flatMap(IndexEntry.holders)
      #expect(end(.index("instance", .id(instance), nil)) == (others == nil ? place : others?.root?.memory))
      #expect(
        end(.index("instance", .id(instance), id.uuid)) == (others == nil ? place : others.flatMap { leaf(id, $0) }))
    }
    #expect(PublicIPAddress.indexes[6].name == "instance")
    // The way to what is not there ends, too, perhaps at its neighbour.
    for number in 20_000..<20_100 {
      var way = try #require(table.way(to: .index("address", .number(UInt64(number)), nil)))
      #expect((0..<40).contains { _ in !way.step() })
    }
    // All at once they go the same ways.
    var state = CloudState()
    state.publicIPs = table
    let some = held.rows.keys.prefix(100).map { Prefetch.row($0) } + [.row(ID<PublicIPAddress>(Held.uuid(30_000)))]
    Prefetch.fetch(some + [.index(PublicIPAddress.self, "instance", .id(ID<VirtualMachine>(Held.uuid(3))))], in: state)
    #expect(state.publicIPs.count == held.rows.count)
  }

  @Test func `keys whose hashes are alike are told apart`() {
    tellApart(Whole.self)
    tellApart(Upper.self)
    tellApart(Nothing.self)
  }

  private func tellApart<Hashes: HashBits>(_ hashes: Hashes.Type) {
    var source = SeededSource()
    let pool = UnsafeMutablePointer<Pool>.allocate(capacity: 1)
    pool.initialize(to: Pool())
    let dead = UnsafeMutablePointer<DeadList>.allocate(capacity: 1)
    dead.initialize(to: DeadList())
    let change = VersionChange(number: 1, others: 0, pool: pool, dead: dead)
    var trie = Trie()
    var model: Set<UInt64> = []
    for _ in 0..<4000 {
      let number = UInt64.random(in: 0..<300, using: &source)
      let hash = Numbers<Hashes>.hash(TrieItem(5, number))
      #expect((trie.find(number, hash, Numbers<Hashes>.self) != nil) == model.contains(number))
      if Bool.random(using: &source) {
        let old = trie.put(TrieItem(5, number), number, hash, Numbers<Hashes>.self, change)
        #expect((old == nil) == model.insert(number).inserted)
      } else if model.remove(number) != nil {
        #expect(trie.remove(number, hash, Numbers<Hashes>.self, change).second == number)
      }
      #expect(trie.count == model.count)
    }
    var items = TrieItems(trie)
    var found: Set<UInt64> = []
    while let item = items.next() { #expect(found.insert(item.second).inserted) }
    #expect(found == model)
    for number in model {
      _ = trie.remove(number, Numbers<Hashes>.hash(TrieItem(5, number)), Numbers<Hashes>.self, change)
    }
    #expect(trie.root == nil && pool.pointee.used == 0)
    pool.pointee.destroy()
    pool.deallocate()
    dead.deallocate()
  }

  /// What the versions of the tables reach is all that is in use, and what leads to one id has its hint.
  private static func checkMemory(_ tables: [Table<PublicIPAddress>]) {
    var families: [ObjectIdentifier: (family: Family, blocks: Set<UInt>)] = [:]
    var versions = tables.map(\.version)
    var isLed = true
    while let version = versions.popLast() {
      if let kept = version.kept { versions.append(kept) }
      var blocks = families[ObjectIdentifier(version.family)]?.blocks ?? []
      func walk(_ node: TrieNode, _ kind: TrieFelling.Kind) {
        guard blocks.insert(UInt(bitPattern: node.memory)).inserted else { return }
        let shape = node.shape
        for position in 0..<shape.childCount { walk(node.children[position], kind) }
        guard kind == .entries else { return }
        for position in 0..<shape.itemCount {
          let item = node.items(shape)[position]
          blocks.insert(UInt(bitPattern: item.place))
          if let root = IndexEntry.holders(item)?.root {
            walk(root, .ids)
          } else {
            isLed = isLed && (KeyHash.of(IndexEntry.first(item)) ^ item.hint) >> (64 - TrieItem.hintWidth) == 0
          }
        }
      }
      for position in 0..<version.family.tries {
        if let root = version.tries[position].root { walk(root, position == 0 ? .rows : .entries) }
      }
      families[ObjectIdentifier(version.family)] = (version.family, blocks)
    }
    #expect(isLed)
    for (family, blocks) in families.values {
      #expect(family.lock.withLock { _ in family.pool.pointee.used } == blocks.count)
    }
  }
}

/// A table and what it should be.
private struct Held: Sendable {
  var table = Table<PublicIPAddress>()
  var rows: [ID<PublicIPAddress>: PublicIPAddress] = [:]

  static func uuid(_ number: Int) -> UUID { UUID(words: (UInt64(number) &* 77, UInt64(number))) }

  static func address(_ number: Int, _ rows: Int, _ source: inout SeededSource) -> PublicIPAddress {
    func one<Other>(_ type: Other.Type) -> ID<Other>? {
      Bool.random(using: &source) ? ID(uuid(Int.random(in: 0..<4, using: &source))) : nil
    }
    var address = PublicIPAddress(
      id: ID(uuid(number)), address: IPv4(UInt32.random(in: 0..<UInt32(rows) * 3, using: &source)), zone: .zero,
      cell: one(Cell.self), range: .zero, state: Bool.random(using: &source) ? .free : .allocated,
      account: one(Account.self))
    address.staticNAT = one(VirtualMachine.self).map { StaticNATTarget(virtualMachine: $0, guestAddress: .any) }
    return address
  }

  /// One random change to both.
  mutating func change(_ numbers: Int, _ source: inout SeededSource) throws {
    let number = Int.random(in: 0..<numbers, using: &source)
    let id = ID<PublicIPAddress>(Self.uuid(number))
    if Int.random(in: 0..<10, using: &source) < 4 {
      #expect(table.remove(id) == rows.removeValue(forKey: id))
      return
    }
    let row = Self.address(number, numbers, &source)
    let isTaken = rows.values.contains { $0.address == row.address && $0.id != row.id }
    do throws(ModelError) {
      try table.put(row)
      #expect(!isTaken)
      rows[id] = row
    } catch { #expect(isTaken, "\(error)") }
  }

  func check() {
    #expect(table.count == rows.count && Set(table.ids) == Set(rows.keys))
    #expect(Dictionary(uniqueKeysWithValues: table.all.map { ($0.id, $0) }) == rows)
    var isRight = table[ID(UUID(words: (1, 1)))] == nil
    for (id, row) in rows { isRight = isRight && table[id] == row }
    for index in PublicIPAddress.indexes {
      var filed: [IndexKey: Set<ID<PublicIPAddress>>] = [:]
      for row in rows.values { for key in index.keys(row) { filed[key, default: []].insert(row.id) } }
      for (key, ids) in filed {
        let found = table.matching(index.name, key).map(\.id)
        isRight = isRight && found.count == ids.count && Set(found) == ids && table.count(index.name, key) == ids.count
        isRight = isRight && table.first(index.name, key).map { ids.contains($0.id) } ?? false
      }
      isRight = isRight && table.first(index.name, .text("none")) == nil
    }
    #expect(isRight)
  }
}

private final class Shared: Sendable {
  let published = Mutex(Held())
  let isOver = Atomic(false)
}

/// How much of a hash there is.
private protocol HashBits { static var bits: UInt64 { get } }
private enum Whole: HashBits { static var bits: UInt64 { .max } }
private enum Upper: HashBits { static var bits: UInt64 { 0xff << 56 } }
private enum Nothing: HashBits { static var bits: UInt64 { 0 } }

private enum Numbers<Hashes: HashBits>: TrieKind {
  static func isSame(_ item: TrieItem, _ key: UInt64, _ hash: UInt64) -> Bool { item.second == key }
  static func hash(_ item: TrieItem) -> UInt64 { KeyHash.of(item.second) & Hashes.bits }
}

/// Random numbers that are the same for the same seed, which it prints.
struct SeededSource: RandomNumberGenerator, Sendable {
  private var state: UInt64

  init() {
    state = ProcessInfo.processInfo.environment["DARUMA_SEED"].flatMap(UInt64.init) ?? .random(in: 1...(.max))
    print("seed \(state) (DARUMA_SEED)")
  }

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var value = state
    value = (value ^ value >> 30) &* 0xBF58_476D_1CE4_E5B9
    value = (value ^ value >> 27) &* 0x94D0_49BB_1331_11EB
    return value ^ value >> 31
  }
}
