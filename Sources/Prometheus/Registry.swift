package import CoreMetrics
import Synchronization

/// Keeps what the process counts and times, for Prometheus to read. Dimensions become labels.
package final class Registry: MetricsFactory {
  /// The most series of one kind: a label that grows without end fills no memory. Further ones are counted nowhere.
  static let limit = 10_000

  private let counters = Mutex<[Series: Counted]>([:])
  private let timers = Mutex<[Series: Timed]>([:])
  private let gauges = Mutex<[Series: Gauged]>([:])

  package init() {}

  package func makeCounter(label: String, dimensions: [(String, String)]) -> any CounterHandler {
    Self.find(Series(label, dimensions), in: counters, Counted.init)
  }

  package func makeTimer(label: String, dimensions: [(String, String)]) -> any TimerHandler {
    Self.find(Series(label, dimensions), in: timers, Timed.init)
  }

  package func makeMeter(label: String, dimensions: [(String, String)]) -> any MeterHandler {
    Self.find(Series(label, dimensions), in: gauges, Gauged.init)
  }

  package func makeRecorder(
    label: String, dimensions: [(String, String)], aggregate: Bool
  ) -> any RecorderHandler {
    Self.find(Series(label, dimensions), in: gauges, Gauged.init)
  }

  // What was counted stays: a counter that begins anew within a process would be read as a restart.
  package func destroyCounter(_ handler: any CounterHandler) {}
  package func destroyTimer(_ handler: any TimerHandler) {}
  package func destroyRecorder(_ handler: any RecorderHandler) {}
  package func destroyMeter(_ handler: any MeterHandler) {}

  private static func find<Handler: Sendable>(
    _ series: Series, in all: borrowing Mutex<[Series: Handler]>, _ make: () -> Handler
  ) -> Handler {
    all.withLock { all in
      if let known = all[series] { return known }
      let made = make()
      if all.count < limit { all[series] = made }
      return made
    }
  }

  /// Everything in Prometheus' text format 0.0.4.
  package func exposition() -> String {
    var text = ""
    for (name, series) in Self.families(counters.withLock { $0 }) {
      text += "# TYPE \(name)_total counter\n"
      for (one, counter) in series { text += "\(name)_total\(one.labels()) \(counter.value)\n" }
    }
    for (name, series) in Self.families(gauges.withLock { $0 }) {
      text += "# TYPE \(name) gauge\n"
      for (one, gauge) in series { text += "\(name)\(one.labels()) \(Self.number(gauge.value))\n" }
    }
    for (name, series) in Self.families(timers.withLock { $0 }) {
      text += "# TYPE \(name)_seconds histogram\n"
      for (one, timer) in series { text += timer.lines("\(name)_seconds", one) }
    }
    return text
  }

  private static func families<Handler>(
    _ all: [Series: Handler]
  ) -> [(name: String, series: [(Series, Handler)])] {
    Dictionary(grouping: all, by: \.key.name).sorted { $0.key < $1.key }.map { name, series in
      (name, series.sorted { $0.key.labels() < $1.key.labels() }.map { ($0.key, $0.value) })
    }
  }

  static func number(_ value: Double) -> String {
    value == value.rounded() && abs(value) < 1e15 ? String(Int64(value)) : String(value)
  }
}
