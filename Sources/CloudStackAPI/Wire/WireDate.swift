import FoundationEssentials

/// Dates as the protocol writes them, always in UTC.
enum WireDate {
  /// `2025-10-30T19:21:39+0000`
  static func text(_ date: Date) -> String {
    let seconds = Int(date.timeIntervalSince1970.rounded(.down))
    let day = seconds.quotientRoundedDown(by: 86400)
    let (year, month, dayOfMonth) = civil(day)
    let rest = seconds - day * 86400
    return String(unsafeUninitializedCapacity: 24) { text in
      var place = 0
      func put(_ number: Int, _ width: Int, _ separator: StaticString = "") {
        var rest = number
        for position in stride(from: place + width - 1, through: place, by: -1) {
          text[position] = UInt8(ascii: "0") + UInt8(rest % 10)
          rest /= 10
        }
        place += width
        separator.withUTF8Buffer { bytes in
          for byte in bytes {
            text[place] = byte
            place += 1
          }
        }
      }
      put(min(max(year, 0), 9999), 4, "-")
      put(month, 2, "-")
      put(dayOfMonth, 2, "T")
      put(rest / 3600, 2, ":")
      put(rest / 60 % 60, 2, ":")
      put(rest % 60, 2, "+0000")
      return place
    }
  }

  /// ISO 8601 with an offset (`Z`, `+00:00`, `+0000`) and perhaps a fraction; `yyyy-MM-dd HH:mm:ss`; or `yyyy-MM-dd`,
  /// which is the day's last second when `endOfDay`. `nil` for anything else.
  static func parse(_ text: String, endOfDay: Bool = false) -> Date? {
    var bytes = Array(text.utf8)[...]
    func number(_ width: Int) -> Int? {
      guard bytes.count >= width else { return nil }
      var value = 0
      for byte in bytes.prefix(width) {
        guard (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) else { return nil }
        value = value * 10 + Int(byte - UInt8(ascii: "0"))
      }
      bytes = bytes.dropFirst(width)
      return value
    }
    func take(_ characters: String) -> UInt8? {
      guard let first = bytes.first, characters.utf8.contains(first) else { return nil }
      bytes = bytes.dropFirst()
      return first
    }
    guard let year = number(4), take("-") != nil, let month = number(2), take("-") != nil, let day = number(2),
      (1...12).contains(month), (1...31).contains(day), civil(days(year, month, day)) == (year, month, day)
    else { return nil }
    let midnight = days(year, month, day) * 86400
    if bytes.isEmpty { return Date(timeIntervalSince1970: Double(midnight + (endOfDay ? 86399 : 0))) }
    guard let separator = take("T ") else { return nil }
    guard let hour = number(2), take(":") != nil, let minute = number(2), take(":") != nil, let second = number(2),
      hour < 24, minute < 60, second < 60
    else { return nil }
    var fraction = 0.0
    if take(".,") != nil {
      var scale = 0.1
      var digits = 0
      while let digit = number(1) {
        fraction += Double(digit) * scale
        scale /= 10
        digits += 1
      }
      guard (1...9).contains(digits) else { return nil }
    }
    var offset = 0
    if let sign = take("Z+-") {
      if sign != UInt8(ascii: "Z") {
        guard let hours = number(2) else { return nil }
        _ = take(":")
        guard let minutes = number(2), hours < 24, minutes < 60 else { return nil }
        offset = (hours * 60 + minutes) * (sign == UInt8(ascii: "-") ? -60 : 60)
      }
    } else if separator == UInt8(ascii: "T") {
      return nil
    }
    guard bytes.isEmpty else { return nil }
    return Date(timeIntervalSince1970: Double(midnight + hour * 3600 + minute * 60 + second - offset) + fraction)
  }

  // Days are counted from 1970-01-01; the year is taken to begin in March, so that the leap day is its last.
  private static func days(_ year: Int, _ month: Int, _ day: Int) -> Int {
    let shifted = month > 2 ? year : year - 1
    let era = shifted.quotientRoundedDown(by: 400)
    let yearOfEra = shifted - era * 400
    let dayOfYear = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1
    return era * 146097 + yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear - 719468
  }

  private static func civil(_ days: Int) -> (year: Int, month: Int, day: Int) {
    let shifted = days + 719468
    let era = shifted.quotientRoundedDown(by: 146097)
    let dayOfEra = shifted - era * 146097
    let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36524 - dayOfEra / 146096) / 365
    let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
    let shiftedMonth = (5 * dayOfYear + 2) / 153
    let month = shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9
    return (yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month, dayOfYear - (153 * shiftedMonth + 2) / 5 + 1)
  }
}

extension Int {
  fileprivate func quotientRoundedDown(by divisor: Int) -> Int {
    let (quotient, remainder) = quotientAndRemainder(dividingBy: divisor)
    return remainder < 0 ? quotient - 1 : quotient
  }
}
