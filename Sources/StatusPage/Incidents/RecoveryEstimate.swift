/// When everything will be verified again, drawn from how fast it went so far.
enum RecoveryEstimate {
  static func clear(_ incident: inout Incident) {
    incident.estimatedEnd = nil
    incident.earliestEnd = nil
    incident.latestEnd = nil
  }

  static func advance(_ incident: inout Incident, now: Moment) {
    let wanted = incident.services.reduce(0) { $0 + $1.wanted }
    let verified = incident.services.reduce(0) { $0 + $1.verified }
    guard var baseline = incident.baseline, verified >= baseline.verified else {
      incident.baseline = Incident.Baseline(at: now, verified: verified)
      clear(&incident)
      return
    }
    let elapsed = now.seconds(since: baseline.at)
    guard now.seconds(since: incident.lastLostAt) > 2, elapsed >= 1, verified > baseline.verified, verified < wanted
    else {
      clear(&incident)
      return
    }
    let mean = Double(verified - baseline.verified) / elapsed
    var recent = baseline.recentRate ?? mean
    if let at = baseline.recentAt, let before = baseline.recentVerified, now.seconds(since: at) >= 1 {
      // A pause does not mean that it never ends.
      recent = max(Double(verified - before) / now.seconds(since: at), mean / 5)
    }
    // The newest quarter of the recovery, at least two seconds of it.
    if baseline.recentAt.map({ now.seconds(since: $0) > max(2, elapsed / 4) }) ?? true {
      baseline.recentAt = now
      baseline.recentVerified = verified
      baseline.recentRate = recent
      incident.baseline = baseline
    }
    let rest = Double(wanted - verified)
    incident.estimatedEnd = now.advanced(bySeconds: rest / mean)
    incident.earliestEnd = now.advanced(bySeconds: 0.9 * rest / max(mean, recent))
    incident.latestEnd = now.advanced(bySeconds: 1.1 * rest / min(mean, recent))
  }
}
