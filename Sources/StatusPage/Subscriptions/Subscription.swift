/// Somebody who wants to be told.
package struct Subscription: Sendable, Hashable, Codable {
  package enum Way: Sendable, Hashable, Codable {
    case mail(MailAddress)
    /// The URL, and the secret that its bodies are signed with.
    case webhook(String, secret: String)
  }

  package var id: String
  package var way: Way
  package var language: Language
  package var createdAt: Moment
  /// Mail is sent only to whoever opened the link in the first one.
  package var isConfirmed: Bool
  /// Since when nothing could be delivered.
  package var failingSince: Moment?

  var isMail: Bool { if case .mail = way { true } else { false } }
}

/// Why somebody was not subscribed or unsubscribed.
package struct SubscriptionError: Error, CustomStringConvertible, Sendable {
  package enum Code: Sendable { case invalid, tooMany, forged, unavailable }
  package var code: Code
  package var description: String

  init(_ code: Code, _ description: String) {
    self.code = code
    self.description = description
  }
}

/// How many times each source may do something within an hour. Bounded itself: a flood from very many sources meets the limit of all.
struct HourlyLimit {
  var each: Int
  var all: Int
  private var times: [String: [Moment]] = [:]
  private var total: [Moment] = []

  init(each: Int, all: Int) {
    self.each = each
    self.all = all
  }

  mutating func admits(_ source: String, now: Moment) -> Bool {
    total.removeAll { now.seconds(since: $0) >= 3600 }
    guard total.count < all else { return false }
    let recent = (times[source] ?? []).filter { now.seconds(since: $0) < 3600 }
    guard recent.count < each else { return false }
    if times.count > all { times = times.filter { $0.value.contains { now.seconds(since: $0) < 3600 } } }
    times[source] = recent + [now]
    total.append(now)
    return true
  }
}
