internal import CloudModel
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
    /// What revisions after the checkpoint did.
    var replay: [(number: UInt64, changes: [StoredChange])] = []
    var removals: [ResourceRecord] = []
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
    var replay: [(UInt64, [StoredChange])] = []
    for revision in revisions {
      if revision.number != first.number {
        guard revision.number == number + 1 else { throw .damaged("revision \(number + 1) is missing in \(name)") }
        number = revision.number
        chain = .link(after: chain, revision)
        guard chain == revision.chain else { throw .damaged("revision \(number) in \(name) is altered") }
      }
      try compare(number, chain)
      if number > standing.checkpoint { replay.append((number, try RevisionContent(revision).changes)) }
    }
    content.withLock { content in
      content.runs.append(Run(first: first, last: number, chain: chain))
      content.replay += replay
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
    var proven = Proven(standing: standing, state: CloudState())
    var changes: [String: [UUID: LaterChange]] = [:]
    let replay = content.replay.sorted { $0.number < $1.number }
    proven.removals = try Removals(content.removals, replay)
    for revision in replay {
      for change in revision.changes {
        changes[change.kind, default: [:]][change.id] = LaterChange(revision: revision.number, body: change.body)
      }
    }
    for (kind, loaded) in kinds {
      let later = changes.removeValue(forKey: kind) ?? [:]
      let folded = try loaded.finish(later, checkpoint: standing.checkpoint, name, &proven.state)
      for (id, change) in later {
        proven.unfolded.append(
          Unfolded.Change(
            key: ResourceKey(kind: kind, id: id), folded: folded[id] ?? 0, revision: change.revision,
            body: change.body.map { Array($0) }))
      }
    }
    if let kind = changes.keys.first { throw .damaged("there is no kind called \(kind)") }
    try secrets.check(proven.state, name)
    return proven
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
  /// What the checkpoint lacks.
  var unfolded: [Unfolded.Change] = []
  var removals = Removals()
}

/// The last of the changes to a resource that came after the checkpoint.
struct LaterChange {
  var revision: UInt64
  var body: ArraySlice<UInt8>?
}

private protocol LoadedKind: Sendable {
  func take(_ records: ArraySlice<ResourceRecord>, _ name: String) throws(LedgerError)

  /// Fills the state. Returns which revision the checkpoint holds of each resource that is in `later`.
  func finish(
    _ later: [UUID: LaterChange], checkpoint: UInt64, _ name: String, _ state: inout CloudState
  ) throws(LedgerError) -> [UUID: UInt64]
}

private final class Loaded<R: Resource>: LoadedKind {
  private let rows = Mutex<[Table<R>.Row]>([])
  private let secrets: Secrets

  init(_ secrets: Secrets) { self.secrets = secrets }

  func take(_ records: ArraySlice<ResourceRecord>, _ name: String) throws(LedgerError) {
    var decoded: [Table<R>.Row] = []
    decoded.reserveCapacity(records.count)
    for record in records {
      decoded.append(try row(record.id, record.revision, record.body?[...] ?? [], name))
    }
    rows.withLock { $0 += decoded }
  }

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
    _ later: [UUID: LaterChange], checkpoint: UInt64, _ name: String, _ state: inout CloudState
  ) throws(LedgerError) -> [UUID: UInt64] {
    var current = rows.withLock { rows in
      defer { rows = [] }
      return rows
    }
    var folded: [UUID: UInt64] = [:]
    if let stray = current.first(where: {
      $0.revision > max(checkpoint, later[$0.value.id.uuid]?.revision ?? 0)
    }) {
      throw .damaged("\(R.kind) \(stray.value.id) in \(name) is of revision \(stray.revision), which did not write it")
    }
    if !later.isEmpty {
      current.removeAll { row in
        guard let change = later[row.value.id.uuid] else { return false }
        folded[row.value.id.uuid] = row.revision
        return row.revision < change.revision
      }
      for (id, change) in later where folded[id] ?? 0 < change.revision {
        if let body = change.body { current.append(try row(id, change.revision, body, name)) }
      }
    }
    do {
      try R.fill(&state, with: current)
    } catch {
      throw .damaged("the resources in \(name) contradict each other", underlying: error)
    }
    return folded
  }
}
