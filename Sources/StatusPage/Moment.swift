package import FoundationEssentials

/// A point in time in whole milliseconds since 1970, so that it survives being stored unchanged.
package struct Moment: Sendable, Hashable, Comparable, Codable {
  package var milliseconds: Int64

  package init(milliseconds: Int64) { self.milliseconds = milliseconds }

  package init(_ date: Date) {
    let value = (date.timeIntervalSince1970 * 1000).rounded()
    milliseconds = abs(value) < 8e15 ? Int64(value) : 0
  }

  package init(from decoder: any Decoder) throws {
    milliseconds = try decoder.singleValueContainer().decode(Int64.self)
  }

  package func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    try container.encode(milliseconds)
  }

  package static func < (a: Moment, b: Moment) -> Bool { a.milliseconds < b.milliseconds }

  func seconds(since earlier: Moment) -> Double { Double(milliseconds &- earlier.milliseconds) / 1000 }

  func advanced(bySeconds seconds: Double) -> Moment {
    Moment(milliseconds: milliseconds &+ Int64(min(max(seconds, -1e9), 1e9) * 1000))
  }
}

/// The two clocks every time is given in.
enum Clock {
  case utc, jst

  var name: String { self == .utc ? "UTC" : "JST" }
  private var zone: TimeZone { TimeZone(secondsFromGMT: self == .utc ? 0 : 9 * 3600) ?? .gmt }

  func fields(_ moment: Moment) -> CivilTime { Self.fields(moment, zone) }

  static func fields(_ moment: Moment, _ zone: TimeZone) -> CivilTime {
    var calendar = Calendar(identifier: .gregorian)
    calendar.timeZone = zone
    let date = Date(timeIntervalSince1970: Double(moment.milliseconds) / 1000)
    let parts = calendar.dateComponents([.year, .month, .day, .hour, .minute, .second], from: date)
    let rest = moment.milliseconds % 1000
    return CivilTime(
      year: parts.year ?? 0, month: parts.month ?? 0, day: parts.day ?? 0, hour: parts.hour ?? 0,
      minute: parts.minute ?? 0, second: parts.second ?? 0, millisecond: Int(rest < 0 ? rest + 1000 : rest))
  }
}

struct CivilTime: Equatable {
  var year, month, day, hour, minute, second, millisecond: Int

  var date: String { "\(padded(year, 4))-\(padded(month))-\(padded(day))" }
  var japaneseDate: String { "\(year)年\(month)月\(day)日" }
  var minutes: String { "\(padded(hour)):\(padded(minute))" }
  var time: String { "\(minutes):\(padded(second))" }
  /// `7/9 12:30`, as notices stamp their updates.
  var stamp: String { "\(month)/\(day) \(minutes)" }

  func sameDay(as other: CivilTime) -> Bool { (year, month, day) == (other.year, other.month, other.day) }

  private func padded(_ value: Int, _ width: Int = 2) -> String {
    let digits = String(value)
    return String(repeating: "0", count: max(0, width - digits.count)) + digits
  }
}

extension Moment {
  /// `2018-07-09T03:30:00.000Z`
  var iso: String {
    let fields = Clock.utc.fields(self)
    let fraction = String(fields.millisecond + 1000).dropFirst()
    return "\(fields.date)T\(fields.time).\(fraction)Z"
  }

  /// `Sun, 08 Jul 2018 05:00:00 +0000`, as RSS and mail want it.
  var mailDate: String {
    let fields = Clock.utc.fields(self)
    let days = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"]
    let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
    let (day, rest) = milliseconds.quotientAndRemainder(dividingBy: 86_400_000)
    let weekday = days[Int(((rest < 0 ? day - 1 : day) % 7 + 7) % 7)]
    let two = String(fields.day + 100).dropFirst()
    return "\(weekday), \(two) \(months[max(0, min(11, fields.month - 1))]) \(fields.year) \(fields.time) +0000"
  }

  /// Date and time in both clocks; the reader's own comes first.
  func inFull(_ language: Language) -> String {
    let utc = Clock.utc.fields(self)
    let jst = Clock.jst.fields(self)
    switch language {
    case .ja:
      let other = utc.sameDay(as: jst) ? utc.time : "\(utc.month)/\(utc.day) \(utc.time)"
      return "\(jst.japaneseDate) \(jst.time) JST (\(other) UTC)"
    case .en:
      let other = utc.sameDay(as: jst) ? jst.time : "\(jst.date) \(jst.time)"
      return "\(utc.date) \(utc.time) UTC (\(other) JST)"
    }
  }

  var inBoth: Wording { Wording(ja: inFull(.ja), en: inFull(.en)) }
  var ofDayInBoth: Wording { Wording(ja: ofDay(.ja), en: ofDay(.en)) }
  /// The time of day in the reader's own clock only.
  var ofDayInOne: Wording { Wording(ja: Clock.jst.fields(self).time, en: Clock.utc.fields(self).time) }

  /// The time of day in both clocks.
  func ofDay(_ language: Language) -> String {
    let utc = Clock.utc.fields(self).time
    let jst = Clock.jst.fields(self).time
    return language == .ja ? "\(jst) JST (\(utc) UTC)" : "\(utc) UTC (\(jst) JST)"
  }
}
