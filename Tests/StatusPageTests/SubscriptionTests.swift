import FoundationEssentials
import Testing

@testable import StatusPage

@Suite struct SubscriptionTests {
  private func subscriptions(_ folder: String, allowed: Set<String> = []) throws -> Subscriptions {
    try Subscriptions(folder: folder, gate: AddressGate(allowed: allowed), sendsMail: true, now: Drill.at(0))
  }

  @Test func `mail goes only to whoever opened the link in the first one`() async throws {
    try await inFolder { folder in
      let all = try subscriptions(folder)
      try all.subscribe(mail: "a@example.jp", language: .ja, source: "1", now: Drill.at(0))
      #expect(all.read { $0.pending.map(\.subject) } == [.confirmation])
      let id = try #require(all.read { $0.subscriptions.keys.first })
      all.change { book in
        _ = book.announce([], now: Drill.at(1))
        return book.announce([.init(subject: "i", update: "u", status: "identified")], now: Drill.at(2))
      }
      #expect(all.waiting == 1)
      #expect(throws: SubscriptionError.self) { try all.confirm(id, signature: all.key.sign(.unsubscribe, id)) }
      try all.confirm(id, signature: all.key.sign(.confirm, id))
      all.change { $0.announce([.init(subject: "i", update: "v", status: "resolved")], now: Drill.at(3)) }
      #expect(all.waiting == 2)
      // Again after a restart.
      let again = try subscriptions(folder)
      #expect(again.count == 1)
      try again.unsubscribe(id, signature: all.key.sign(.unsubscribe, id))
      #expect(again.count == 0)
    }
  }

  @Test func `forged links change nothing`() async throws {
    try await inFolder { folder in
      let all = try subscriptions(folder)
      try all.subscribe(mail: "a@example.jp", language: .ja, source: "1", now: Drill.at(0))
      let id = try #require(all.read { $0.subscriptions.keys.first })
      let other = LinkKey(bytes: Array(repeating: 7, count: 32))
      for signature in [
        "", "0", String(repeating: "0", count: 64), other.sign(.unsubscribe, id), all.key.sign(.confirm, id),
        all.key.sign(.unsubscribe, "x"),
      ] {
        #expect(throws: SubscriptionError.self) { try all.unsubscribe(id, signature: signature) }
      }
      #expect(all.count == 1)
    }
  }

  @Test func `a flood is refused, by source and in all`() async throws {
    try await inFolder { folder in
      let all = try subscriptions(folder)
      for number in 0..<5 {
        try all.subscribe(mail: "a\(number)@example.jp", language: .ja, source: "1", now: Drill.at(0))
      }
      #expect(throws: SubscriptionError.self) {
        try all.subscribe(mail: "b@example.jp", language: .ja, source: "1", now: Drill.at(1))
      }
      var taken = 0
      for number in 0..<1000 {
        do {
          try all.subscribe(mail: "victim@example.jp", language: .ja, source: "s\(number)", now: Drill.at(2))
          taken += 1
        } catch {}
      }
      #expect(taken == 495)
      #expect(all.read { $0.pending.count } == 6, "one mail to one address an hour")
      try all.subscribe(mail: "late@example.jp", language: .ja, source: "1", now: Drill.at(3700))
      #expect(all.count == 7)
      // Those that were never confirmed make room.
      try all.subscribe(mail: "later@example.jp", language: .ja, source: "1", now: Drill.at(100_000))
      #expect(all.count == 1)
    }
  }

  @Test func `one host has few webhooks`() async throws {
    try await inFolder { folder in
      let all = try subscriptions(folder, allowed: ["127.0.0.1"])
      for number in 0..<5 {
        _ = try await all.subscribe(
          webhook: "http://127.0.0.1:8000/\(number)", language: .en, source: "\(number)", now: Drill.at(0))
      }
      await #expect(throws: SubscriptionError.self) {
        _ = try await all.subscribe(webhook: "http://127.0.0.1:8000/6", language: .en, source: "6", now: Drill.at(0))
      }
    }
  }

  @Test func `what was there at first is not announced, what is new is, and a newer one takes its place`() {
    var book = SubscriptionBook()
    book.subscriptions["h"] = Subscription(
      id: "h", way: .webhook("http://a.jp/", secret: ""), language: .en, createdAt: Drill.at(0), isConfirmed: true)
    book.subscriptions["m"] = Subscription(
      id: "m", way: .mail(MailAddress("a@b.jp")!), language: .en, createdAt: Drill.at(0), isConfirmed: true)
    func announce(_ update: String, _ status: String) {
      _ = book.announce([.init(subject: "i", update: update, status: status)], now: Drill.at(1))
    }
    announce("1", "identified")
    #expect(book.pending.isEmpty)
    announce("2", "identified")
    #expect(book.pending.map(\.subscription) == ["h"], "mail only when a status changes")
    announce("3", "resolved")
    #expect(book.pending.map(\.subscription).sorted() == ["h", "m"])
    announce("3", "resolved")
    #expect(book.pending.count == 2)
  }

  @Test func `deliveries are tried again, ever more rarely, and given up after a day`() throws {
    var book = SubscriptionBook()
    book.subscriptions["h"] = Subscription(
      id: "h", way: .webhook("http://a.jp/", secret: ""), language: .en, createdAt: Drill.at(0), isConfirmed: true)
    book.enqueue(.init(subscription: "h", subject: .notice("i"), due: Drill.at(0)))
    var waits: [Double] = []
    var now = Drill.at(0)
    while let delivery = book.pending.first {
      book.failed(delivery, isFinal: false, now: now)
      guard let due = book.pending.first?.due else { break }
      waits.append(Double(due.milliseconds - now.milliseconds) / 1000)
      now = due
    }
    #expect(waits.prefix(6) == [5, 15, 60, 300, 900, 3600])
    #expect((20...40).contains(waits.count))
    #expect(book.subscriptions.isEmpty && book.pending.isEmpty)
  }
}
