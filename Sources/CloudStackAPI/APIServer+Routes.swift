package import Hummingbird

extension APIServer {
  private static let methods: [HTTPRequest.Method] = [.get, .post, .head, .put, .patch, .delete, .options]

  /// Adds `/client/api`, with and without a slash at its end.
  package func add(to router: some RouterMethods) {
    for method in Self.methods {
      router.on("/client/api", method: method) { request, _ in await respond(to: request) }
    }
  }

  private func respond(to request: HummingbirdCore.Request) async -> Response {
    var call = Call(method: request.method.rawValue, query: request.uri.query ?? "")
    call.cookies = Self.cookies(request.headers[values: .cookie])
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
    return Self.response(await answer(call))
  }

  private static func cookies(_ headers: [String]) -> [String: String] {
    var cookies: [String: String] = [:]
    for pair in headers.flatMap({ $0.split(separator: ";") }).prefix(64) {
      let parts = pair.split(separator: "=", maxSplits: 1)
      guard parts.count == 2 else { continue }
      cookies[parts[0].filter { $0 != " " }] = parts[1].filter { $0 != " " && $0 != "\"" }
    }
    return cookies
  }

  private static func response(_ answer: Answer) -> Response {
    var headers: HTTPFields = [
      .contentType: answer.contentType, .xContentTypeOptions: "nosniff", .cacheControl: "no-store",
    ]
    if let name = HTTPFields.Element.Name("X-Description"), let text = answer.description {
      headers[name] = line(text)
    }
    if answer.status == 405 { headers[.allow] = "GET, POST" }
    for cookie in answer.cookies { headers.append(.init(name: .setCookie, value: cookie)) }
    return Response(
      status: .init(code: answer.status), headers: headers, body: .init(byteBuffer: ByteBuffer(bytes: answer.body)))
  }
}
