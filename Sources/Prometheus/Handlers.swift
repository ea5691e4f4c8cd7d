import CoreMetrics
import Synchronization

/// Only grows.
final class Counted: CounterHandler {
  private let count = Atomic<Int64>(0)
  var value: Int64 { count.load(ordering: .relaxed) }
  func increment(by amount: Int64) { count.add(amount, ordering: .relaxed) }
  func reset() { count.store(0, ordering: .relaxed) }
}

/// What it was last.
final class Gauged: MeterHandler, RecorderHandler {
  private let last = Mutex(0.0)
  var value: Double { last.withLock { $0 } }
  func set(_ value: Int64) { set(Double(value)) }
  func set(_ value: Double) { last.withLock { $0 = value } }
  func record(_ value: Int64) { set(Double(value)) }
  func record(_ value: Double) { set(value) }
  func increment(by amount: Double) { last.withLock { $0 += amount } }
  func decrement(by amount: Double) { last.withLock { $0 -= amount } }
}

/// Durations, counted by how long they were at most.
final class Timed: TimerHandler {
  /// Seconds, as Prometheus' labels and as nanoseconds.
  static let bounds: [(label: String, nanoseconds: Int64)] = [
    ("0.001", 1_000_000), ("0.0025", 2_500_000), ("0.005", 5_000_000), ("0.01", 10_000_000), ("0.025", 25_000_000),
    ("0.05", 50_000_000), ("0.1", 100_000_000), ("0.25", 250_000_000), ("0.5", 500_000_000), ("1", 1_000_000_000),
    ("2.5", 2_500_000_000), ("5", 5_000_000_000), ("10", 10_000_000_000),
  ]

  private struct Measured {
    /// One more than there are bounds: what is longer than all.
    var counts = Array(repeating: 0, count: Timed.bounds.count + 1)
    var nanoseconds = 0.0
  }

  private let measured = Mutex(Measured())

  func recordNanoseconds(_ duration: Int64) {
    let position = Self.bounds.firstIndex { duration <= $0.nanoseconds } ?? Self.bounds.count
    measured.withLock {
      $0.counts[position] += 1
      $0.nanoseconds += Double(duration)
    }
  }

  func preferDisplayUnit(_ unit: TimeUnit) {}

  func lines(_ name: String, _ series: Series) -> String {
    let measured = measured.withLock { $0 }
    var sum = 0
    var text = ""
    for (bound, count) in zip(Self.bounds.map(\.label) + ["+Inf"], measured.counts) {
      sum += count
      text += "\(name)_bucket\(series.labels(("le", bound))) \(sum)\n"
    }
    text += "\(name)_sum\(series.labels()) \(Registry.number(measured.nanoseconds / 1e9))\n"
    return text + "\(name)_count\(series.labels()) \(sum)\n"
  }
}
