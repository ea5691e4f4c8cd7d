import FoundationEssentials
package import Logging

/// Sends what is announced to who wants to be told, again and again until it arrives. At least once: after a crash the last second's
/// deliveries may be repeated.
package struct Notifier: Sendable {
  let board: StatusBoard
  let subscriptions: Subscriptions
  let mail: MailSettings?
  let url: String
  let trust: TrustRoots
  let logger: Logger

  package init(
    board: StatusBoard, subscriptions: Subscriptions, mail: MailSettings?, url: String,
    trust: TrustRoots = TrustRoots(), logger: Logger
  ) {
    self.board = board
    self.subscriptions = subscriptions
    self.mail = mail
    self.url = url
    self.trust = trust
    self.logger = logger
  }

  static let atOnce = 16
  static let interval = Duration.milliseconds(200)

  package func run() async throws {
    var lastSave = ContinuousClock.now
    while !Task.isCancelled {
      let now = Moment(Date())
      let announcements = board.announcements()
      subscriptions.change { $0.announce(announcements, now: now) }
      let due = subscriptions.read { book in book.pending.lazy.filter { $0.due <= now }.prefix(Self.atOnce).map(\.self)
      }
      await withTaskGroup(of: Void.self) { group in
        for delivery in due { group.addTask { await attempt(delivery) } }
      }
      if ContinuousClock.now - lastSave > .seconds(1) {
        lastSave = .now
        do throws(StatusPageError) { try subscriptions.save() } catch {
          logger.error("subscriptions cannot be kept", metadata: ["error": "\(error)"])
        }
      }
      if due.count < Self.atOnce { try await Task.sleep(for: Self.interval) }
    }
  }

  private func attempt(_ delivery: SubscriptionBook.Delivery) async {
    guard let subscription = subscriptions.read({ $0.subscriptions[delivery.subscription] }) else {
      subscriptions.change { book in
        book.unsubscribe(delivery.subscription)
        return true
      }
      return
    }
    do {
      try await send(delivery, to: subscription)
      subscriptions.change { book in
        book.succeeded(delivery)
        return true
      }
    } catch {
      let isFinal = (error as? SMTPError)?.isFinal ?? false
      logger.info(
        "a notice was not taken",
        metadata: ["subscription": "\(subscription.id)", "attempt": "\(delivery.attempts + 1)", "error": "\(error)"])
      subscriptions.change { book in
        book.failed(delivery, isFinal: isFinal, now: Moment(Date()))
        return true
      }
    }
  }

  private func send(_ delivery: SubscriptionBook.Delivery, to subscription: Subscription) async throws {
    let unsubscribe = link(.unsubscribe, subscription.id)
    switch (subscription.way, delivery.subject) {
    case (.webhook(let text, let secret), .notice(let subject)):
      guard let address = WebAddress(text),
        let body = board.webhookBody(subject, subscription.language, unsubscribe: unsubscribe)
      else { return }
      let signature = WebhookSignature.make(body, secret: secret, at: Moment(Date()))
      let status = try await WebRequest(
        address: address,
        headers: [
          ("Content-Type", "application/json; charset=utf-8"), (WebhookSignature.header, signature),
          ("X-Daruma-Subscription", subscription.id),
        ], body: body, gate: subscriptions.gate, trust: trust
      ).send()
      guard (200..<300).contains(status) else { throw NetworkError("\(address.host) answered \(status)") }
    case (.mail(let address), .notice(let subject)):
      guard let text = board.mail(subject, subscription.language, unsubscribe: unsubscribe) else { return }
      try await send(text, to: address, unsubscribe: unsubscribe)
    case (.mail(let address), .confirmation):
      let link = link(.confirm, subscription.id)
      try await send(board.confirmation(subscription.language, link: link), to: address, unsubscribe: nil)
    case (.webhook, .confirmation): return
    }
  }

  private func send(
    _ text: (subject: String, body: String), to address: MailAddress, unsubscribe: String?
  ) async throws {
    guard let mail else { throw NetworkError("no way for mail is set up") }
    try await mail.route.send(
      MailMessage(
        from: mail.from, fromName: mail.name, to: address, subject: text.subject, body: text.body,
        date: Moment(Date()), id: StatusBoard.randomID() + StatusBoard.randomID(), unsubscribe: unsubscribe))
  }

  private func link(_ purpose: LinkKey.Purpose, _ id: String) -> String {
    "\(url)/status/\(purpose.rawValue)?id=\(id)&sig=\(subscriptions.key.sign(purpose, id))"
  }
}

package struct MailSettings: Sendable {
  package var from: MailAddress
  package var name: String
  package var route: MailRoute

  package init(from: MailAddress, name: String, route: MailRoute) {
    self.from = from
    self.name = name
    self.route = route
  }
}
