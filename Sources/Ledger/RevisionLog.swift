internal import Dispatch
internal import FoundationEssentials
import Synchronization

/// The latest revisions in memory, and those who wait for the next one. Subscribers come and look; nothing is kept for
/// one of them, so none can hold up the writer.
final class RevisionLog: Sendable {
  private let content: Mutex<Content>
  private let releasing = DispatchQueue(label: "ledger.releasing")

  private struct Content {
    var slots: [Committed<Void>?]
    /// The number of the last revision.
    var head: UInt64
    /// The number of the first revision that may be in `slots`.
    var oldest: UInt64
    var isClosed = false
    var waiters: [UInt64: CheckedContinuation<Void, Never>] = [:]
    var nextWaiter: UInt64 = 0
    /// What left the slots and is to be let go.
    var gone: [Committed<Void>] = []
    var isReleasing = false
  }

  init(head: UInt64, capacity: Int) {
    content = Mutex(Content(slots: Array(repeating: nil, count: capacity), head: head, oldest: head + 1))
  }

  func append(_ steps: [Committed<Void>]) {
    let (waiters, begins) = content.withLock { content in
      let capacity = UInt64(content.slots.count)
      for step in steps {
        content.head = step.revision.number
        let slot = Int(content.head % capacity)
        if let old = content.slots[slot] { content.gone.append(old) }
        content.slots[slot] = step
      }
      if content.head >= capacity { content.oldest = max(content.oldest, content.head - capacity + 1) }
      let begins = !content.isReleasing && content.gone.count >= 64
      if begins { content.isReleasing = true }
      defer { content.waiters = [:] }
      return (Array(content.waiters.values), begins)
    }
    for waiter in waiters { waiter.resume() }
    // Taking a snapshot apart that nobody has any more costs about as much as drafting the next one.
    if begins { releasing.async { self.release() } }
  }

  private func release() {
    let gone = content.withLock { content in
      defer { content.gone = [] }
      content.isReleasing = false
      return content.gone
    }
    withExtendedLifetime(gone) {}
  }

  func close() {
    let waiters = content.withLock { content in
      content.isClosed = true
      defer { content.waiters = [:] }
      return Array(content.waiters.values)
    }
    for waiter in waiters { waiter.resume() }
  }

  enum Position {
    case step(Committed<Void>)
    /// No longer in memory; the oldest that is has this number.
    case gone(oldest: UInt64)
    case upToDate
    case closed
  }

  /// Where a subscriber stands that has seen `number`.
  func position(after number: UInt64) -> Position {
    content.withLock { content in
      guard number < content.head else { return content.isClosed ? .closed : .upToDate }
      guard number + 1 >= content.oldest else { return .gone(oldest: content.oldest) }
      let slot = content.slots[Int((number + 1) % UInt64(content.slots.count))]
      return slot.map(Position.step) ?? .gone(oldest: content.oldest)
    }
  }

  /// Returns once there is a revision after `number`, the ledger is closed or the task is cancelled.
  func wait(after number: UInt64) async {
    let id = content.withLock { content in
      content.nextWaiter += 1
      return content.nextWaiter
    }
    await withTaskCancellationHandler {
      await withCheckedContinuation { continuation in
        let proceeds = content.withLock { content in
          if content.head > number || content.isClosed || Task.isCancelled { return true }
          content.waiters[id] = continuation
          return false
        }
        if proceeds { continuation.resume() }
      }
    } onCancel: {
      content.withLock { $0.waiters.removeValue(forKey: id) }?.resume()
    }
  }
}
