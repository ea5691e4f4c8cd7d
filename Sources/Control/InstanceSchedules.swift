package import CloudModel
package import FoundationEssentials
import Ledger
import Logging

package struct NewInstanceSchedule: Sendable {
  package var virtualMachine: ID<VirtualMachine>
  package var action: ScheduledAction
  package var description: String?
  package var schedule: String
  package var timeZone: String
  package var isEnabled = true
  package var start: Date?
  package var end: Date?

  package init(virtualMachine: ID<VirtualMachine>, action: ScheduledAction, schedule: String, timeZone: String) {
    self.virtualMachine = virtualMachine
    self.action = action
    self.schedule = schedule
    self.timeZone = timeZone
  }
}

/// What of a schedule is to be otherwise.
package struct InstanceScheduleUpdate: Sendable {
  package var description: String?
  package var schedule: String?
  package var timeZone: String?
  package var isEnabled: Bool?
  package var start: Date?
  package var end: Date?

  package init() {}
}

extension Control {
  private static let schedulesPerInstance = 20

  package func createVMSchedule(
    _ request: NewInstanceSchedule, by caller: Caller
  ) async throws -> ID<InstanceSchedule> {
    try await transact(cause(caller, "createVMSchedule")) { draft in
      let machine = try Self.machine(request.virtualMachine, caller, draft)
      guard draft.state.instanceSchedules.count("virtualmachine", .id(machine.id)) < Self.schedulesPerInstance else {
        throw ControlError(.resourceLimit, "An instance has at most \(Self.schedulesPerInstance) schedules")
      }
      if let start = request.start, start < draft.now {
        throw ControlError(.invalidParameter, "The start date may not be in the past")
      }
      var schedule = InstanceSchedule(
        id: draft.newID(), virtualMachine: machine.id, action: request.action,
        description: request.description ?? "\(request.action.rawValue) of \(machine.name)", schedule: request.schedule,
        timeZone: request.timeZone, isEnabled: request.isEnabled, start: request.start ?? draft.now, end: request.end,
        created: draft.now)
      try Self.plan(&schedule, draft.now)
      try draft.put(schedule)
      try draft.put(
        Self.event(
          "VM.SCHEDULE.CREATE", "Scheduled \(schedule.action.rawValue) of \(machine.name)", machine.account,
          caller.user,
          draft, resourceType: "VirtualMachine", resource: machine.id.uuid))
      return schedule.id
    }
  }

  package func updateVMSchedule(
    _ id: ID<InstanceSchedule>, _ update: InstanceScheduleUpdate, by caller: Caller
  ) async throws {
    try await transact(cause(caller, "updateVMSchedule")) { draft in
      guard var schedule = draft.get(id) else { throw ControlError(.invalidParameter, "The schedule does not exist") }
      let machine = try Self.machine(schedule.virtualMachine, caller, draft)
      schedule.description = update.description ?? schedule.description
      schedule.schedule = update.schedule ?? schedule.schedule
      schedule.timeZone = update.timeZone ?? schedule.timeZone
      schedule.isEnabled = update.isEnabled ?? schedule.isEnabled
      if let start = update.start {
        guard start >= draft.now else {
          throw ControlError(.invalidParameter, "The start date may not be in the past")
        }
        schedule.start = start
      }
      schedule.end = update.end ?? schedule.end
      try Self.plan(&schedule, draft.now)
      try draft.put(schedule)
      try draft.put(
        Self.event(
          "VM.SCHEDULE.UPDATE", "Changed a schedule of \(machine.name)", machine.account, caller.user, draft,
          resourceType: "VirtualMachine", resource: machine.id.uuid))
    }
  }

  package func deleteVMSchedules(
    _ ids: [ID<InstanceSchedule>], of machine: ID<VirtualMachine>, by caller: Caller
  ) async throws {
    try await transact(cause(caller, "deleteVMSchedule")) { draft in
      let machine = try Self.machine(machine, caller, draft)
      guard !ids.isEmpty else { throw ControlError(.invalidParameter, "Name the schedules by id or ids") }
      for id in ids {
        guard draft.get(id)?.virtualMachine == machine.id else {
          throw ControlError(.invalidParameter, "The instance has no schedule \(id)")
        }
        try draft.remove(id)
      }
      try draft.put(
        Self.event(
          "VM.SCHEDULE.DELETE", "Deleted schedules of \(machine.name)", machine.account, caller.user, draft,
          resourceType: "VirtualMachine", resource: machine.id.uuid))
    }
  }

