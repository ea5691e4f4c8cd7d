import FoundationEssentials

/// Minute, hour, day of month, month and day of week at which something is due: all five have to fit.
struct CronSchedule: Hashable, Sendable {
  private let minutes: Set<Int>
  private let hours: Set<Int>
  private let days: Set<Int>
  private let months: Set<Int>
  /// 0 is Sunday.
  private let weekdays: Set<Int>

  /// nil unless `text` has five fields of `*`, numbers, names, ranges, lists and steps.
  init?(_ text: String) {
    let fields = text.split(separator: " ", omittingEmptySubsequences: true)
    guard text.utf8.count <= 255, fields.count == 5,
      let minutes = Self.values(fields[0], 0...59), let hours = Self.values(fields[1], 0...23),
      let days = Self.values(fields[2], 1...31), let months = Self.values(fields[3], 1...12, Self.monthNames),
      let weekdays = Self.values(fields[4], 0...7, Self.weekdayNames)
    else { return nil }
    self.minutes = minutes
    self.hours = hours
    self.days = days
    self.months = months
    self.weekdays = Set(weekdays.map { $0 % 7 })
  }

  private static let monthNames = names(
    ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"], from: 1)
  private static let weekdayNames = names(["sun", "mon", "tue", "wed", "thu", "fri", "sat"], from: 0)

  private static func names(_ names: [String], from first: Int) -> [String: Int] {
    Dictionary(uniqueKeysWithValues: zip(names, first...))
  }

  private static func values(_ field: Substring, _ range: ClosedRange<Int>, _ names: [String: Int] = [:]) -> Set<Int>? {
    func number(_ text: Substring) -> Int? {
      guard let number = names[text.lowercased()] ?? Int(text), range.contains(number) else { return nil }
      return number
    }
    var values: Set<Int> = []
    for part in field.split(separator: ",", omittingEmptySubsequences: false) {
      let halves = part.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
      var step = 1
      if halves.count == 2 {
        guard let wanted = Int(halves[1]), (1...range.upperBound).contains(wanted) else { return nil }
        step = wanted
      }
      let ends = halves[0].split(separator: "-", maxSplits: 1, omittingEmptySubsequences: false)
      if halves[0] == "*" || halves[0] == "?" {
        values.formUnion(stride(from: range.lowerBound, through: range.upperBound, by: step))
      } else if ends.count == 2 {
        guard let first = number(ends[0]), let last = number(ends[1]), first <= last else { return nil }
        values.formUnion(stride(from: first, through: last, by: step))
      } else {
        guard let first = number(halves[0]) else { return nil }
        values.formUnion(stride(from: first, through: halves.count == 2 ? range.upperBound : first, by: step))
      }
    }
    return values
  }

  /// How far ahead to look: 29 February may be eight years away.
  private static let horizon = 366 * 9

  /// The first moment after `moment` that fits, by the clocks of `zone`; nil if there is none. A time that the clocks skip
  /// is skipped, one that they show twice counts once.
  func next(after moment: Date, in zone: TimeZone) -> Date? {
    let now = moment.timeIntervalSince1970
    guard now.isFinite, now.magnitude < 1e11 else { return nil }
    let local = now + Double(zone.secondsFromGMT(for: moment))
    let today = Int((local / 86_400).rounded(.down))
    for day in today..<(today + Self.horizon) {
      let date = Self.civil(day)
      // 1 January 1970 was a Thursday.
      let weekday = ((day + 4) % 7 + 7) % 7
      guard months.contains(date.month), days.contains(date.day), weekdays.contains(weekday) else { continue }
      for hour in hours.sorted() {
        for minute in minutes.sorted() {
          let clock = Double(day * 86_400 + hour * 3_600 + minute * 60)
          if let found = Self.moment(clock, zone), found > moment { return found }
        }
      }
    }
    return nil
  }

  /// When the clocks of `zone` show `clock`, which is counted like seconds since 1970.
  private static func moment(_ clock: Double, _ zone: TimeZone) -> Date? {
    for guess in [clock - 86_400, clock + 86_400] {
      let offset = Double(zone.secondsFromGMT(for: Date(timeIntervalSince1970: guess)))
      let moment = Date(timeIntervalSince1970: clock - offset)
      if Double(zone.secondsFromGMT(for: moment)) == offset { return moment }
    }
    return nil
  }

  /// Month and day of month of a day counted from 1 January 1970 (Howard Hinnant's algorithm).
  private static func civil(_ day: Int) -> (month: Int, day: Int) {
    let shifted = day + 719_468
    let era = (shifted >= 0 ? shifted : shifted - 146_096) / 146_097
    let dayOfEra = shifted - era * 146_097
    let yearOfEra = (dayOfEra - dayOfEra / 1_460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
    let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
    let shiftedMonth = (5 * dayOfYear + 2) / 153
    return (shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9, dayOfYear - (153 * shiftedMonth + 2) / 5 + 1)
  }
}

/// The time zones of the tz database, by name. FoundationEssentials asks FoundationInternationalization for them, which is in
/// every program that has the node plan.
enum ZoneName {
  static func zone(_ name: String) -> TimeZone? {
    guard name.contains("/") || name == "UTC" || name == "GMT", name.utf8.count <= 64 else { return nil }
    return TimeZone(identifier: name)
  }
}
