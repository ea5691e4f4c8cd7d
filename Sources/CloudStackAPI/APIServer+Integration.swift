import Control
package import Hummingbird

/// CloudStack's integration port: calls without keys, as the system account. Whoever reaches it owns the cloud, so it is off
/// unless asked for, and listens on the loopback address only.
extension APIServer {
  /// Answers a call that is trusted because of where it came from. Only the query counts.
  package func answerTrusted(_ call: Call) async -> Answer {
    await recorded {
      var trace = Trace()
      trace.caller = "integration port"
      let answer = await answerTrusted(call, &trace)
      return (answer, trace)
    }
  }

  private func answerTrusted(_ call: Call, _ trace: inout Trace) async -> Answer {
    guard call.method == "GET" || call.method == "POST" else {
      return Self.render(APIError(405, "Only GET and POST are understood"), "errorresponse", isJSON: false)
    }
    let isJSON: Bool
    do {
      let form = try Form(query: call.query)
      isJSON = form["response"]?.lowercased() == "json"
      let name = form["command"] ?? ""
      guard let command = Catalog.command(name) else {
        return Self.render(APIError(432, "Unknown API command: \(name)"), "errorresponse", isJSON: isJSON)
      }
      trace.command = command.name
      let caller = try await control.systemCaller()
      return await perform(command, for: caller, form, isPost: false, isJSON: isJSON)
    } catch let error as APIError {
      return Self.render(error, "errorresponse", isJSON: call.query.contains("response=json"))
    } catch {
      return Self.render(
        APIError(error, isRootAdmin: true), "errorresponse", isJSON: call.query.contains("response=json"))
    }
  }

  /// Serves any path. What a browser sends on behalf of a web page is refused, since anybody's page could.
  package func addIntegration(to router: some RouterMethods) {
    for method in [HTTPRequest.Method.get, .post] {
      for path in ["/", "/**"] as [RouterPath] {
        router.on(path, method: method) { request, _ in
          guard Self.isLocal(request) else {
            return Self.response(
              Self.render(APIError(401, detail: nil, "Web pages may not use this port"), "errorresponse", isJSON: false)
            )
          }
          return Self.response(
            await answerTrusted(Call(method: request.method.rawValue, query: request.uri.query ?? "")))
        }
      }
    }
  }

  private static func isLocal(_ request: HummingbirdCore.Request) -> Bool {
    let site = HTTPFields.Element.Name("Sec-Fetch-Site").flatMap { request.headers[$0] }
    guard request.headers[.origin] == nil, site == nil || site == "none" else { return false }
    let host = (request.head.authority ?? "").split(separator: ":").first.map { $0.lowercased() }
    return host == "127.0.0.1" || host == "localhost"
  }
}
