package import Hummingbird

/// The page and its JSON below any router. They need no account.
package struct StatusRoutes: Sendable {
  package var board: StatusBoard

  package init(board: StatusBoard) { self.board = board }

  package func add<Routes: RouterMethods>(to router: Routes) {
    Self.add(to: router) { respond($0, $1) }
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
    let parameter = request.uri.queryParameters.get("lang")
    let isPage = resource == .page
    let language = Language.chosen(
      parameter: parameter, acceptLanguage: isPage ? request.headers[.acceptLanguage] : nil)
    let rendered = board.rendered(resource, language)
    var headers: HTTPFields = [
      .contentType: isPage ? "text/html; charset=utf-8" : "application/json; charset=utf-8",
      .cacheControl: "no-cache",
      .eTag: rendered.tag,
      .contentLanguage: language.rawValue,
      .xContentTypeOptions: "nosniff",
      .contentSecurityPolicy: isPage
        ? "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
        : "default-src 'none'; frame-ancestors 'none'",
    ]
    if isPage {
      headers[.vary] = "Accept-Language"
    } else {
      headers[.accessControlAllowOrigin] = "*"
    }
    if request.headers[.ifNoneMatch] == rendered.tag { return Response(status: .notModified, headers: headers) }
    return Response(status: .ok, headers: headers, body: ResponseBody(byteBuffer: rendered.body))
  }
}
