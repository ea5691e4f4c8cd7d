package import FoundationEssentials
import Synchronization

/// The newest document that the cloud sent, and when it came; kept, so that a page that starts again shows the last truth at once.
package final class FeedReceiver: Sendable {
  struct Received: Codable, Equatable {
    var sequence: Int64
    var at: Moment
    var document: StatusDocument
  }

  package enum Refusal: Error, Equatable {
    case forged
    /// Seen before, or older than what was.
    case replayed
    /// Signed at a time that is too far from now: a clock is wrong.
    case untimely
    case malformed(String)
  }

  private let state: Mutex<Received?>
  private let verifier: DocumentVerifier
  private let file: DurableFile?
  private let kept = Mutex<Received?>(nil)

  static let skew = 120.0

  package init(verifier: DocumentVerifier, folder: String?, now: Moment) throws(StatusPageError) {
    self.verifier = verifier
    file = folder.map { DurableFile(path: "\($0)/feed.json") }
    state = Mutex(try file?.load(Received.self, now: now))
  }

  package func take(_ body: Data, sequence: Int64, signature: String, now: Moment) throws(Refusal) {
    guard verifier.isValid(signature, body, sequence: sequence) else { throw .forged }
    guard abs(now.seconds(since: Moment(milliseconds: sequence))) <= Self.skew else { throw .untimely }
    var document: StatusDocument
    do { document = try JSONDecoder().decode(StatusDocument.self, from: body).bounded } catch {
      throw .malformed(String("\(error)".prefix(300)))
    }
    // Both clocks may differ a little; the page goes by its own, by which looks grow old too.
    document.shiftLooks(by: now.milliseconds - document.time.milliseconds)
    document.time = now
    let received = Received(sequence: sequence, at: now, document: document)
    let isNew = state.withLock { state in
      if let last = state, last.sequence >= sequence { return false }
      state = received
      return true
    }
    guard isNew else { throw .replayed }
  }

  var newest: Received? { state.withLock { $0 } }

  /// - Throws: when it cannot be kept; what is shown is right nevertheless.
  func save() throws(StatusPageError) {
    guard let file, let newest, newest != kept.withLock({ $0 }) else { return }
    try file.save(newest)
    kept.withLock { $0 = newest }
  }
}