  /// Checks a schedule and notes when it is due next.
  private static func plan(_ schedule: inout InstanceSchedule, _ now: Date) throws {
    guard let cron = CronSchedule(schedule.schedule) else {
      throw ControlError(
        .invalidParameter,
        "Invalid schedule \(schedule.schedule): give minute, hour, day, month and day of week as cron does")
    }
    guard let zone = ZoneName.zone(schedule.timeZone) else {
      throw ControlError(.invalidParameter, "Invalid time zone \(schedule.timeZone); give one such as Asia/Tokyo")
    }
    if let end = schedule.end, end <= max(now, schedule.start) {
      throw ControlError(.invalidParameter, "The end date must be in the future and after the start date")
    }
    schedule.next = due(schedule, cron, zone, after: now)
  }

  private static func due(
    _ schedule: InstanceSchedule, _ cron: CronSchedule, _ zone: TimeZone, after now: Date
  ) -> Date? {
    // What begins at a full minute is due then.
    let from = max(now, schedule.start.addingTimeInterval(-1))
    guard let next = cron.next(after: from, in: zone), schedule.end.map({ next <= $0 }) ?? true else { return nil }
    return next
  }

  /// Does what schedules say is due. What was missed while no manager ran is done once.
  func runSchedules(_ state: CloudState, _ now: Date) async {
    for schedule in state.instanceSchedules.matching("due", .number(1)) {
      guard let next = schedule.next, next <= now else { continue }
      do {
        try await run(schedule, state)
      } catch {
        // The next look tries again unless the time is noted as passed.
        await skip(schedule.id, (error as? ControlError)?.message ?? "\(error)")
      }
    }
  }

  private func run(_ schedule: InstanceSchedule, _ state: CloudState) async throws {
    guard let machine = state.virtualMachines[schedule.virtualMachine], let caller = Self.caller(for: machine, state)
    else { throw ControlError(.invalidParameter, "nobody can act for the instance") }
    let (command, event) =
      switch schedule.action {
      case .start: ("startVirtualMachine", "VM.SCHEDULE.START")
      case .stop, .forceStop: ("stopVirtualMachine", "VM.SCHEDULE.STOP")
      case .reboot, .forceReboot: ("rebootVirtualMachine", "VM.SCHEDULE.REBOOT")
      }
    _ = try await begin(command, .virtualMachine, by: caller) { draft in
      guard var present = draft.get(schedule.id), let next = present.next, next <= draft.now,
        var machine = draft.get(schedule.virtualMachine)
      else { throw ControlError(.resourceInUse, "the schedule was changed meanwhile") }
      Self.plan(onward: &present, draft.now)
      switch present.action {
      case .start: try Self.powerOn(&machine, draft)
      case .stop, .forceStop:
        guard machine.state != .stopped else { throw Self.wrongState(machine, "stopped") }
        try Self.powerOff(&machine, forced: present.action == .forceStop)
      case .reboot, .forceReboot: try Self.reset(&machine)
      }
      try draft.put(present)
      try draft.put(machine)
      try draft.put(
        Self.event(
          event, "\(present.action.rawValue) of \(machine.name) by its schedule", machine.account, nil, draft,
          resourceType: "VirtualMachine", resource: machine.id.uuid))
      return machine.id.uuid
    }
  }

  private func skip(_ id: ID<InstanceSchedule>, _ reason: String) async {
    do {
      try await transact(Cause(actor: "system/sweep", command: "skipSchedule", job: nil)) { draft in
        guard var schedule = draft.get(id), let next = schedule.next, next <= draft.now else { return }
        Self.plan(onward: &schedule, draft.now)
        try draft.put(schedule)
        guard let machine = draft.get(schedule.virtualMachine) else { return }
        var event = Self.event(
          "VM.SCHEDULE.SKIPPED", "\(schedule.action.rawValue) of \(machine.name) was skipped: \(reason)",
          machine.account, nil, draft, resourceType: "VirtualMachine", resource: machine.id.uuid)
        event.level = "WARN"
        try draft.put(event)
      }
    } catch {
      logger.error("could not skip a schedule", metadata: ["schedule": "\(id)", "error": "\(error)"])
    }
  }

  private static func plan(onward schedule: inout InstanceSchedule, _ now: Date) {
    guard let cron = CronSchedule(schedule.schedule), let zone = ZoneName.zone(schedule.timeZone) else {
      schedule.next = nil
      return
    }
    schedule.next = due(schedule, cron, zone, after: now)
  }

  /// Who acts for an instance when nobody asks: a user of its account, or else of an administrator.
  static func caller(for machine: VirtualMachine, _ state: CloudState) -> Caller? {
    let owner = state.accounts[machine.account].map { [$0] } ?? []
    let administrators = state.accounts.all.filter { $0.type == .rootAdmin }
    return (owner + administrators).compactMap { account in
      state.users.matching("account", .id(account.id)).first.map { Caller(user: $0, account: account) }
    }.first
  }
}
