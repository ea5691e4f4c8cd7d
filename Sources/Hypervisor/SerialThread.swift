import CLibvirt
import Glibc
import Synchronization

/// One thread that does blocking work in order. Callers wait without blocking theirs, and not for longer than they say.
final class SerialThread: Sendable {
  private struct State {
    var jobs: [@Sendable () -> Void] = []
    var isClosed = false
  }

  private let state = Mutex(State())
  /// Counts the jobs that wait, and one for the end.
  private let available: Semaphore

  init() {
    available = Semaphore()
    let body = Unmanaged.passRetained(Body(thread: self))
    var thread = pthread_t()
    let error = pthread_create(
      &thread, nil,
      { argument in
        guard let argument else { return nil }
        Unmanaged<Body>.fromOpaque(argument).takeRetainedValue().thread.loop()
        return nil
      }, body.toOpaque())
    if error == 0 {
      pthread_detach(thread)
    } else {
      body.release()
      state.withLock { $0.isClosed = true }
    }
  }

  private final class Body {
    let thread: SerialThread
    init(thread: SerialThread) { self.thread = thread }
  }

  /// The thread ends after the jobs that wait.
  func close() {
    state.withLock { $0.isClosed = true }
    available.post()
  }

  /// When the time limit passes or the task is cancelled the caller goes on at once; the work itself is not interrupted.
  func run<Result: Sendable>(
    _ name: String, timeLimit: Duration, _ work: @escaping @Sendable () throws -> Result
  ) async throws -> Result {
    let call = Call<Result>()
    let timer = Task {
      try await Task.sleep(for: timeLimit)
      call.finish(.failure(HypervisorError(.timeLimit, "libvirt did not finish '\(name)' in \(timeLimit)")))
    }
    defer { timer.cancel() }
    return try await withTaskCancellationHandler {
      try await withCheckedThrowingContinuation { continuation in
        guard call.begin(continuation) else { return }
        let isQueued = state.withLock { state in
          guard !state.isClosed else { return false }
          state.jobs.append { if call.isWaiting { call.finish(Swift.Result { try work() }) } }
          return true
        }
        if isQueued {
          available.post()
        } else {
          call.finish(.failure(HypervisorError(.timeLimit, "the connection to libvirt is closed")))
        }
      }
    } onCancel: {
      call.finish(.failure(CancellationError()))
    }
  }

  /// For a thread that runs libvirt's client: a write to a libvirtd that died must not end the process by SIGPIPE, and
  /// the process's signals are for other threads.
  static func blockSignals() {
    var all = sigset_t()
    sigfillset(&all)
    pthread_sigmask(SIG_BLOCK, &all, nil)
  }

  private func loop() {
    Self.blockSignals()
    while true {
      available.wait()
      let job = state.withLock { $0.jobs.isEmpty ? nil : $0.jobs.removeFirst() }
      if let job {
        job()
      } else if state.withLock({ $0.isClosed }) {
        return
      }
    }
  }
}

/// One caller's wait; the first result counts.
private final class Call<Value: Sendable>: Sendable {
  private enum State {
    case new
    case waiting(CheckedContinuation<Value, any Error>)
    case finished
    case finishedEarly(any Error)
  }

  private let state = Mutex(State.new)

  var isWaiting: Bool {
    state.withLock { if case .waiting = $0 { true } else { false } }
  }

  func begin(_ continuation: CheckedContinuation<Value, any Error>) -> Bool {
    let early: (any Error)? = state.withLock { state in
      if case .finishedEarly(let error) = state {
        state = .finished
        return error
      }
      state = .waiting(continuation)
      return nil
    }
    if let early { continuation.resume(throwing: early) }
    return early == nil
  }

  func finish(_ result: Result<Value, any Error>) {
    let continuation: CheckedContinuation<Value, any Error>? = state.withLock { state in
      switch state {
      case .new:
        if case .failure(let error) = result { state = .finishedEarly(error) }
        return nil
      case .waiting(let continuation):
        state = .finished
        return continuation
      case .finished, .finishedEarly:
        return nil
      }
    }
    continuation?.resume(with: result)
  }
}

/// @unchecked: a POSIX semaphore is made for use by several threads; its memory lives as long as this object.
private final class Semaphore: @unchecked Sendable {
  private let semaphore = UnsafeMutablePointer<sem_t>.allocate(capacity: 1)

  init() { sem_init(semaphore, 0, 0) }

  deinit {
    sem_destroy(semaphore)
    semaphore.deallocate()
  }

  func post() { sem_post(semaphore) }
  func wait() { while sem_wait(semaphore) != 0, errno == EINTR {} }
}
