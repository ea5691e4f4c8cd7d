/// Who is told, what was told, and what is still to be sent. Pure; kept as one file.
struct SubscriptionBook: Codable, Equatable {
  var subscriptions: [String: Subscription] = [:]
  /// The newest update of each incident and maintenance that was announced, with its status.
  var announced: [String: Announced] = [:]
  var pending: [Delivery] = []
  /// False until the history that was there at first is taken as known.
  var hasBegun = false

  struct Announced: Codable, Equatable {
    var update: String
    var status: String
  }

  struct Delivery: Codable, Equatable {
    enum Subject: Codable, Hashable {
      /// An incident or maintenance, as it will be when it is sent.
      case notice(String)
      case confirmation
    }

    var subscription: String
    var subject: Subject
    var attempts = 0
    var due: Moment
  }

  /// What there is to tell of one incident or maintenance.
  struct Announcement: Equatable {
    var subject: String
    var update: String
    var status: String
  }

  static let limit = 10_000
  static let hooksPerHost = 5
  /// Between attempts, in seconds; the last one repeats for a day.
  static let backoff = [5.0, 15, 60, 300, 900, 3600]
  static let patience = 86_400.0

  /// Queues what is new. Mail goes out when a status changes; webhooks are told of each update, the newest taking the
  /// place of one that is still waiting.
  mutating func announce(_ announcements: [Announcement], now: Moment) -> Bool {
    let wasBegun = hasBegun
    hasBegun = true
    let subjects = Set(announcements.map(\.subject))
    var changed = !wasBegun
    if announced.keys.contains(where: { !subjects.contains($0) }) {
      announced = announced.filter { subjects.contains($0.key) }
      changed = true
    }
    for announcement in announcements {
      let before = announced[announcement.subject]
      guard before?.update != announcement.update else { continue }
      announced[announcement.subject] = Announced(update: announcement.update, status: announcement.status)
      changed = true
      guard wasBegun else { continue }
      let isTurn = before?.status != announcement.status
      for subscription in subscriptions.values where subscription.isConfirmed && (isTurn || !subscription.isMail) {
        enqueue(Delivery(subscription: subscription.id, subject: .notice(announcement.subject), due: now))
      }
    }
    return changed
  }

  mutating func enqueue(_ delivery: Delivery) {
    let same = pending.firstIndex { $0.subscription == delivery.subscription && $0.subject == delivery.subject }
    // One that waits for its next attempt will tell the newest state then.
    if let same {
      pending[same].due = min(pending[same].due, max(delivery.due, pending[same].due))
    } else {
      pending.append(delivery)
    }
  }

  mutating func succeeded(_ delivery: Delivery) {
    subscriptions[delivery.subscription]?.failingSince = nil
    remove(delivery)
  }

  /// Plans the next attempt, or gives up: the delivery at once when that is final, the subscription after a day of failures.
  mutating func failed(_ delivery: Delivery, isFinal: Bool, now: Moment) {
    let since = subscriptions[delivery.subscription]?.failingSince ?? now
    subscriptions[delivery.subscription]?.failingSince = since
    if now.seconds(since: since) >= Self.patience {
      subscriptions[delivery.subscription] = nil
      pending.removeAll { $0.subscription == delivery.subscription }
    } else if isFinal {
      remove(delivery)
    } else if let index = pending.firstIndex(where: { $0.matches(delivery) }) {
      let wait = Self.backoff[min(pending[index].attempts, Self.backoff.count - 1)]
      pending[index].attempts += 1
      pending[index].due = now.advanced(bySeconds: wait)
    }
  }

  private mutating func remove(_ delivery: Delivery) { pending.removeAll { $0.matches(delivery) } }

  mutating func unsubscribe(_ id: String) {
    subscriptions[id] = nil
    pending.removeAll { $0.subscription == id }
  }
}

extension SubscriptionBook.Delivery {
  func matches(_ other: Self) -> Bool { subscription == other.subscription && subject == other.subject }
}
