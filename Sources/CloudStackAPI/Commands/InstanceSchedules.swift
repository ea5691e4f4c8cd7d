import CloudModel
import Control

extension Commands {
  static let instanceSchedules = [
    Command(
      "createVMSchedule", "Has something done to an instance at times",
      [
        .string("action", "START, STOP, REBOOT, FORCE_STOP or FORCE_REBOOT", required: true),
        .string("description", "what it is for"),
        .boolean("enabled", "whether it is followed; true by default"),
        .date("enddate", "until when it is followed"),
        .string("schedule", "minute, hour, day of month, month and day of week, as cron has them", required: true),
        .date("startdate", "from when it is followed; now by default"),
        .string("timezone", "the time zone, such as Asia/Tokyo", required: true),
        instance,
      ], response: .instanceSchedule
    ) { request in
      var schedule = NewInstanceSchedule(
        virtualMachine: try request.id("virtualmachineid"), action: try action(request.string("action")),
        schedule: try request.string("schedule"), timeZone: try request.string("timezone"))
      schedule.description = request.arguments.string("description").flatMap { $0.isEmpty ? nil : $0 }
      schedule.isEnabled = request.arguments.boolean("enabled") ?? true
      schedule.start = request.arguments.date("startdate")
      schedule.end = request.arguments.date("enddate")
      let id = try await request.control.createVMSchedule(schedule, by: request.caller)
      return try request.created(id, "vmschedule") { request.latest.fields(of: $0) }
    },
    Command(
      "updateVMSchedule", "Changes when something is done to an instance",
      [
        .string("description", "what it is for"),
        .boolean("enabled", "whether it is followed"),
        .date("enddate", "until when it is followed"),
        .id("id", .instanceSchedule, "the schedule's id", required: true),
        .string("schedule", "minute, hour, day of month, month and day of week, as cron has them"),
        .date("startdate", "from when it is followed"),
        .string("timezone", "the time zone, such as Asia/Tokyo"),
      ], response: .instanceSchedule
    ) { request in
      let arguments = request.arguments
      var update = InstanceScheduleUpdate()
      update.description = arguments.string("description")
      update.isEnabled = arguments.boolean("enabled")
      update.schedule = arguments.string("schedule").flatMap { $0.isEmpty ? nil : $0 }
      update.timeZone = arguments.string("timezone").flatMap { $0.isEmpty ? nil : $0 }
      update.start = arguments.date("startdate")
      update.end = arguments.date("enddate")
      let id: ID<InstanceSchedule> = try request.id("id")
      try await request.control.updateVMSchedule(id, update, by: request.caller)
      return try request.created(id, "vmschedule") { request.latest.fields(of: $0) }
    },
    Command(
      "deleteVMSchedule", "Deletes schedules of an instance",
      [
        .id("id", .instanceSchedule, "the schedule's id"),
        .ids("ids", .instanceSchedule, "the schedules' ids"),
        instance,
      ], response: .success
    ) { request in
      let one = request.arguments.id("id", InstanceSchedule.self).map { [$0] } ?? []
      try await request.control.deleteVMSchedules(
        one + (request.arguments.ids("ids") ?? []), of: request.id("virtualmachineid"), by: request.caller)
      return .success()
    },
    Command(
      "listVMSchedule", "Lists the schedules of an instance",
      [
        .string("action", "such as START"),
        .boolean("enabled", "whether it is followed"),
        .id("id", .instanceSchedule, "the schedule's id"),
        instance,
      ] + Parameter.paging, response: .instanceSchedule
    ) { request in
      let machine: ID<VirtualMachine> = try request.id("virtualmachineid")
      let rows = request.state.instanceSchedules.matching("virtualmachine", .id(machine)).filter {
        request.matches("id", $0.id) && request.matches("action", $0.action.rawValue)
          && request.matches("enabled", $0.isEnabled)
      }
      return try request.page("vmschedule", rows.oldestFirst(\.created)) {
        [$0.description]
      } fields: {
        request.view.fields(of: $0)
      }
    },
  ]

  private static let instance = Parameter.id("virtualmachineid", .virtualMachine, "the instance's id", required: true)

  private static func action(_ text: String) throws(APIError) -> ScheduledAction {
    guard let action = ScheduledAction(rawValue: text.uppercased()) else {
      throw .invalid("action", text, "it is one of \(ScheduledAction.allCases.map(\.rawValue).joined(separator: ", "))")
    }
    return action
  }
}
