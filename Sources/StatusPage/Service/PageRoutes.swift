import FoundationEssentials
import Glibc
package import Hummingbird
import NIOCore

/// Knows from where a request came.
package struct PageContext: RequestContext {
  package var coreContext: CoreRequestContextStorage
  let remote: SocketAddress?

  package init(source: Source) {
    coreContext = .init(source: source)
    remote = source.channel.remoteAddress
  }
}

extension PageService {
  package func router() -> Router<PageContext> {
    let router = Router(context: PageContext.self)
    StatusRoutes(board: board).add(to: router)
    let operators = operators
    OperatorRoutes(board: board) { operators.name($0) }.add(to: router)
    let isBehindProxy = configuration.isBehindProxy ?? false
    SubscriptionRoutes(board: board, subscriptions: subscriptions).add(to: router) { request, context in
      Self.source(request, context, isBehindProxy: isBehindProxy)
    }
    router.get("/") { _, _ in Response(status: .seeOther, headers: [.location: "/status"]) }
    router.post("/feed") { request, _ in await feed(request) }
    router.get("/status/mine") { request, _ in mine(request) }
    return router
  }

  private func feed(_ request: Request) async -> Response {
    func refuse(_ status: HTTPResponse.Status, _ text: String) -> Response {
      Response(
        status: status, headers: [.contentType: "text/plain; charset=utf-8"],
        body: .init(byteBuffer: ByteBuffer(string: text + "\n")))
    }
    guard
      let sequence = HTTPFields.Element.Name(SignedDocument.sequenceHeader).flatMap({ request.headers[$0] }).flatMap({
        Int64($0)
      }),
      let signature = HTTPFields.Element.Name(SignedDocument.signatureHeader).flatMap({ request.headers[$0] })
    else { return refuse(.forbidden, "not signed") }
    let body: ByteBuffer
    do { body = try await request.body.collect(upTo: SignedDocument.bytes) } catch {
      return refuse(.contentTooLarge, "a document has \(SignedDocument.bytes >> 20) MiB at most")
    }
    do throws(FeedReceiver.Refusal) {
      try receiver.take(Data(body.readableBytesView), sequence: sequence, signature: signature, now: Moment(Date()))
      return Response(status: .noContent)
    } catch {
      switch error {
      case .forged: return refuse(.forbidden, "not signed by the cloud of this page; give the page its public key")
      case .replayed: return refuse(.conflict, "a later document has been seen")
      case .untimely: return refuse(.conflict, "signed at another time; set the clocks of cloud and page")
      case .malformed(let why): return refuse(.badRequest, "this is no status document: \(why.clipped)")
      }
    }
  }

  private func mine(_ request: Request) -> Response {
    let ticket = request.uri.queryParameters.get("ticket") ?? ""
    let now = Moment(Date())
    guard let account = verifier.account(ticket: ticket, now: now) else {
      return Response(
        status: .unauthorized, headers: [.contentType: "text/plain; charset=utf-8", .cacheControl: "no-store"],
        body: .init(byteBuffer: ByteBuffer(string: "Open this page from the console, which signs you in.\n")))
    }
    let isCurrent = receiver.newest.map { now.seconds(since: $0.at) <= Outlook.silence } ?? false
    return StatusRoutes(board: board).respond(customer: account, request, isCurrent: isCurrent)
  }

  /// By whom what is limited is counted: an IPv4 address, or the /64 of an IPv6 address.
  private static func source(_ request: Request, _ context: PageContext, isBehindProxy: Bool) -> String {
    var text = context.remote?.ipAddress ?? "unknown"
    if isBehindProxy, let name = HTTPFields.Element.Name("X-Forwarded-For"), let header = request.headers[name] {
      // The proxy adds the address that it saw at the end.
      let last = header.split(separator: ",").last ?? ""
      text = String(last.filter { $0 != " " }.prefix(45))
    }
    guard let address = try? SocketAddress(ipAddress: text, port: 0), case .v6(let v6) = address else { return text }
    return withUnsafeBytes(of: v6.address.sin6_addr) { LinkKey.hex($0.prefix(8)) }
  }
}
