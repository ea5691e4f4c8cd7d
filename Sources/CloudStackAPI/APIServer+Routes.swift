package import Hummingbird

extension APIServer {
  private static let methods: [HTTPRequest.Method] = [.get, .post, .head, .put, .patch, .delete, .options]

  /// Adds `/client/api`, with and without a slash at its end.
  package func add(to router: some RouterMethods) {
    Self.add(to: router) { await answer($0) }
  }

  /// The same, with calls answered by whoever is to at the time.
  package static func add(to router: some RouterMethods, answer: @escaping @Sendable (Call) async -> Answer) {
    for method in methods {
      router.on("/client/api", method: method) { request, _ in await respond(to: request, answer) }
    }
    router.get("/client/api/openapi.json") { _, _ in
      Response(
        status: .ok, headers: [.contentType: "application/json; charset=UTF-8", .xContentTypeOptions: "nosniff"],
        body: .init(byteBuffer: ByteBuffer(bytes: openAPI)))
    }
  }

  private static func respond(
    to request: HummingbirdCore.Request, _ answer: @Sendable (Call) async -> Answer
  ) async -> Response {
    var call = Call(method: request.method.rawValue, query: request.uri.query ?? "")
    call.cookies = cookies(request.headers[values: .cookie])
    call.isForwarded = forwarded.map { request.headers[$0] != nil } ?? false
    if request.method == .post {
      let type = request.headers[.contentType]?.lowercased() ?? ""
      call.isForm = type.hasPrefix("application/x-www-form-urlencoded")
      do {
        // One byte more than may come, so that what is too long is seen to be.
        let body = try await request.body.collect(upTo: Form.maximumBodyBytes + 1)
        call.body = Array(body.readableBytesView)
      } catch {
        call.body = Array(repeating: 0, count: Form.maximumBodyBytes + 1)
        call.isForm = true
      }
    }
    return response(await answer(call))
  }

  /// Of what an administrator may call. It tells nothing that is not in the documentation.
  private static let openAPI = OpenAPI.document().json

  private static let forwarded = HTTPFields.Element.Name("X-Daruma-Forwarded")
  private static let revisionName = HTTPFields.Element.Name("X-Daruma-Revision")

  private static func cookies(_ headers: [String]) -> [String: String] {
    var cookies: [String: String] = [:]
    for pair in headers.flatMap({ $0.split(separator: ";") }).prefix(64) {
      let parts = pair.split(separator: "=", maxSplits: 1)
      guard parts.count == 2 else { continue }
      cookies[parts[0].filter { $0 != " " }] = parts[1].filter { $0 != " " && $0 != "\"" }
    }
    return cookies
  }

  static func response(_ answer: Answer) -> Response {
    var headers: HTTPFields = [
      .contentType: answer.contentType, .xContentTypeOptions: "nosniff", .cacheControl: "no-store",
    ]
    if let name = HTTPFields.Element.Name("X-Description"), let text = answer.description {
      headers[name] = line(text)
    }
    if let request = answer.request, let name = HTTPFields.Element.Name("X-Request-Id") { headers[name] = request }
    if let revision = answer.revision, let name = revisionName { headers[name] = "\(revision)" }
    if answer.status == 405 { headers[.allow] = "GET, POST" }
    for cookie in answer.cookies { headers.append(.init(name: .setCookie, value: cookie)) }
    return Response(
      status: .init(code: answer.status), headers: headers, body: .init(byteBuffer: ByteBuffer(bytes: answer.body)))
  }
}
