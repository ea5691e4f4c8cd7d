package import Hummingbird

/// The page, its JSON, its feeds and its live updates below any router. They need no account.
package struct StatusRoutes: Sendable {
  package var board: StatusBoard

  package init(board: StatusBoard) { self.board = board }

  package func add<Routes: RouterMethods>(to router: Routes) {
    Self.add(to: router) { respond($0, $1) }
    router.get("/status/incidents/{id}") { request, context in
      respond(incident: context.parameters.get("id") ?? "", request)
    }
    router.get("/status/events") { _, _ in LiveUpdates(board: board).response }
  }

  /// The same, with the documents coming from wherever they come from at the time.
  package static func add<Routes: RouterMethods>(
    to router: Routes, respond: @escaping @Sendable (StatusResource, Request) async -> Response
  ) {
    for resource in StatusResource.allCases {
      router.get(RouterPath(resource.path)) { request, _ in await respond(resource, request) }
    }
  }

  package func respond(_ resource: StatusResource, _ request: Request) -> Response {
    let reader = Reader(request, readsLanguage: resource.isForPeople)
    let rendered = board.rendered(resource, reader.language, zone: reader.zone)
    return Self.answer(rendered, request)
  }

  package func respond(incident id: String, _ request: Request) -> Response {
    let reader = Reader(request, readsLanguage: true)
    guard let rendered = board.renderedIncident(id, reader.language, zone: reader.zone) else {
      return Response(status: .notFound, headers: [.contentType: "text/plain; charset=utf-8"])
    }
    return Self.answer(rendered, request)
  }

  /// One customer's own part, whoever asks having proved to be that.
  /// - Parameter isCurrent: false when the cloud is silent.
  package func respond(customer account: String, _ request: Request, isCurrent: Bool) -> Response {
    let reader = Reader(request)
    let html = board.renderedCustomer(account, reader.language, zone: reader.zone, isCurrent: isCurrent)
    return Response(
      status: .ok,
      headers: [
        .contentType: "text/html; charset=utf-8", .cacheControl: "no-store", .xContentTypeOptions: "nosniff",
        .contentSecurityPolicy: Self.pagePolicy,
      ], body: .init(byteBuffer: ByteBuffer(string: html)))
  }

  private static func answer(_ rendered: RenderedStatus, _ request: Request) -> Response {
    if request.headers[.ifNoneMatch] == rendered.tag {
      return Response(status: .notModified, headers: rendered.headers)
    }
    return Response(status: .ok, headers: rendered.headers, body: ResponseBody(byteBuffer: rendered.body))
  }

  static func headers(_ contentType: String, _ language: Language, tag: String) -> HTTPFields {
    let isPage = contentType.hasPrefix("text/html")
    var headers: HTTPFields = [
      .contentType: contentType,
      .cacheControl: "no-cache",
      .eTag: tag,
      .contentLanguage: language.rawValue,
      .xContentTypeOptions: "nosniff",
      .contentSecurityPolicy: isPage ? pagePolicy : "default-src 'none'; frame-ancestors 'none'",
    ]
    if isPage {
      headers[.vary] = "Accept-Language"
    } else {
      headers[.accessControlAllowOrigin] = "*"
    }
    return headers
  }

  /// No script at all; forms come back to the page itself.
  static let pagePolicy =
    "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
}

/// Who reads: the language and the time zone.
struct Reader {
  var language: Language
  var zone: ReaderZone?

  init(_ request: Request, readsLanguage: Bool = true) {
    language = Language.chosen(
      parameter: request.uri.queryParameters.get("lang"),
      acceptLanguage: readsLanguage ? request.headers[.acceptLanguage] : nil)
    zone = ReaderZone(request.uri.queryParameters.get("tz"))
  }
}
