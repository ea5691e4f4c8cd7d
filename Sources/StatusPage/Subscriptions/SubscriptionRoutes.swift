import FoundationEssentials
package import Hummingbird
import NIOCore
import Synchronization

/// Where readers subscribe, confirm and unsubscribe.
package struct SubscriptionRoutes: Sendable {
  let board: StatusBoard
  let subscriptions: Subscriptions

  package init(board: StatusBoard, subscriptions: Subscriptions) {
    self.board = board
    self.subscriptions = subscriptions
  }

  private struct Wish: Decodable {
    var mail: String?
    var webhook: String?
    var lang: String?
  }

  /// - Parameter source: who asks, such as the address; what is limited per hour is limited by it.
  package func add<Routes: RouterMethods>(
    to router: Routes, source: @escaping @Sendable (Request, Routes.Context) -> String
  ) {
    router.get("/status/subscribe") { request, _ in page(Reader(request).language) { form($0, &$1) } }
    router.post("/status/subscribe") { request, context in
      await subscribe(request, source: source(request, context))
    }
    for purpose in [LinkKey.Purpose.confirm, .unsubscribe] {
      let path = RouterPath("/status/\(purpose.rawValue)")
      // Whatever fetches links ahead of a reader's click changes nothing.
      router.get(path) { request, _ in page(Reader(request).language) { ask(purpose, request, $0, &$1) } }
      router.post(path) { request, _ in answer(purpose, request) }
    }
  }

  private func subscribe(_ request: Request, source: String) async -> Response {
    let language = Reader(request).language
    do throws(SubscriptionError) {
      let wish: Wish
      do {
        let body = try await request.body.collect(upTo: 8 << 10)
        let isJSON = request.headers[.contentType]?.hasPrefix("application/json") ?? false
        wish =
          isJSON
          ? try JSONDecoder().decode(Wish.self, from: Data(body.readableBytesView))
          : try URLEncodedFormDecoder().decode(Wish.self, from: String(buffer: body))
      } catch { throw SubscriptionError(.invalid, "send mail or webhook, as a form or a JSON object") }
      let wanted = wish.lang.flatMap(Language.init(rawValue:)) ?? language
      let now = Moment(Date())
      if let webhook = wish.webhook, !webhook.isEmpty {
        let made = try await subscriptions.subscribe(webhook: webhook, language: wanted, source: source, now: now)
        let unsubscribe = "/status/unsubscribe?id=\(made.id)&sig=\(subscriptions.key.sign(.unsubscribe, made.id))"
        return json(
          .created, [("id", .string(made.id)), ("secret", .string(made.secret)), ("unsubscribe", .string(unsubscribe))])
      }
      try subscriptions.subscribe(mail: wish.mail ?? "", language: wanted, source: source, now: now)
      return page(wanted, status: .accepted) { page, html in
        html.element(
          "<p class=\"card\">",
          page.say("確認メールを送信しました。メール内のリンクを開くと配信が始まります。", "A mail is on its way. Open the link in it to begin."),
          "</p>\n")
      }
    } catch { return refusal(error) }
  }

  private func answer(_ purpose: LinkKey.Purpose, _ request: Request) -> Response {
    let parameters = request.uri.queryParameters
    let id = parameters.get("id") ?? ""
    let signature = parameters.get("sig") ?? ""
    do throws(SubscriptionError) {
      switch purpose {
      case .confirm: try subscriptions.confirm(id, signature: signature)
      case .unsubscribe: try subscriptions.unsubscribe(id, signature: signature)
      }
    } catch { return refusal(error) }
    return page(Reader(request).language) { page, html in
      html.element(
        "<p class=\"card\">",
        purpose == .confirm
          ? page.say("配信を開始しました。", "You will be told.") : page.say("配信を停止しました。", "You will not be told any more."),
        "</p>\n")
    }
  }

  private func ask(_ purpose: LinkKey.Purpose, _ request: Request, _ page: StatusHTML, _ html: inout Markup) {
    let parameters = request.uri.queryParameters
    let id = String((parameters.get("id") ?? "").prefix(100))
    let signature = String((parameters.get("sig") ?? "").prefix(100))
    html.element("<form class=\"card\" method=\"post\" action=\"", "/status/\(purpose.rawValue)?id=", "")
    html.element("", id, "&amp;sig=")
    html.element("", signature, "\"><button>")
    html.element(
      "", purpose == .confirm ? page.say("配信を開始する", "Begin") : page.say("配信を停止する", "Unsubscribe"), "</button></form>\n")
  }

  private func form(_ page: StatusHTML, _ html: inout Markup) {
    html.element("<h1>", page.say("障害・メンテナンス情報の配信", "Be told of incidents and planned work"), "</h1>\n")
    html.element(
      "<form class=\"card\" method=\"post\" action=\"/status/subscribe\"><input type=\"hidden\" name=\"lang\" value=\"",
      page.language.rawValue, "\">")
    html.element(
      "<p><label>", page.say("メールアドレス", "Mail address"),
      " <input type=\"email\" name=\"mail\" autocomplete=\"email\" required></label> ")
    html.element("<button>", page.say("登録する", "Subscribe"), "</button></p></form>\n")
  }

  private func page(
    _ language: Language, status: HTTPResponse.Status = .ok, _ body: (StatusHTML, inout Markup) -> Void
  ) -> Response {
    let page = StatusHTML(view: board.state.withLock { $0.view }, language: language)
    var html = Markup()
    page.head(page.view.settings.name, isLive: false, &html)
    body(page, &html)
    page.foot(&html)
    return Response(
      status: status,
      headers: [
        .contentType: "text/html; charset=utf-8", .cacheControl: "no-store", .xContentTypeOptions: "nosniff",
        .contentSecurityPolicy: StatusRoutes.pagePolicy,
      ], body: .init(byteBuffer: ByteBuffer(string: html.text)))
  }

  private func json(_ status: HTTPResponse.Status, _ members: [(String, JSON)]) -> Response {
    Response(
      status: status, headers: [.contentType: "application/json; charset=utf-8", .cacheControl: "no-store"],
      body: .init(byteBuffer: ByteBuffer(string: JSON.object(members).text)))
  }

  private func refusal(_ error: SubscriptionError) -> Response {
    let status: HTTPResponse.Status =
      switch error.code {
      case .invalid: .badRequest
      case .tooMany: .tooManyRequests
      case .forged: .forbidden
      case .unavailable: .serviceUnavailable
      }
    return json(status, [("error", .string(error.description))])
  }
}
