import CloudModel
import Dispatch
import Synchronization

/// Who waits for the ends of jobs. One clock, which ticks while anybody waits, is for all of them.
final class JobWaits: Sendable {
  /// Who need not wait does not, while so many do.
  static let limit = 10_000
  private static let tick = DispatchTimeInterval.milliseconds(20)

  private struct Wait {
    let number: Int
    let end: ContinuousClock.Instant
    let continuation: CheckedContinuation<Void, Never>
  }

  private struct State {
    var waits: [ID<AsyncJob>: [Wait]] = [:]
    var count = 0
    var isTicking = false

    /// Takes those waits out that are meant.
    mutating func take(_ job: ID<AsyncJob>, where isMeant: (Wait) -> Bool) -> [Wait] {
      guard let all = waits[job] else { return [] }
      let meant = all.filter(isMeant)
      count -= meant.count
      let left = meant.count == all.count ? [] : all.filter { !isMeant($0) }
      waits[job] = left.isEmpty ? nil : left
      return meant
    }
  }

  private let state = Mutex(State())
  private let numbers = Atomic(0)
  private let clock = DispatchQueue(label: "jobs.waits")

  var count: Int { state.withLock { $0.count } }
  var isFull: Bool { count >= Self.limit }

  /// Returns when `wake` is called for the job, when the time is up, or when the task is cancelled.
  ///
  /// - Parameter isEnded: whether the job had ended before its end could be heard of here.
  func wait(for job: ID<AsyncJob>, _ time: Duration, isEnded: () -> Bool) async {
    let number = numbers.wrappingAdd(1, ordering: .relaxed).newValue
    await withTaskCancellationHandler {
      await withCheckedContinuation { continuation in
        let wait = Wait(number: number, end: .now + time, continuation: continuation)
        let begins = state.withLock { state -> Bool in
          state.waits[job, default: []].append(wait)
          state.count += 1
          defer { state.isTicking = true }
          return !state.isTicking
        }
        if begins { tickLater() }
        if isEnded() || Task.isCancelled { wake(job) { $0.number == number } }
      }
    } onCancel: {
      wake(job) { $0.number == number }
    }
  }

  /// The job has ended, or nobody is to wait for it any more.
  func wake(_ job: ID<AsyncJob>) { wake(job) { _ in true } }

  private func wake(_ job: ID<AsyncJob>, where isMeant: (Wait) -> Bool) {
    for wait in state.withLock({ $0.take(job, where: isMeant) }) { wait.continuation.resume() }
  }

  private func tickLater() { clock.asyncAfter(deadline: .now() + Self.tick) { self.look() } }

  private func look() {
    let now = ContinuousClock.now
    let (over, goesOn) = state.withLock { state in
      let over = Array(state.waits.keys).flatMap { state.take($0) { $0.end <= now } }
      state.isTicking = !state.waits.isEmpty
      return (over, state.isTicking)
    }
    for wait in over { wait.continuation.resume() }
    if goesOn { tickLater() }
  }
}
