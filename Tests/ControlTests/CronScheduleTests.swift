import Foundation
import Testing

@testable import Control

@Suite struct CronScheduleTests {
  private func moments(_ text: String, _ zone: String, after start: String, _ count: Int) throws -> [String] {
    let schedule = try #require(CronSchedule(text), "\(text)")
    let zone = try #require(ZoneName.zone(zone))
    let format = ISO8601DateFormatter()
    var moment = try #require(format.date(from: start))
    var found: [String] = []
    while found.count < count, let next = schedule.next(after: moment, in: zone) {
      found.append(format.string(from: next))
      moment = next
    }
    return found
  }

  @Test(arguments: [
    ("*/30 * * * *", "UTC", ["2027-01-01T00:30:00Z", "2027-01-01T01:00:00Z"]),
    ("15 3 * * *", "Asia/Tokyo", ["2027-01-01T18:15:00Z", "2027-01-02T18:15:00Z"]),
    ("0 0 29 feb ?", "UTC", ["2028-02-29T00:00:00Z", "2032-02-29T00:00:00Z"]),
    ("0 12 * * sun", "UTC", ["2027-01-03T12:00:00Z", "2027-01-10T12:00:00Z"]),
    ("0 12 * * 7", "UTC", ["2027-01-03T12:00:00Z", "2027-01-10T12:00:00Z"]),
    ("0 0 1,15 1-2 *", "UTC", ["2027-01-15T00:00:00Z", "2027-02-01T00:00:00Z"]),
    // Both have to fit.
    ("0 0 13 * fri", "UTC", ["2027-08-13T00:00:00Z", "2028-10-13T00:00:00Z"]),
    ("0 0 31 2 *", "UTC", []),
  ])
  func `what is due when`(text: String, zone: String, expected: [String]) throws {
    #expect(try moments(text, zone, after: "2027-01-01T00:00:00Z", 2) == expected)
  }

  @Test func `a time that clocks skip is skipped, one that they show twice counts once`() throws {
    #expect(
      try moments("30 2 * * *", "Europe/Berlin", after: "2027-03-27T12:00:00Z", 1) == ["2027-03-29T00:30:00Z"])
    #expect(
      try moments("30 2 * * *", "Europe/Berlin", after: "2027-10-30T12:00:00Z", 2)
        == ["2027-10-31T00:30:00Z", "2027-11-01T01:30:00Z"])
  }

  @Test(arguments: [
    "", "* * * *", "* * * * * *", "60 * * * *", "* 24 * * *", "* * 0 * *", "* * * 13 *", "* * * * 8", "5-1 * * * *",
    "*/0 * * * *", "a * * * *", "1,,2 * * * *", "-1 * * * *", "1/ * * * *", "* * * foo *",
  ])
  func `what is no schedule is refused`(text: String) {
    #expect(CronSchedule(text) == nil)
  }
}
