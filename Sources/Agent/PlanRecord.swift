import NodePlan

/// One accepted change in its stored form: a `PlanUpdate`, and if it changed what is held, all that is held, as a
/// `GuardReport` and a `PlanUpdate` for each name.
struct PlanRecord {
  var acceptance: PlanAcceptance
  /// Without it, what was held before is still held.
  var replacesHeld: Bool

  func encode() throws(AgentError) -> [UInt8] {
    do {
      var update = PlanUpdate()
      update.ledger = acceptance.ledger
      update.epoch = acceptance.epoch
      update.fence = acceptance.fence
      update.generation = acceptance.generation
      update.upserts = acceptance.renumbered + acceptance.upserts
      update.removals = acceptance.removals.map { key in
        var removal = Removal()
        removal.key = key
        return removal
      }
      update.lastPart = replacesHeld
      var bytes: [UInt8] = []
      PlanRecord.append(try update.encoded(), to: &bytes)
      if replacesHeld {
        for (name, keys) in Dictionary(grouping: acceptance.held, by: { $0.value.name }).sorted(by: { $0.key < $1.key })
        {
          var report = GuardReport()
          report.confirmation = name
          report.reason = keys.first?.value.reason ?? ""
          var pending = PlanUpdate()
          for (_, hold) in keys {
            switch hold.pending {
            case .removal(let removal): pending.removals.append(removal)
            case .replacement(let object): pending.upserts.append(object)
            }
          }
          PlanRecord.append(try report.encoded(), to: &bytes)
          PlanRecord.append(try pending.encoded(), to: &bytes)
        }
      }
      if bytes.count > RecordFile.recordLimit { throw AgentError(.storage, "a change of the plan is too large") }
      return bytes
    } catch let error as AgentError {
      throw error
    } catch {
      throw AgentError(.storage, "cannot encode a change of the plan", cause: "\(error)")
    }
  }

  static func decode(_ bytes: [UInt8], held: [String: HeldKey]) throws(AgentError) -> PlanRecord {
    var rest = bytes[...]
    do {
      let update = try PlanUpdate(decoding: next(&rest))
      var acceptance = PlanAcceptance()
      acceptance.ledger = update.ledger
      acceptance.epoch = update.epoch
      acceptance.fence = update.fence
      acceptance.generation = update.generation
      acceptance.upserts = update.upserts
      acceptance.removals = update.removals.map(\.key)
      acceptance.held = update.lastPart ? [:] : held
      while !rest.isEmpty {
        let report = try GuardReport(decoding: next(&rest))
        let pending = try PlanUpdate(decoding: next(&rest))
        func hold(_ pending: HeldKey.Pending) -> HeldKey {
          HeldKey(name: report.confirmation, reason: report.reason, pending: pending)
        }
        for removal in pending.removals { acceptance.held[removal.key] = hold(.removal(removal)) }
        for object in pending.upserts { acceptance.held[object.key] = hold(.replacement(object)) }
      }
      return PlanRecord(acceptance: acceptance, replacesHeld: update.lastPart)
    } catch let error as AgentError {
      throw error
    } catch {
      throw AgentError(.damaged, "a record cannot be decoded", cause: "\(error)")
    }
  }

  private static func append(_ segment: [UInt8], to bytes: inout [UInt8]) {
    RecordFile.append(UInt32(segment.count), to: &bytes)
    bytes += segment
  }

  private static func next(_ rest: inout ArraySlice<UInt8>) throws -> [UInt8] {
    guard rest.count >= 4 else { throw AgentError(.damaged, "a record is too short") }
    let length = rest.prefix(4).reversed().reduce(0) { $0 << 8 | Int($1) }
    rest = rest.dropFirst(4)
    guard rest.count >= length else { throw AgentError(.damaged, "a record is too short") }
    defer { rest = rest.dropFirst(length) }
    return Array(rest.prefix(length))
  }
}
