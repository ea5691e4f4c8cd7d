package import FoundationEssentials

/// What is done to an instance at times.
package struct InstanceSchedule: Resource {
  package static let kind = "vmschedule"
  package static var table: TablePath<InstanceSchedule> { \.instanceSchedules }
  package static let indexes: [Index<InstanceSchedule>] = [
    Index("virtualmachine", of: { $0.virtualMachine }),
    Index("due") { $0.isEnabled && $0.next != nil ? [.number(1)] : [] },
  ]
  package static let references: [Reference<InstanceSchedule>] = [
    Reference("virtualmachine", to: VirtualMachine.self) { [$0.virtualMachine] }
  ]

  package let id: ID<InstanceSchedule>
  package var virtualMachine: ID<VirtualMachine>
  package var action: ScheduledAction
  package var description: String
  /// Minute, hour, day of month, month, day of week.
  package var schedule: String
  /// As in the tz database.
  package var timeZone: String
  package var isEnabled: Bool
  package var start: Date
  package var end: Date?
  /// When it is due next; nil if never again.
  package var next: Date?
  package var created: Date

  package init(
    id: ID<InstanceSchedule>, virtualMachine: ID<VirtualMachine>, action: ScheduledAction, description: String,
    schedule: String, timeZone: String, isEnabled: Bool, start: Date, end: Date? = nil, next: Date? = nil,
    created: Date
  ) {
    self.id = id
    self.virtualMachine = virtualMachine
    self.action = action
    self.description = description
    self.schedule = schedule
    self.timeZone = timeZone
    self.isEnabled = isEnabled
    self.start = start
    self.end = end
    self.next = next
    self.created = created
  }
}

/// Raw values are CloudStack's names.
package enum ScheduledAction: String, Codable, Hashable, Sendable, CaseIterable {
  case start = "START"
  case stop = "STOP"
  case reboot = "REBOOT"
  case forceStop = "FORCE_STOP"
  case forceReboot = "FORCE_REBOOT"
}
