import CloudStackAPI
import Control
import FoundationEssentials
import Hummingbird
import Ledger
import StatusPage
import Synchronization

/// What one of several managers is at the moment, and who therefore answers what is asked of it.
final class Desk: Sendable {
  enum Role: Sendable {
    case waiting
    case following(FollowingServer)
    case leading(APIServer, StatusBoard, Lease)
  }

  let address: ManagerAddress
  let sight = LeaderSight()
  private let role = Mutex(Role.waiting)
  /// Shown while no manager leads.
  private let fallback: StatusBoard

  init(_ address: ManagerAddress, _ settings: StatusSettings) throws {
    self.address = address
    fallback = try StatusBoard(settings: settings, store: nil, now: Moment(Date()))
    let api = Component(
      id: "api", zone: "cloud", series: "management", name: "API", state: .degradedPerformance)
    fallback.update(StatusDocument(time: Moment(Date()), components: [api], services: [], losses: []))
  }

  func become(_ new: Role) {
    role.withLock { $0 = new }
    if case .leading = new { sight.see("\(address)") }
  }

  /// Nothing at all can be shown yet.
  var isWaiting: Bool { if case .waiting = role.withLock({ $0 }) { true } else { false } }

  func add(to router: Router<BasicRequestContext>) {
    APIServer.add(to: router) { await self.answer($0) }
    StatusRoutes.add(to: router) { resource, request in
      await self.page(request) { $0.respond(resource, request) }
    }
    router.get("/status/incidents/{id}") { request, context in
      await self.page(request) { $0.respond(incident: context.parameters.get("id") ?? "", request) }
    }
    router.get("/health") { _, _ in self.health() }
  }

  /// This manager's own server while it leads, and may.
  var leading: APIServer? {
    guard case .leading(let server, _, let lease) = role.withLock({ $0 }), lease.isHeld else { return nil }
    return server
  }

  /// The page that may be written on; nil while this manager does not lead.
  var board: StatusBoard? {
    guard case .leading(_, let board, let lease) = role.withLock({ $0 }), lease.isHeld else { return nil }
    return board
  }

  func answer(_ call: APIServer.Call) async -> APIServer.Answer {
    switch role.withLock({ $0 }) {
    case .waiting:
      return APIServer.refusal(call, 503, "This manager cannot see the cloud's ledger; ask another one, or again later")
    case .following(let server): return await server.answer(call) { self.leading }
    case .leading(let server, _, let lease):
      guard lease.isHeld else { return await FollowingServer(server, leader: sight).answer(call) { self.leading } }
      var answer = await server.answer(call)
      if call.isForwarded { answer.revision = server.control.snapshot.revision }
      return answer
    }
  }

  /// The leader's page: it alone knows how the nodes are.
  private func page(_ request: Request, _ respond: (StatusRoutes) -> Response) async -> Response {
    if case .leading(_, let board, _) = role.withLock({ $0 }) { return respond(StatusRoutes(board: board)) }
    guard let leader = sight.address, leader != address, let forwarded = HTTPFields.Element.Name("X-Daruma-Forwarded"),
      request.headers[forwarded] == nil
    else { return respond(StatusRoutes(board: fallback)) }
    var headers = [(name: "X-Daruma-Forwarded", value: "1")]
    for name in [HTTPFields.Element.Name.acceptLanguage, .ifNoneMatch] {
      if let value = request.headers[name] { headers.append((name.rawName, value)) }
    }
    let exchange = HTTPExchange(method: "GET", target: request.uri.string, headers: headers)
    let told: HTTPExchange.Response
    do throws(HTTPExchange.Failure) {
      told = try await exchange.run(at: leader, limit: .seconds(3)) { try await Task.sleep(for: .seconds(3)) }
    } catch { return respond(StatusRoutes(board: fallback)) }
    var fields = HTTPFields()
    for (name, value) in told.headers where !Self.ownHeaders.contains(name.lowercased()) {
      if let name = HTTPFields.Element.Name(name) { fields.append(.init(name: name, value: value)) }
    }
    return Response(
      status: .init(code: told.status), headers: fields, body: .init(byteBuffer: ByteBuffer(bytes: told.body)))
  }

  /// What every server says for itself.
  private static let ownHeaders: Set = ["connection", "transfer-encoding", "content-length", "date", "server"]

  /// How long ago a follower may have heard from the database for what it shows to be of now.
  private static let freshness = Duration.seconds(10)

  /// For whoever spreads calls over the managers: 200 while this one can answer them.
  private func health() -> Response {
    struct Health: Encodable {
      let name: String
      let role: String
      let revision: UInt64?
      let leader: String?
    }
    let (word, revision, isFit): (String, UInt64?, Bool) =
      switch role.withLock({ $0 }) {
      case .waiting: ("waits", nil, false)
      case .leading(let server, _, let lease):
        (lease.isHeld ? "leads" : "follows", server.control.snapshot.revision, lease.isHeld)
      case .following(let server):
        ("follows", server.own.control.snapshot.revision, isFresh(server.own.control.ledger))
      }
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    let body =
      (try? encoder.encode(Health(name: address.name, role: word, revision: revision, leader: sight.address?.name)))
    return Response(
      status: isFit ? .ok : .serviceUnavailable,
      headers: [.contentType: "application/json; charset=UTF-8", .cacheControl: "no-store"],
      body: .init(byteBuffer: ByteBuffer(bytes: body ?? Data())))
  }

  private func isFresh(_ view: any LedgerView) -> Bool {
    guard let follower = view as? Follower else { return false }
    return !follower.isClosed && follower.confirmed > .now - Self.freshness
  }
}
