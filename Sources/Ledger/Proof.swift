internal import CloudModel
internal import Dispatch
internal import FoundationEssentials
import Synchronization

/// Takes in all that a storage holds and proves that it is what was last written.
final class Proof: Loading {
  private let name: String
  /// The head that was acknowledged; `nil` when what is loaded is to be believed without it.
  private let known: Head?
  private let secrets: Secrets
  private let kinds: [String: any LoadedKind]
  private let content = Mutex(Content())

  private struct Content {
    var standing: Standing?
    var runs: [Run] = []
    /// A kind that a revision after the checkpoint has and nobody knows.
    var unknownKind: String?
    var removals: [ResourceRecord] = []
    /// What revisions after the checkpoint removed.
    var laterRemovals: [(number: UInt64, change: StoredChange)] = []
    var digest = Checksum.zero
    var count = 0
  }

  /// Consecutive revisions that are proven but for the link of the first one.
  private struct Run {
    let first: RevisionRecord
    let last: UInt64
    let chain: Checksum
  }

  init(name: String, known: Head?, secrets: Secrets) {
    self.name = name
    self.known = known
    self.secrets = secrets
    func loaded<R: Resource>(_ type: R.Type) -> any LoadedKind { Loaded<R>(secrets) }
    kinds = Dictionary(uniqueKeysWithValues: CloudState.kinds.map { ($0.kind, loaded($0)) })
  }

  func begin(_ standing: Standing) throws(LedgerError) {
    if let known {
      let head = standing.head
      guard known.ledger == head.ledger else {
        throw .damaged("\(name) is ledger \(head.ledger), but \(known.ledger) was here")
      }
      guard known.epoch <= head.epoch else {
        throw .damaged("\(name) is of epoch \(head.epoch), but epoch \(known.epoch) had begun")
      }
    }
    guard standing.anchor.number <= standing.checkpoint, standing.checkpoint <= standing.head.revision else {
      throw .damaged("the head of \(name) is altered")
    }
    content.withLock { $0.standing = standing }
  }

  private var standing: Standing {
    get throws(LedgerError) {
      guard let standing = content.withLock({ $0.standing }) else {
        throw .damaged("\(name) does not say which ledger it is")
      }
      return standing
    }
  }

  func take(_ resources: [ResourceRecord]) throws(LedgerError) {
    var digest = Checksum.zero
    let removals = resources.filter(Removals.holds)
    let resources = removals.isEmpty ? resources : resources.filter { !Removals.holds($0) }
    for removal in removals {
      let proof = Checksum.proof(
        kind: removal.kind, id: removal.id, revision: removal.revision, body: removal.body?[...] ?? [])
      guard proof == removal.proof else { throw .damaged("\(removal.kind) \(removal.id) in \(name) is altered") }
    }
    for resource in resources {
      guard kinds[resource.kind] != nil else { throw .damaged("there is no kind called \(resource.kind)") }
      let proof = Checksum.proof(
        kind: resource.kind, id: resource.id, revision: resource.revision, body: resource.body?[...] ?? [])
      guard proof == resource.proof else {
        throw .damaged("\(resource.kind) \(resource.id) in \(name) is altered")
      }
      digest.toggle(.presence(kind: resource.kind, id: resource.id, revision: resource.revision))
    }
    var rest = resources[...]
    while let kind = rest.first?.kind {
      let end = rest.firstIndex { $0.kind != kind } ?? rest.endIndex
      try kinds[kind]?.take(rest[..<end], name)
      rest = rest[end...]
    }
    content.withLock { content in
      content.digest.toggle(digest)
      content.count += resources.count
      content.removals += removals
    }
  }

