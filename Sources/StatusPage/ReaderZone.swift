import FoundationEssentials
import FoundationInternationalization

/// The reader's own time zone.
package struct ReaderZone: Sendable, Hashable {
  /// As in the tz database: `Europe/Berlin`.
  package let name: String

  /// None for what is no time zone.
  package init?(_ name: String?) {
    guard let name, name.utf8.count <= 40, Self.known.contains(name) else { return nil }
    self.name = name
  }

  /// Also bounds how many pages are kept rendered.
  private static let known = Set(TimeZone.knownTimeZoneIdentifiers)

  /// Offered on the page; any other can be asked for.
  static let offered = [
    "Asia/Tokyo", "Asia/Seoul", "Asia/Shanghai", "Asia/Singapore", "Asia/Kolkata", "Europe/Berlin", "Europe/London",
    "America/New_York", "America/Chicago", "America/Los_Angeles", "Australia/Sydney",
  ]

  var zone: TimeZone { TimeZone(identifier: name) ?? .gmt }

  /// `GMT+2`; the letters of a zone are known only together with a country.
  func abbreviation(_ moment: Moment) -> String {
    zone.abbreviation(for: Date(timeIntervalSince1970: Double(moment.milliseconds) / 1000)) ?? name
  }
}

/// How times are written for one reader.
struct Times: Sendable {
  var language: Language
  var zone: ReaderZone?

  func inFull(_ moment: Moment) -> String {
    guard let zone, zone.name != "Asia/Tokyo" else { return moment.inFull(language) }
    let own = Clock.fields(moment, zone.zone)
    let jst = Clock.jst.fields(moment)
    let other = own.sameDay(as: jst) ? jst.time : "\(jst.date) \(jst.time)"
    return "\(own.date) \(own.time) \(zone.abbreviation(moment)) (\(other) JST)"
  }

  func ofDay(_ moment: Moment) -> String {
    guard let zone, zone.name != "Asia/Tokyo" else { return moment.ofDay(language) }
    return "\(Clock.fields(moment, zone.zone).time) \(zone.abbreviation(moment)) (\(Clock.jst.fields(moment).time) JST)"
  }
}
