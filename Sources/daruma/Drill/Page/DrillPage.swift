import Foundation

/// A drill as one page that stands for itself: drawings inline, no scripts, light and dark, Japanese and English.
struct DrillPage {
  let report: DrillReport
  let bench: PeerFigures
  let made: Date

  func write(to path: String) throws { try Data(html.utf8).write(to: URL(fileURLWithPath: path)) }

  private func say(_ english: String, _ japanese: String) -> String {
    "<span lang=\"en\">\(Self.escape(english))</span><span lang=\"ja\">\(Self.escape(japanese))</span>"
  }

  static func escape(_ text: String) -> String {
    text.replacing("&", with: "&amp;").replacing("<", with: "&lt;").replacing(">", with: "&gt;").replacing(
      "\"", with: "&quot;")
  }

  var html: String {
    """
    <!doctype html>
    <html><head><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1">
    <title>Daruma: shared-network-loss</title><style>\(Self.style)</style></head><body>
    <input type="radio" name="language" id="en" checked><label for="en">English</label>
    <input type="radio" name="language" id="ja"><label for="ja">日本語</label>
    <header><h1>\(say("Loss of the shared network configuration", "共用ネットワーク設定の消失"))</h1>
    <p>\(say(
      "Every rule of all gateways was deleted at once, as in the outage of 2018.",
      "2018年の障害と同じく、全ゲートウェイの全ルールを一度に削除しました。"))
    <time>\(Self.escape(made.formatted(.iso8601)))</time></p></header>
    <section class="result"><p class="clock"><small>2018</small> 32:03:00</p><p class="clock now"><small>\(say("here", "本機"))</small> \(report.clock)</p>
    <table><tbody>\(facts)</tbody></table></section>
    <section><h2>\(say("Reachable from the public side", "外部からの到達性"))</h2>
    \(reachability)
    <p class="note">\(say(
      "Each point is the share of the datagrams sent within 10 ms that were answered by the right instance.",
      "各点は10ミリ秒間に送信したデータグラムのうち、正しいインスタンスが応答した割合です。"))</p></section>
    <section><h2>\(say("Rules verified, by service", "サービス別の検証済みルール"))</h2>\(progress)</section>
    <section><h2>\(say("The time it took, on a scale of powers of ten", "所要時間(対数目盛)"))</h2>\(comparison)</section>
    <section><h2>\(say("Others, filling the same rules", "同じルールを設定した他の方式"))</h2>\(peers)</section>
    </body></html>
    """
  }

  private var facts: String {
    let lost = report.lost
    let rows: [(String, String)] = [
      (
        say("Rules", "ルール数"),
        say(
          "\(report.rules.staticNAT) static NATs, \(report.rules.loadBalancer) load balancers with \(report.rules.member) members",
          "静的NAT \(report.rules.staticNAT)件、ロードバランサー \(report.rules.loadBalancer)件(メンバー \(report.rules.member)件)")
      ),
      (say("Detected", "検知"), time(report.recovery.detectedAt)),
      (say("Applied", "適用"), time(report.recovery.appliedAt)),
      (
        say("Verified", "検証完了"),
        report.recovery.isVerified ? time(report.recovery.verifiedAt) : say("not verified", "未検証")
      ),
      (say("Every probed address answers", "全監視アドレス応答"), time(report.reachableAt)),
      (
        say("Datagrams", "データグラム"),
        say(
          "\(lost.sent) sent, \(lost.lost) lost, \(report.probes.wrong) answered by a wrong instance",
          "送信 \(lost.sent)、損失 \(lost.lost)、誤った応答 \(report.probes.wrong)")
      ),
    ]
    return rows.map { "<tr><th>\($0.0)</th><td>\($0.1)</td></tr>" }.joined()
  }

  private func time(_ moment: Int64) -> String {
    report.seconds(moment).map { Self.escape(String(format: "%.3f s", $0)) } ?? say("not seen", "未確認")
  }

  // MARK: drawings

  private var span: ClosedRange<Double> {
    let last = report.probes.probes.last.map { Double($0.sentAt - report.lossAt) / 1e9 - 0.03 } ?? 1
    return -0.1...max(0.2, last)
  }