  func take(_ revisions: [RevisionRecord]) throws(LedgerError) {
    guard let first = revisions.first else { return }
    let standing = try standing
    var chain = first.chain
    var number = first.number
    var later: [String: [LaterChange]] = [:]
    var removals: [(UInt64, StoredChange)] = []
    for revision in revisions {
      if revision.number != first.number {
        guard revision.number == number + 1 else { throw .damaged("revision \(number + 1) is missing in \(name)") }
        number = revision.number
        chain = .link(after: chain, revision)
        guard chain == revision.chain else { throw .damaged("revision \(number) in \(name) is altered") }
      }
      try compare(number, chain)
      guard number > standing.checkpoint else { continue }
      for change in try RevisionContent(revision).changes {
        later[change.kind, default: []].append(LaterChange(id: change.id, revision: number, body: change.body))
        if Removals.lists(change) { removals.append((number, change)) }
      }
    }
    var unknownKind: String?
    for (kind, changes) in later {
      if let loaded = kinds[kind] { loaded.add(changes) } else { unknownKind = kind }
    }
    content.withLock { content in
      content.runs.append(Run(first: first, last: number, chain: chain))
      content.laterRemovals += removals
      content.unknownKind = content.unknownKind ?? unknownKind
    }
  }

  private func compare(_ number: UInt64, _ chain: Checksum) throws(LedgerError) {
    guard let known, known.revision == number, known.chain != chain else { return }
    throw .damaged("revision \(number) of \(name) is not the one that was acknowledged")
  }

  /// To be called when everything was taken.
  func finish() throws(LedgerError) -> Proven {
    let standing = try standing
    let content = content.withLock { content in
      defer { content = Content() }
      return content
    }
    try join(content.runs, standing)
    guard content.digest == standing.digest else {
      throw .damaged(
        "the \(content.count) resources in \(name) are not those of revision \(standing.checkpoint): some are missing or "
          + "altered")
    }
    if let kind = content.unknownKind { throw .damaged("there is no kind called \(kind)") }
    let removals = try Removals(content.removals, content.laterRemovals)
    let (state, unfolded) = try tables(checkpoint: standing.checkpoint)
    try secrets.check(state, name)
    return Proven(standing: standing, state: state, unfolded: unfolded, removals: removals)
  }

  /// Fills the tables of all kinds on all cores, the largest first.
  private func tables(checkpoint: UInt64) throws(LedgerError) -> (CloudState, [LackingChange]) {
    let largest = kinds.values.map { (kind: $0, count: $0.count) }.sorted { $0.count > $1.count }
    let state = Mutex(CloudState())
    let outcomes = Mutex<[Result<[LackingChange], LedgerError>?]>(Array(repeating: nil, count: largest.count))
    DispatchQueue.concurrentPerform(iterations: largest.count) { place in
      let outcome = Result { () throws(LedgerError) in
        try largest[place].kind.finish(checkpoint: checkpoint, name, state)
      }
      outcomes.withLock { $0[place] = outcome }
    }
    var lacking: [LackingChange] = []
    for case let outcome? in outcomes.withLock({ $0 }) { lacking += try outcome.get() }
    return (state.withLock { $0 }, lacking)
  }

  /// Follows the chain from the anchor to the head.
  private func join(_ runs: [Run], _ standing: Standing) throws(LedgerError) {
    let head = standing.head
    var number = standing.anchor.number
    var chain = standing.anchor.chain
    if number == 0, chain != .genesis(of: head.ledger) { throw .damaged("the head of \(name) is altered") }
    try compare(number, chain)
    for run in runs.sorted(by: { $0.first.number < $1.first.number }) {
      guard run.first.number == number + 1 else { throw .damaged("revision \(number + 1) is missing in \(name)") }
      guard .link(after: chain, run.first) == run.first.chain else {
        throw .damaged("revision \(run.first.number) in \(name) is altered")
      }
      number = run.last
      chain = run.chain
    }
    guard number == head.revision else {
      throw .damaged(
        number < head.revision
          ? "revision \(number + 1) is missing in \(name), whose last is \(head.revision)"
          : "\(name) has revision \(number), but its last is \(head.revision)")
    }
    if let known, number < known.revision {
      throw .damaged("\(name) ends at revision \(number), but \(known.revision) was acknowledged")
    }
    guard chain == head.chain else { throw .damaged("revision \(number) in \(name) is not the last that was written") }
  }
}

/// A ledger that was read completely and found to be whole.
struct Proven {
  var standing: Standing
  var state: CloudState
  var unfolded: [LackingChange]
  var removals: Removals
}

/// What the checkpoint lacks of a resource, and a revision up to which it has all of it.
typealias LackingChange = (change: Unfolded.Change, checkpoint: UInt64)

