import CoreMetrics
import Testing

@testable import Prometheus

@Suite struct RegistryTests {
  @Test func `counters, gauges and durations are told in Prometheus' text form`() {
    let registry = Registry()
    registry.makeCounter(label: "daruma_api_requests", dimensions: [("command", "listZones")]).increment(by: 2)
    registry.makeCounter(label: "daruma_api_requests", dimensions: [("command", "listZones")]).increment(by: 1)
    registry.makeMeter(label: "daruma.nodes", dimensions: []).set(Int64(3))
    let timer = registry.makeTimer(label: "daruma_api_request_duration", dimensions: [])
    timer.recordNanoseconds(2_000_000)
    timer.recordNanoseconds(20_000_000_000)
    let lines = registry.exposition().split(separator: "\n").map(String.init)
    #expect(lines.first == "# TYPE daruma_api_requests_total counter")
    #expect(lines.contains(#"daruma_api_requests_total{command="listZones"} 3"#))
    #expect(lines.contains("daruma_nodes 3"))
    #expect(lines.contains(#"daruma_api_request_duration_seconds_bucket{le="0.001"} 0"#))
    #expect(lines.contains(#"daruma_api_request_duration_seconds_bucket{le="0.0025"} 1"#))
    #expect(lines.contains(#"daruma_api_request_duration_seconds_bucket{le="+Inf"} 2"#))
    #expect(lines.contains("daruma_api_request_duration_seconds_count 2"))
    #expect(lines.contains("daruma_api_request_duration_seconds_sum 20.002"))
  }

  @Test func `what labels hold cannot break out of its line`() {
    let registry = Registry()
    registry.makeCounter(label: "9 lives{}", dimensions: [("a-b", "x\"} 1\nfoo \\")]).increment(by: 1)
    let lines = registry.exposition().split(separator: "\n")
    #expect(lines.count == 2)
    #expect(lines[1] == #"_9_lives___total{a_b="x\"} 1\nfoo \\"} 1"#)
  }

  @Test func `a label that grows without end fills no memory`() {
    let registry = Registry()
    for number in 0..<Registry.limit + 100 {
      registry.makeCounter(label: "c", dimensions: [("n", "\(number)")]).increment(by: 1)
    }
    #expect(registry.exposition().split(separator: "\n").count == Registry.limit + 1)
  }
}
