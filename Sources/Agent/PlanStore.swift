import Dispatch
import Glibc
import NodePlan
import Synchronization

/// The last accepted plan on disk: a base, and a log of what was accepted since. What was added when `flush` returned survives
/// a loss of power.
package struct PlanStore: Sendable {
  /// The log may always grow to this, however small the base is.
  private static let smallLog = 1 << 20
  private static let objectsPerRecord = 1000

  private let folder: String
  private let basePath: String
  private let logPath: String
  private let smallLog: Int
  private var serial: UInt64 = 0
  private var baseSize = 0
  private var logSize = 0
  private var isLoaded = false
  /// The log cannot or should not continue what is on disk.
  private var needsBase = false
  /// The records, one after the other, of what is not on disk yet.
  private var added: [UInt8] = []
  private var addedCount: UInt64 = 0

  package struct Loaded: Sendable {
    /// nil if there is none that can be used.
    package var plan: Plan?
    /// What was found damaged; the files are kept aside with the suffix `.damaged`.
    package var problem: AgentError?
  }

  /// - Parameter smallLog: bytes that the log may grow to before it is compacted, if the base is not larger.
  package init(folder: String, smallLog: Int = Self.smallLog) {
    basePath = folder + "/plan.base"
    logPath = folder + "/plan.log"
    self.smallLog = smallLog
    self.folder = folder
  }

  package mutating func load() throws(AgentError) -> Loaded {
    try StateFile.makeFolder(folder)
    var loaded = Loaded()
    serial = 0
    baseSize = 0
    logSize = 0
    needsBase = false
    isLoaded = true
    if let bytes = try StateFile.read(basePath) {
      do throws(AgentError) {
        let (plan, serial) = try PlanStore.readBase(bytes)
        loaded.plan = plan
        self.serial = serial
        baseSize = bytes.count
      } catch {
        try setAside(basePath)
        if try StateFile.read(logPath) != nil { try setAside(logPath) }
        loaded.problem = AgentError(
          .damaged, "the stored plan is damaged and was set aside; waiting for the manager's", cause: "\(error)")
        return loaded
      }
    }
    guard let bytes = try StateFile.read(logPath) else { return loaded }
    let contents = RecordFile.decode(bytes)
    var damage = contents.damage
    var plan = loaded.plan ?? Plan()
    var replayed = loaded.plan != nil
    for record in contents.records where record.serial > serial && damage == nil {
      do throws(AgentError) {
        guard record.serial == serial + 1 else { throw AgentError(.damaged, "record \(serial + 1) is missing") }
        plan.apply(try PlanRecord.decode(record.payload, held: plan.held).acceptance)
        serial = record.serial
        replayed = true
      } catch {
        damage = "\(error)"
      }
    }
    logSize = contents.size
    if replayed { loaded.plan = plan }
    if let damage {
      loaded.problem = AgentError(
        .damaged, "the log of the stored plan is damaged and was set aside; what precedes the damage is used",
        cause: damage)
      try setAside(logPath)
      logSize = 0
      needsBase = true
      if let plan = loaded.plan { try writeBase(plan) }
    }
    return loaded
  }

  /// Takes in a change of `plan`, for `flush` to make durable.
  package mutating func add(_ change: PlanAcceptance, of plan: Plan) throws(AgentError) {
    if !isLoaded { throw AgentError(.storage, "the stored plan was not loaded") }
    let count = change.upserts.count + change.renumbered.count + change.removals.count
    needsBase = needsBase || (count > PlanStore.objectsPerRecord && count * 2 > plan.objects.count)
    if needsBase { return }
    let payload = try PlanRecord(acceptance: change, replacesHeld: change.held != plan.held).encode()
    added += RecordFile.encode(.init(serial: serial + addedCount + 1, payload: payload))
    addedCount += 1
  }

  /// Makes what was added durable, with one wait for the disk. `plan` is what it comes to. Throws if it is not durable; then it
  /// is forgotten.
  package mutating func flush(_ plan: Plan) throws(AgentError) {
    defer {
      added = []
      addedCount = 0
    }
    if needsBase {
      try writeBase(plan)
    } else if !added.isEmpty {
      let isNew = logSize == 0
      try StateFile.write(added, to: logPath, at: logSize)
      if isNew { try StateFile.syncFolder(of: logPath) }
      serial += addedCount
      logSize += added.count
      if logSize > max(baseSize, smallLog) {
        // The log says all of it already, so a base that cannot be written now can be written later.
        try? writeBase(plan)
      }
    }
  }

  private mutating func writeBase(_ plan: Plan) throws(AgentError) {
    let next = serial + 1
    let temporary = basePath + ".new"
    var bytes: [UInt8] = []
    var change = PlanAcceptance()
    change.ledger = plan.ledger
    change.epoch = plan.epoch
    change.fence = plan.fence
    change.generation = plan.generation
    for object in plan.objects.values {
      change.upserts.append(object)
      if change.upserts.count == PlanStore.objectsPerRecord {
        let payload = try PlanRecord(acceptance: change, replacesHeld: false).encode()
        bytes += RecordFile.encode(.init(serial: next, payload: payload))
        change.upserts.removeAll(keepingCapacity: true)
      }
    }
    change.held = plan.held
    let payload = try PlanRecord(acceptance: change, replacesHeld: true).encode()
    bytes += RecordFile.encode(.init(serial: next, payload: payload))
    do throws(AgentError) {
      try StateFile.write(bytes, to: temporary, at: 0)
      needsBase = true
      try StateFile.rename(temporary, to: basePath)
    } catch {
      unlink(temporary)
      throw error
    }
    // From here on the base counts; records of the log that it includes are skipped by their number.
    needsBase = false
    serial = next
    baseSize = bytes.count
    logSize = 0
    truncate(logPath, 0)
  }

  private static func readBase(_ bytes: [UInt8]) throws(AgentError) -> (Plan, UInt64) {
    let contents = RecordFile.decode(bytes)
    if let damage = contents.damage { throw AgentError(.damaged, damage) }
    guard contents.size == bytes.count, let last = contents.records.last else {
      throw AgentError(.damaged, "it ends within a record")
    }
    let unread = Result<PlanRecord, AgentError>.failure(AgentError(.damaged, "a record was not read"))
    let decodings = Mutex(Array(repeating: unread, count: contents.records.count))
    DispatchQueue.concurrentPerform(iterations: contents.records.count) { index in
      let decoding = Result { () throws(AgentError) in
        try PlanRecord.decode(contents.records[index].payload, held: [:])
      }
      decodings.withLock { $0[index] = decoding }
    }
    var plan = Plan()
    plan.objects.reserveCapacity(contents.records.count * objectsPerRecord)
    var isComplete = false
    for (record, decoding) in zip(contents.records, decodings.withLock { $0 }) {
      let decoded = try decoding.get()
      if isComplete || record.serial != last.serial { throw AgentError(.damaged, "it has records of another plan") }
      plan.apply(decoded.acceptance)
      isComplete = decoded.replacesHeld
    }
    if !isComplete { throw AgentError(.damaged, "its last record is missing") }
    return (plan, last.serial)
  }

  private func setAside(_ path: String) throws(AgentError) { try StateFile.rename(path, to: path + ".damaged") }
}