/// What revisions after the checkpoint made of a resource.
private struct LaterChange {
  let id: UUID
  /// The last of them.
  private(set) var revision: UInt64
  /// The revision that the checkpoint holds of the resource; 0 when it does not hold it.
  var folded: UInt64 = 0
  private var first: UInt64
  private(set) var body: ArraySlice<UInt8>?

  init(id: UUID, revision: UInt64, body: ArraySlice<UInt8>?) {
    self.id = id
    self.revision = revision
    first = revision
    self.body = body
  }

  mutating func join(_ other: LaterChange) {
    first = min(first, other.first)
    guard other.revision > revision else { return }
    revision = other.revision
    body = other.body
  }

  /// The checkpoint has everything of the resource up to this revision.
  var checkpoint: UInt64 { folded >= first ? folded : first - 1 }
}

private protocol LoadedKind: Sendable {
  /// About how much there is to do for `finish`.
  var count: Int { get }

  /// Some of what the checkpoint has.
  func take(_ records: ArraySlice<ResourceRecord>, _ name: String) throws(LedgerError)

  /// Some of what came later, in any order.
  func add(_ changes: [LaterChange])

  /// Fills the kind's table of the state. Returns what the checkpoint lacks.
  func finish(
    checkpoint: UInt64, _ name: String, _ state: borrowing Mutex<CloudState>
  ) throws(LedgerError) -> [LackingChange]
}

private final class Loaded<R: Resource>: LoadedKind {
  private let content = Mutex(Content())
  private let secrets: Secrets

  private struct Content {
    var rows: [Table<R>.Row] = []
    var changes: [LaterChange] = []
  }

  init(_ secrets: Secrets) { self.secrets = secrets }

  func take(_ records: ArraySlice<ResourceRecord>, _ name: String) throws(LedgerError) {
    var decoded: [Table<R>.Row] = []
    decoded.reserveCapacity(records.count)
    for record in records {
      decoded.append(try row(record.id, record.revision, record.body?[...] ?? [], name))
    }
    content.withLock { $0.rows += decoded }
  }

  func add(_ changes: [LaterChange]) { content.withLock { $0.changes += changes } }

  var count: Int { content.withLock { $0.rows.count + $0.changes.count } }

  private func row(
    _ id: UUID, _ revision: UInt64, _ body: ArraySlice<UInt8>, _ name: String
  ) throws(LedgerError) -> Table<R>.Row {
    do {
      return Table<R>.Row(try R.decode(body, id: id, secrets), revision: revision)
    } catch let error as LedgerError {
      throw error
    } catch {
      throw .damaged("\(R.kind) \(id) in \(name) cannot be decoded", underlying: error)
    }
  }

  func finish(
    checkpoint: UInt64, _ name: String, _ state: borrowing Mutex<CloudState>
  ) throws(LedgerError) -> [LackingChange] {
    let content = content.withLock { content in
      defer { content = Content() }
      return content
    }
    var later: [UUID: LaterChange] = [:]
    for change in content.changes { later[change.id, default: change].join(change) }
    var rows: [Table<R>.Row] = []
    rows.reserveCapacity(content.rows.count)
    for row in content.rows {
      let id = row.value.id.uuid
      let last = later.isEmpty ? nil : later[id]?.revision
      guard row.revision <= max(checkpoint, last ?? 0) else {
        throw .damaged("\(R.kind) \(id) in \(name) is of revision \(row.revision), which did not write it")
      }
      if last != nil { later[id]?.folded = row.revision }
      if row.revision >= last ?? 0 { rows.append(row) }
    }
    for (id, change) in later where change.folded < change.revision {
      if let body = change.body { rows.append(try self.row(id, change.revision, body, name)) }
    }
    var filled = CloudState()
    do {
      try R.fill(&filled, with: rows)
    } catch {
      throw .damaged("the resources in \(name) contradict each other", underlying: error)
    }
    let table = filled[keyPath: R.table]
    state.withLock { $0[keyPath: R.table] = table }
    return later.values.map { later in
      let change = Unfolded.Change(
        key: ResourceKey(kind: R.kind, id: later.id), folded: later.folded, revision: later.revision,
        body: later.body.map { Array($0) })
      return (change, later.checkpoint)
    }
  }
}
