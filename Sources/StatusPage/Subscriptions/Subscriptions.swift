import FoundationEssentials
import Synchronization

/// The subscriptions, kept in a file that only the page's own user can read.
package final class Subscriptions: Sendable {
  private struct State {
    var book: SubscriptionBook
    var asked = HourlyLimit(each: 5, all: 500)
    /// Of mails to one address that did not ask for anything yet.
    var mailed = HourlyLimit(each: 1, all: 500)
    var isDirty = false
  }

  private let state: Mutex<State>
  private let file: DurableFile
  let key: LinkKey
  let gate: AddressGate
  let sendsMail: Bool

  /// - Parameter folder: where `subscriptions.json` and `links.key` are.
  package init(folder: String, gate: AddressGate, sendsMail: Bool, now: Moment) throws(StatusPageError) {
    file = DurableFile(path: "\(folder)/subscriptions.json", mode: 0o600)
    key = try LinkKey(path: "\(folder)/links.key")
    self.gate = gate
    self.sendsMail = sendsMail
    state = Mutex(State(book: try file.load(SubscriptionBook.self, now: now) ?? SubscriptionBook()))
  }

  /// Has a mail sent with a link that begins the subscription. Says nothing about whether the address is known already.
  package func subscribe(
    mail text: String, language: Language, source: String, now: Moment
  ) throws(SubscriptionError) {
    guard sendsMail else { throw SubscriptionError(.unavailable, "this page sends no mail; follow a feed instead") }
    guard let address = MailAddress(text) else { throw SubscriptionError(.invalid, "that is no mail address") }
    let outcome: SubscriptionError? = state.withLock { state in
      if let refusal = Self.refusal(&state, source, now: now) { return refusal }
      let known = state.book.subscriptions.values.first {
        if case .mail(let other) = $0.way { other.key == address.key } else { false }
      }
      guard known?.isConfirmed != true, state.mailed.admits(address.key, now: now) else { return nil }
      let id = known?.id ?? StatusBoard.randomID() + StatusBoard.randomID()
      state.book.subscriptions[id] = Subscription(
        id: id, way: .mail(address), language: language, createdAt: now, isConfirmed: false)
      state.book.enqueue(SubscriptionBook.Delivery(subscription: id, subject: .confirmation, due: now))
      state.isDirty = true
      return nil
    }
    if let outcome { throw outcome }
    try keep()
  }

  /// - Returns: the id and the secret that the bodies are signed with, which is not shown again.
  package func subscribe(
    webhook text: String, language: Language, source: String, now: Moment
  ) async throws(SubscriptionError) -> (id: String, secret: String) {
    guard let address = WebAddress(text) else {
      throw SubscriptionError(
        .invalid, "give an http or https URL without user name, at port 80, 443 or 1024 and above")
    }
    // Every delivery checks it anew, by what the name means then.
    do throws(NetworkError) {
      let addresses = try await Resolver.addresses(address.host, address.port)
      guard addresses.allSatisfy(gate.admits) else {
        throw NetworkError("\(address.host) does not lead to a public address")
      }
    } catch { throw SubscriptionError(.invalid, error.description) }
    let id = StatusBoard.randomID() + StatusBoard.randomID()
    let secret = LinkKey.hex((0..<32).map { _ in UInt8.random(in: 0...255) })
    let outcome: SubscriptionError? = state.withLock { state in
      if let refusal = Self.refusal(&state, source, now: now) { return refusal }
      let hosts = state.book.subscriptions.values.filter {
        if case .webhook(let url, _) = $0.way { WebAddress(url)?.host == address.host } else { false }
      }
      guard hosts.count < SubscriptionBook.hooksPerHost else {
        return SubscriptionError(.tooMany, "\(address.host) has \(hosts.count) webhooks already; end one first")
      }
      state.book.subscriptions[id] = Subscription(
        id: id, way: .webhook("\(address)", secret: secret), language: language, createdAt: now, isConfirmed: true)
      state.isDirty = true
      return nil
    }
    if let outcome { throw outcome }
    try keep()
    return (id, secret)
  }

  private static func refusal(_ state: inout State, _ source: String, now: Moment) -> SubscriptionError? {
    // Those that were never confirmed make room.
    let stale = state.book.subscriptions.values.filter { !$0.isConfirmed && now.seconds(since: $0.createdAt) > 86_400 }
    for subscription in stale { state.book.unsubscribe(subscription.id) }
    guard state.book.subscriptions.count < SubscriptionBook.limit else {
      return SubscriptionError(.tooMany, "this page has as many subscriptions as it can bear; follow a feed instead")
    }
    guard state.asked.admits(source, now: now) else {
      return SubscriptionError(.tooMany, "too many subscriptions within an hour; try again later")
    }
    return nil
  }

  package func confirm(_ id: String, signature: String) throws(SubscriptionError) {
    guard key.isValid(signature, .confirm, id) else { throw SubscriptionError(.forged, "this link is not one of ours") }
    state.withLock { state in
      state.book.subscriptions[id]?.isConfirmed = true
      state.isDirty = true
    }
    try keep()
  }

  package func unsubscribe(_ id: String, signature: String) throws(SubscriptionError) {
    guard key.isValid(signature, .unsubscribe, id) else {
      throw SubscriptionError(.forged, "this link is not one of ours")
    }
    state.withLock { state in
      state.book.unsubscribe(id)
      state.isDirty = true
    }
    try keep()
  }

  private func keep() throws(SubscriptionError) {
    do throws(StatusPageError) { try save() } catch { throw SubscriptionError(.unavailable, "\(error)") }
  }

  /// Writes what changed, if anything did.
  func save() throws(StatusPageError) {
    guard
      let book = state.withLock({ state -> SubscriptionBook? in
        guard state.isDirty else { return nil }
        state.isDirty = false
        return state.book
      })
    else { return }
    do throws(StatusPageError) { try file.save(book) } catch {
      state.withLock { $0.isDirty = true }
      throw error
    }
  }

  func change(_ body: (inout SubscriptionBook) -> Bool) {
    state.withLock { state in if body(&state.book) { state.isDirty = true } }
  }

  func read<Answer>(_ body: (SubscriptionBook) -> Answer) -> Answer { state.withLock { body($0.book) } }

  package var count: Int { read { $0.subscriptions.count } }
  package var waiting: Int { read { $0.pending.count } }
}
