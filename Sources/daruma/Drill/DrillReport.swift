import Foundation

/// What a drill found.
struct DrillReport: Sendable {
  let rules: (staticNAT: Int, loadBalancer: Int, member: Int)
  let lossAt: Int64
  let recovery: RecoveryWatch.Recovery
  let reachableAt: Int64
  let probes: Prober.Results

  var isRestored: Bool { recovery.isVerified && probes.isEveryAnswered && probes.wrong == 0 && reachableAt > 0 }

  func seconds(_ time: Int64) -> Double? { time >= lossAt ? Double(time - lossAt) / 1e9 : nil }

  /// Sent and lost after the loss; the last moments are left out, their answers may be on the way.
  var lost: (sent: Int, lost: Int) {
    let end = (probes.probes.last?.sentAt ?? 0) - 30_000_000
    let counted = probes.probes.filter { $0.sentAt <= end }
    return (counted.count, counted.filter { $0.answeredAt == 0 }.count)
  }

  var summary: String {
    let lost = self.lost
    func text(_ time: Int64) -> String { seconds(time).map { String(format: "%.3f s", $0) } ?? "not seen" }
    return """

      reachable from the public side (each column \(Self.column / 1_000_000) ms; the loss is at |)
        load balancer  \(picture(.loadBalancer))
        static NAT     \(picture(.staticNAT))

      rules      \(rules.staticNAT) static NATs, \(rules.loadBalancer) load balancers, \(rules.member) members
      detected   \(text(recovery.detectedAt)) after the loss
      applied    \(text(recovery.appliedAt))
      verified   \(recovery.isVerified ? text(recovery.verifiedAt) : "NOT VERIFIED")
      reachable  \(text(reachableAt)) (\(probes.targets.count) addresses probed, \(lost.sent) datagrams, \(lost.lost) lost, \(probes.wrong) wrong)

      ALTUS 2018: 32:03:00, here: \(clock)
      """
  }

  /// Hours, minutes and seconds until everything was verified and reachable.
  var clock: String {
    guard isRestored else { return "not restored" }
    let seconds = Double(max(recovery.verifiedAt, reachableAt) - lossAt) / 1e9
    return String(
      format: "%02d:%02d:%06.3f", Int(seconds) / 3600, Int(seconds) / 60 % 60,
      seconds.truncatingRemainder(dividingBy: 60))
  }

  /// Seconds since the loss, and the share of the datagrams sent in the 10 ms from then on that were answered.
  func reachability(of service: DrillStage.Target.Service) -> [(seconds: Double, share: Double)] {
    let end = (probes.probes.last?.sentAt ?? 0) - 30_000_000
    var columns: [Int64: (sent: Int, answered: Int)] = [:]
    for probe in probes.probes where probe.service == service && probe.sentAt <= end {
      let column = Int64((Double(probe.sentAt - lossAt) / Double(Self.column)).rounded(.down))
      if column < -10 { continue }
      columns[column, default: (0, 0)].sent += 1
      if probe.answeredAt > 0 { columns[column]?.answered += 1 }
    }
    return columns.sorted { $0.key < $1.key }.map { column, counts in
      (Double(column * Self.column) / 1e9, Double(counts.answered) / Double(counts.sent))
    }
  }

  private static let column: Int64 = 10_000_000

  /// The share of datagrams that were answered, by the time of sending, from shortly before the loss.
  private func picture(_ service: DrillStage.Target.Service) -> String {
    let levels = Array("·▁▂▃▄▅▆▇█")
    let own = probes.probes.filter { $0.service == service }
    guard let last = own.last else { return "(none)" }
    var text = ""
    var start = lossAt - 10 * Self.column
    while start < last.sentAt - 30_000_000, text.count < 100 {
      if start == lossAt { text += "|" }
      let sent = own.filter { $0.sentAt >= start && $0.sentAt < start + Self.column }
      let answered = sent.filter { $0.answeredAt > 0 }.count
      text += sent.isEmpty ? " " : String(levels[answered == 0 ? 0 : max(1, answered * 8 / sent.count)])
      start += Self.column
    }
    return text
  }

  func write(to path: String) throws {
    let lost = self.lost
    let document: [String: Any] = [
      "rules": ["staticNat": rules.staticNAT, "loadBalancer": rules.loadBalancer, "member": rules.member],
      // Seconds since 1970.
      "lostAt": Double(lossAt) / 1e9,
      "seconds": [
        "detected": seconds(recovery.detectedAt) as Any? ?? NSNull(),
        "applied": seconds(recovery.appliedAt) as Any? ?? NSNull(),
        "verified": (recovery.isVerified ? seconds(recovery.verifiedAt) : nil) as Any? ?? NSNull(),
        "reachable": seconds(reachableAt) as Any? ?? NSNull(),
      ],
      "verified": recovery.isVerified,
      "probe": [
        "sent": lost.sent, "lost": lost.lost, "wrong": probes.wrong, "untranslated": probes.untranslated,
        "addresses": probes.targets.count,
      ],
      "samples": recovery.samples.map {
        ["seconds": $0.seconds, "loadBalancer": $0.loadBalancer, "staticNat": $0.staticNAT]
      },
    ]
    let data = try JSONSerialization.data(withJSONObject: document, options: [.prettyPrinted, .sortedKeys])
    try data.write(to: URL(fileURLWithPath: path))
  }
}
