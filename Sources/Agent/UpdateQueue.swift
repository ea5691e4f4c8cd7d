import NodePlan

/// Updates that wait for the agent to be done with earlier ones; who reads the link waits too once there are many.
actor UpdateQueue {
  private static let limit = 256

  private var waiting: [PlanUpdate] = []
  private var isClosed = false
  private var giver: CheckedContinuation<Void, Never>?
  private var taker: CheckedContinuation<Void, Never>?

  /// For one caller at a time.
  func put(_ update: PlanUpdate) async {
    waiting.append(update)
    taker?.resume()
    taker = nil
    if waiting.count >= Self.limit && !isClosed { await withCheckedContinuation { giver = $0 } }
  }

  /// Everything that waits, at least one; nil once the queue is closed and empty. For one caller at a time.
  func takeAll() async -> [PlanUpdate]? {
    while waiting.isEmpty {
      if isClosed { return nil }
      await withCheckedContinuation { taker = $0 }
    }
    defer {
      waiting = []
      giver?.resume()
      giver = nil
    }
    return waiting
  }

  func close() {
    isClosed = true
    taker?.resume()
    taker = nil
    giver?.resume()
    giver = nil
  }
}
