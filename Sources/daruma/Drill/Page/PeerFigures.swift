import Foundation

/// How long others take to fill in the same rules.
struct PeerFigures {
  struct Row {
    let title: String
    let unit: String
    let values: [(name: String, value: Double)]
  }

  let rows: [Row]
  let isMeasuredHere: Bool

  /// Medians of five interleaved runs on another machine.
  static let elsewhere = PeerFigures(
    rows: [
      Row(
        title: "100,000 static NATs",
        unit: "s",
        values: [
          ("netlink, bare", 0.23), ("iptables-legacy-restore", 0.80), ("nft -f, maps", 0.97),
          ("iptables-nft-restore", 3.6), ("nft -f, a rule per NAT", 4.3),
        ]),
      Row(
        title: "10,000 load balancers × 10",
        unit: "s",
        values: [
          ("netlink, bare", 0.12), ("iptables-legacy-restore", 0.88), ("nft -f, maps", 1.3), ("haproxy, start", 1.8),
          ("haproxy, reload", 2.5), ("iptables-nft-restore", 2.5), ("OVN 23.03", 6.3),
          ("nft -f, a map per load balancer", 12),
        ]),
      Row(
        title: "1,000 static NATs",
        unit: "s",
        values: [
          ("netlink, bare", 0.010), ("nft -f, maps", 0.023), ("OVN 23.03", 1.0),
          ("router scripts as of 2018 (84 to 99 s)", 84),
        ]),
    ], isMeasuredHere: false)

  private struct Document: Decodable {
    struct Figure: Decodable { let median: Double }
    struct Line: Decodable {
      let name: String
      let unit: String
      let ours: Figure?
      let floor: Figure?
      let peers: [String: Figure]?
    }
    let rows: [Line]
  }

  /// What `daruma bench rebuild --json` wrote; throws if it is something else.
  init(benchmark path: String) throws {
    let document: Document
    do {
      document = try JSONDecoder().decode(Document.self, from: Data(contentsOf: URL(fileURLWithPath: path)))
    } catch {
      throw CommandFailure("\(path) is not what `daruma bench rebuild --json` writes")
    }
    rows = document.rows.compactMap { line in
      var values = (line.peers ?? [:]).map { (name: $0.key, value: $0.value.median) }.sorted { $0.value < $1.value }
      guard !values.isEmpty else { return nil }
      if let floor = line.floor { values.insert(("floor: netlink, bare", floor.median), at: 0) }
      if let ours = line.ours { values.insert(("Daruma", ours.median), at: 0) }
      return Row(title: line.name, unit: line.unit, values: values)
    }
    isMeasuredHere = true
  }

  private init(rows: [Row], isMeasuredHere: Bool) {
    self.rows = rows
    self.isMeasuredHere = isMeasuredHere
  }
}
