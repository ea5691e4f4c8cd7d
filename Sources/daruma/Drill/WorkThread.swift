import Foundation

/// An OS thread for a loop that blocks; joined once.
final class WorkThread: Sendable {
  private let name: String
  private let end = DispatchSemaphore(value: 0)

  init(_ name: String) { self.name = name }

  func start(_ body: @escaping @Sendable () -> Void) {
    let end = self.end
    let thread = Thread {
      body()
      end.signal()
    }
    thread.name = name
    thread.start()
  }

  /// Waits for the loop to end; again at once.
  func join() {
    end.wait()
    end.signal()
  }
}
