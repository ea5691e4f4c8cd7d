import CloudModel
import FoundationEssentials
import FoundationInternationalization

/// When snapshots of a policy are due: `MM` of every hour, `MM:HH` of every day, `MM:HH:DD` of every week (1 is Sunday) or
/// month (1 to 28), by the clock of a time zone.
struct SnapshotSchedule {
  private let calendar: Calendar
  private let moment: DateComponents

  init(_ interval: SnapshotInterval, _ text: String, timezone: String) throws(ControlError) {
    guard let zone = TimeZone(identifier: timezone) ?? TimeZone(abbreviation: timezone) else {
      throw ControlError(.invalidParameter, "Unknown timezone \(timezone); use a name such as Europe/Zurich or GMT")
    }
    var calendar = Calendar(identifier: .gregorian)
    calendar.timeZone = zone
    self.calendar = calendar
    let parts = text.split(separator: ":", omittingEmptySubsequences: false).map { part in
      part.count <= 2 && part.allSatisfy { ("0"..."9").contains($0) } ? Int(part) : nil
    }
    let (form, limits): (String, [ClosedRange<Int>]) =
      switch interval {
      case .hourly: ("MM", [0...59])
      case .daily: ("MM:HH", [0...59, 0...23])
      case .weekly: ("MM:HH:DD, with DD from 1 for Sunday to 7", [0...59, 0...23, 1...7])
      case .monthly: ("MM:HH:DD, with DD from 1 to 28", [0...59, 0...23, 1...28])
      }
    guard parts.count == limits.count,
      zip(parts, limits).allSatisfy({ part, limit in part.map(limit.contains) ?? false })
    else {
      throw ControlError(
        .invalidParameter, "Invalid schedule \(text) for interval type \(interval.rawValue); its form is \(form)")
    }
    var moment = DateComponents(minute: parts[0], second: 0)
    if parts.count > 1 { moment.hour = parts[1] }
    if interval == .weekly { moment.weekday = parts[2] }
    if interval == .monthly { moment.day = parts[2] }
    self.moment = moment
  }

  /// The next time after `date`. A time that a change of the clock leaves out comes at the next one that there is.
  func next(after date: Date) -> Date {
    calendar.nextDate(after: date, matching: moment, matchingPolicy: .nextTime) ?? date.addingTimeInterval(86_400)
  }
}
