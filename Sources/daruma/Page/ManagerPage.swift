import CloudStackAPI
import FoundationEssentials
import Hummingbird
import StatusPage

/// What the manager's page has besides what everybody reads: the operators' part, and the customer's own.
struct ManagerPage: Sendable {
  let operators: OperatorTokens?
  let signer: DocumentSigner?
  /// The page elsewhere that the cloud feeds, if there is one: customers are led there.
  let elsewhere: String?
  /// In seconds: how long a customer's ticket for that page holds.
  static let ticketTime = 3600.0

  /// - Parameters:
  ///   - board: nil while this manager does not lead.
  ///   - answer: the API, which says whose a request is.
  func add(
    to router: some RouterMethods, board: @escaping @Sendable () -> StatusBoard?,
    answer: @escaping @Sendable (APIServer.Call) async -> APIServer.Answer
  ) {
    let operators = operators
    OperatorRoutes(board: board) { operators?.name($0) }.add(to: router)
    // Below the API's path, where a session's cookies are sent.
    router.get("/client/status") { request, _ in
      guard let account = await account(request, answer) else {
        return Self.text(
          .unauthorized, "Log in to the API first, or sign the call listAccounts (response=json) for this path.\n")
      }
      if let elsewhere, let signer {
        let until = Moment(Date().addingTimeInterval(Self.ticketTime))
        guard let ticket = try? signer.ticket(account: account, until: until) else {
          return Self.text(.internalServerError, "No ticket could be made.\n")
        }
        let base = elsewhere.hasSuffix("/") ? String(elsewhere.dropLast()) : elsewhere
        return Response(
          status: .seeOther,
          headers: [.location: "\(base)/status/mine?ticket=\(ticket)", .cacheControl: "no-store"])
      }
      guard let board = board() else {
        return Self.text(.serviceUnavailable, "This manager does not lead; ask the one that does.\n")
      }
      return StatusRoutes(board: board).respond(customer: account, request, isCurrent: true)
    }
  }

  /// The account that a request comes from, as the API sees it: by signature or by session.
  private func account(
    _ request: Request, _ answer: @Sendable (APIServer.Call) async -> APIServer.Answer
  ) async -> String? {
    struct Listing: Decodable {
      struct Accounts: Decodable {
        struct Account: Decodable { let id: String }
        let account: [Account]?
      }
      let listaccountsresponse: Accounts
    }
    let parameters = request.uri.queryParameters
    var query = request.uri.query ?? ""
    if let command = parameters.get("command") {
      // Any other call would be carried out.
      guard command.lowercased() == "listaccounts" else { return nil }
    } else {
      guard let key = parameters.get("sessionkey"), key.allSatisfy({ $0.isASCII && ($0.isLetter || $0.isNumber) })
      else { return nil }
      query = "command=listAccounts&response=json&sessionkey=\(key)"
    }
    var call = APIServer.Call(method: "GET", query: query)
    for pair in request.headers[values: .cookie].flatMap({ $0.split(separator: ";") }).prefix(64) {
      let parts = pair.split(separator: "=", maxSplits: 1)
      guard parts.count == 2 else { continue }
      call.cookies[parts[0].filter { $0 != " " }] = parts[1].filter { $0 != " " && $0 != "\"" }
    }
    let told = await answer(call)
    guard told.status == 200, let listing = try? JSONDecoder().decode(Listing.self, from: Data(told.body)),
      let accounts = listing.listaccountsresponse.account, accounts.count == 1
    else { return nil }
    return accounts[0].id
  }

  private static func text(_ status: HTTPResponse.Status, _ text: String) -> Response {
    Response(
      status: status, headers: [.contentType: "text/plain; charset=utf-8", .cacheControl: "no-store"],
      body: .init(byteBuffer: ByteBuffer(string: text)))
  }
}
