enum ServiceName {
  private static let names: [(word: String, name: Wording)] = [
    ("loadbalancer", Wording(ja: "ロードバランサー", en: "load balancer")),
    ("staticnat", Wording(ja: "スタティックNAT", en: "static NAT")),
    ("member", Wording(ja: "ロードバランサー配下のサーバー", en: "load balancer members")),
    ("portforwarding", Wording(ja: "ポートフォワーディング", en: "port forwarding")),
    ("firewall", Wording(ja: "ファイアウォール", en: "firewall")),
    ("egress", Wording(ja: "送信ファイアウォール", en: "egress firewall")),
    ("sourcenat", Wording(ja: "ソースNAT", en: "source NAT")),
    ("securitygroup", Wording(ja: "セキュリティグループ", en: "security groups")),
  ]

  static func name(_ word: String) -> Wording {
    names.first { $0.word == word }?.name ?? Wording(ja: word, en: word)
  }

  static func order(_ word: String) -> String {
    let index = names.firstIndex { $0.word == word } ?? 99
    return (index < 10 ? "0" : "") + "\(index) \(word)"
  }
}

enum ComponentName {
  static func name(_ name: String) -> Wording {
    let ja: String =
      switch name {
      case "Load balancer": "ロードバランサー"
      case "Static NAT": "スタティックNAT"
      case "Virtual routers": "仮想ルーター"
      case "API": "API"
      case "Instances": "仮想サーバー"
      case "Console": "コンソール"
      case "Gateways": "ゲートウェイ"
      case "DHCP and DNS": "DHCP・DNS"
      case "Storage": "ストレージ"
      case "Nodes": "ノード"
      default: name
      }
    return Wording(ja: ja, en: name)
  }
}

extension ComponentState {
  var name: Wording {
    switch self {
    case .operational: Wording(ja: "正常", en: "Operational")
    case .underMaintenance: Wording(ja: "メンテナンス中", en: "Under maintenance")
    case .degradedPerformance: Wording(ja: "性能低下", en: "Degraded performance")
    case .partialOutage: Wording(ja: "一部停止", en: "Partial outage")
    case .majorOutage: Wording(ja: "停止", en: "Major outage")
    }
  }

  var severity: Int {
    switch self {
    case .operational: 0
    case .underMaintenance: 1
    case .degradedPerformance: 2
    case .partialOutage: 3
    case .majorOutage: 4
    }
  }
}

extension IncidentStatus {
  var name: Wording {
    switch self {
    case .investigating: Wording(ja: "調査中", en: "Investigating")
    case .identified: Wording(ja: "復旧作業中", en: "Identified")
    case .monitoring: Wording(ja: "確認中", en: "Monitoring")
    case .resolved: Wording(ja: "復旧済み", en: "Resolved")
    }
  }
}

extension Impact {
  /// Statuspage's words for the whole page.
  var description: Wording {
    switch self {
    case .none: Wording(ja: "すべてのサービスは正常に稼働しています", en: "All Systems Operational")
    case .minor: Wording(ja: "一部のサービスで軽微な障害が発生しています", en: "Minor Service Outage")
    case .major: Wording(ja: "一部のサービスで障害が発生しています", en: "Partial System Outage")
    case .critical: Wording(ja: "大規模な障害が発生しています", en: "Major System Outage")
    }
  }
}

extension Finding {
  var wording: Wording {
    switch self {
    case .tablesDeleted: Wording(ja: "nftablesのテーブルの削除", en: "nftables tables deleted")
    case .elementsChanged: Wording(ja: "ルールの欠落または変更", en: "rules missing or changed")
    case .namespaceGone: Wording(ja: "ルーターの消失", en: "router gone")
    case .linkGone: Wording(ja: "ネットワークインターフェースの消失", en: "network interface gone")
    case .routesGone: Wording(ja: "経路情報の消失", en: "routes gone")
    case .packetsLost: Wording(ja: "監視パケットの不達", en: "test packets lost")
    case .unreachable: Wording(ja: "外部からの接続不可", en: "no connection from outside")
    case .silent: Wording(ja: "応答なし", en: "no answer")
    case .other(let word): Wording(ja: word, en: word)
    }
  }
}