  private var marks: [Drawing.Mark] {
    [
      (report.lossAt, say("loss", "消失")), (report.recovery.detectedAt, say("detected", "検知")),
      (report.recovery.verifiedAt, say("verified", "検証完了")),
    ].compactMap { moment, name in report.seconds(moment).map { Drawing.Mark(at: $0, name: name) } }
  }

  private var reachability: String {
    let services: [(DrillStage.Target.Service, String)] = [
      (.loadBalancer, say("load balancer", "ロードバランサー")), (.staticNAT, say("static NAT", "静的NAT")),
    ]
    return services.map { service, name in
      Drawing.area(report.reachability(of: service), span, marks, name: name)
    }.joined()
  }

  private var progress: String {
    let samples = report.recovery.samples
    func points(_ share: (RecoveryWatch.Sample) -> Double) -> [(Double, Double)] {
      let verified = report.seconds(report.recovery.verifiedAt).map { [($0, 1.0)] } ?? []
      return [(span.lowerBound, 1), (0, 1), (0, 0)] + samples.map { ($0.seconds, share($0)) } + verified
        + [(span.upperBound, samples.last.map(share) ?? 0)]
    }
    return Drawing.area(points(\.loadBalancer), span, marks, name: say("load balancer", "ロードバランサー"), isStepped: true)
      + Drawing.area(points(\.staticNAT), span, marks, name: say("static NAT", "静的NAT"), isStepped: true)
  }

  private var comparison: String {
    let here = report.isRestored ? report.seconds(max(report.recovery.verifiedAt, report.reachableAt)) : nil
    var bars: [(String, Double)] = [(say("the cloud of 2018", "2018年のクラウド"), 115_380)]
    if let here { bars.append((say("here", "本機"), here)) }
    return Drawing.bars(bars)
  }

  private var peers: String {
    let source =
      bench.isMeasuredHere
      ? say("Measured on this machine by the benchmark.", "本機のベンチマークによる測定値。")
      : say(
        "Measured elsewhere: another machine with two cores (kernel 6.18, nftables 1.0.6); medians, seconds.",
        "別の2コア機(カーネル6.18、nftables 1.0.6)での測定値。中央値、秒。")
    let tables = bench.rows.map { row in
      "<h3>\(Self.escape(row.title))</h3>\(Drawing.bars(row.values.map { (Self.escape($0.name), $0.value) }, unit: row.unit))"
    }
    return "<p class=\"note\">\(source)</p>" + tables.joined()
  }

  private static let style = """
    :root{color-scheme:light dark;--ink:#1c1c1a;--paper:#fbfaf6;--line:#d8d4c8;--red:#b3261e;--fill:#d9826b66;--green:#2e6f40}
    @media(prefers-color-scheme:dark){:root{--ink:#eceae2;--paper:#191a18;--line:#43443f;--red:#ff8a73;--fill:#d9826b55;--green:#8fd19e}}
    body{font:16px/1.5 system-ui,"Noto Sans CJK JP",sans-serif;color:var(--ink);background:var(--paper);max-width:56rem;margin:2rem auto;padding:0 1rem}
    body:has(#en:checked) [lang=ja],body:has(#ja:checked) [lang=en]{display:none}
    label{margin-right:1rem}h1{font-size:1.6rem;margin:.6rem 0}h2{font-size:1.15rem;margin:2rem 0 .5rem}h3{font-size:1rem;margin:1rem 0 .2rem}
    .note,time{color:color-mix(in srgb,var(--ink) 70%,transparent);font-size:.9rem}
    .result{display:flex;flex-wrap:wrap;gap:2rem;align-items:center;border:1px solid var(--line);border-radius:.5rem;padding:1rem 1.5rem}
    .clock{font:600 1.6rem/1.1 ui-monospace,monospace;margin:0}.clock small{display:block;font:.8rem system-ui}.now{color:var(--green)}
    th{text-align:left;font-weight:400;padding-right:1rem;vertical-align:top}td{font-variant-numeric:tabular-nums}
    svg{width:100%;height:auto;display:block;margin:.3rem 0}svg text{fill:var(--ink);font:12px system-ui,"Noto Sans CJK JP",sans-serif}
    figure{margin:.5rem 0}figcaption{font-size:.9rem}
    .grid{stroke:var(--line)}.curve{fill:var(--fill);stroke:var(--red);stroke-width:1.5}.mark{stroke:var(--ink);stroke-dasharray:3 3}.bar{fill:var(--red)}.bar.first{fill:var(--green)}
    """
}
