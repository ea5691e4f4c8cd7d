extension Templates.Key {
  /// As the page says it where operators wrote nothing else.
  var standard: Wording {
    switch self {
    case .fieldWhen: Wording(ja: "■障害発生日時", en: "When")
    case .fieldScope: Wording(ja: "■対象範囲", en: "Who is affected")
    case .fieldEffect: Wording(ja: "■障害内容", en: "What does not work")
    case .fieldCause: Wording(ja: "■原因", en: "Cause")
    case .opened:
      Wording(
        ja: "障害を検知し、記録されている設定から自動復旧を開始しました。原因: {cause}。対象: {extent}。",
        en: "{Cause}. It is being restored from the recorded settings. Affected: {extent}.")
    case .openedComponent:
      Wording(
        ja: "障害を検知しました。{cause}。原因を調査しています。対象: {extent}。",
        en: "{Cause}. The reason is being looked into. Affected: {extent}.")
    case .widened:
      Wording(
        ja: "対象範囲が広がりました(復旧中: {places})。対象: {extent}。",
        en: "More is affected; being restored: {places}. Affected in all: {extent}.")
    case .recurred:
      Wording(
        ja: "同じ障害が再発しました({times}回目)。原因: {cause}。自動復旧を行っています。",
        en: "It happened again (recurrence {times}): {cause}. It is being restored.")
    case .progress: Wording(ja: "復旧状況: {figures}。", en: "Restored so far: {figures}.")
    case .stillOut: Wording(ja: "未復旧: {extent}。", en: " Still out: {extent}.")
    case .estimate:
      Wording(
        ja: "復旧見込み: {end}頃({earliest}～{latest})。",
        en: " Estimated end: about {end}, between {earliest} and {latest}.")
    case .monitoring:
      Wording(
        ja: "設定の再投入が完了しました。実際のパケットで疎通を確認しています。",
        en: "All settings are back in place. Test packets are being sent through to confirm.")
    case .resolved:
      Wording(
        ja: "復旧しました。すべての設定の再投入と疎通を確認済みです。障害時間: {length}。原因: {cause}。対象: {places}、{extent}。",
        en: "Resolved. All settings are restored and confirmed by test packets. Time out of service: {length}. "
          + "Cause: {cause}. Affected: {places}; {extent}.")
    case .resolvedComponent:
      Wording(
        ja: "復旧しました。監視により正常な応答を確認済みです。障害時間: {length}。原因: {cause}。対象: {places}、{extent}。",
        en: "Resolved, and confirmed by probes. Time out of service: {length}. Cause: {cause}. "
          + "Affected: {places}; {extent}.")
    case .recurrences: Wording(ja: "この間に{times}回再発しました。", en: " It recurred {times} meanwhile.")
    case .effectOpen:
      Wording(
        ja: "{services}を経由するインターネット側との通信ができません。仮想サーバーは稼働しています。",
        en: "Internet traffic through {services} fails. Instances keep running.")
    case .effectPast:
      Wording(
        ja: "{services}を経由するインターネット側との通信ができませんでした。仮想サーバーは稼働していました。",
        en: "Internet traffic through {services} failed. Instances kept running.")
    case .effectComponentOpen: Wording(ja: "{places}をご利用いただけません。", en: "{Places} cannot be used.")
    case .effectComponentPast: Wording(ja: "{places}をご利用いただけませんでした。", en: "{Places} could not be used.")
    case .apology:
      Wording(
        ja: "ご利用のお客様にはご迷惑をおかけし、深くお詫び申し上げます。", en: "We are sorry for the trouble this causes you.")
    case .maintenanceAnnounced:
      Wording(
        ja: "下記の日時にメンテナンスを実施します: {from} ～ {until}。", en: "Planned work: from {from} to {until}.")
    case .maintenanceStarted: Wording(ja: "メンテナンスを開始しました。", en: "The work has begun.")
    case .maintenanceCompleted: Wording(ja: "メンテナンスは完了しました。", en: "The work is done.")
    case .maintenanceFailed:
      Wording(ja: "メンテナンスは中断されました。改めてご案内します。", en: "The work was broken off. It will be announced anew.")
    case .maintenanceLate:
      Wording(
        ja: "メンテナンスは予定時刻({until})を過ぎて継続しています。", en: "The work takes longer than announced ({until}).")
    case .maintenanceCancelled: Wording(ja: "メンテナンスは中止となりました。", en: "The work was cancelled.")
    case .merged:
      Wording(ja: "「{title}」と同じ障害のため、以後はそちらでお知らせします。", en: "This is the same fault as “{title}”; see there.")
    case .mailSubject: Wording(ja: "[{page}] {status}: {title}", en: "[{page}] {status}: {title}")
    case .mailFooter:
      Wording(ja: "詳細: {link}\n配信停止: {unsubscribe}", en: "Details: {link}\nUnsubscribe: {unsubscribe}")
    case .confirmSubject: Wording(ja: "[{page}] 配信登録の確認", en: "[{page}] Confirm your subscription")
    case .confirmBody:
      Wording(
        ja: "障害・メンテナンス情報の配信を開始するには、次のリンクを開いてください。\n{link}\nお心当たりがない場合は、何もする必要はありません。",
        en: "Open this link to receive incident and maintenance notices:\n{link}\n"
          + "If you did not ask for it, there is nothing to do.")
    }
  }
}
