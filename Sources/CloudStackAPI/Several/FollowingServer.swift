import Control
import Ledger
import Synchronization

/// Answers calls at a manager that follows: what only reads, from its own snapshot; everything else is passed to the
/// manager that leads, as it came, and its answer back. What this manager does not know yet it asks that one for.
package final class FollowingServer: Sendable {
  /// A call that the one which leads may wait on for its nodes takes about a minute.
  private static let answerLimit = Duration.seconds(75)
  private static let lookLimit = Duration.seconds(3)
  /// How long a call waits for somebody to lead.
  private static let leaderLimit = Duration.seconds(8)
  private static let callLimit = 256

  package let own: APIServer
  private let leader: LeaderSight
  private let waiting = Atomic(0)

  package init(_ own: APIServer, leader: LeaderSight) {
    self.own = own
    self.leader = leader
  }

  private enum Course {
    case own
    /// Here, but an answer that may only mean that this manager is behind is asked for again.
    case ownFirst
    /// There; what only reads is asked again when the answer does not come.
    case leader(isReading: Bool)
  }

  /// - Parameter promoted: this manager's own server, once it leads.
  package func answer(
    _ call: APIServer.Call, promoted: @escaping @Sendable () -> APIServer?
  ) async -> APIServer.Answer {
    if call.isForwarded { return refusal(call, 421, "This manager does not lead") }
    switch course(of: call) {
    case .own: return await own.answer(call)
    case .ownFirst:
      let answer = await own.answer(call)
      guard answer.status == 401 || answer.status == 431, let address = leader.address,
        case .success(let told) = await pass(call, to: address, limit: Self.lookLimit)
      else { return answer }
      return told
    case .leader(let isReading): return await passed(call, isReading: isReading, promoted)
    }
  }

  private func course(of call: APIServer.Call) -> Course {
    guard call.method == "GET" || call.method == "POST",
      let form = try? Form(query: call.query, body: call.method == "POST" && call.isForm ? call.body : []),
      let name = form["command"]
    else { return .own }
    if ["login", "logout"].contains(name.lowercased()) { return .leader(isReading: false) }
    let command = Catalog.command(name)
    let isReading = command?.isReading ?? false
    // Sessions are the leader's.
    if call.cookies[APIServer.sessionCookie] != nil && form.anyCase("apiKey") == nil {
      return .leader(isReading: isReading)
    }
    guard let command else { return .own }
    return isReading && !command.isOfNodes ? .ownFirst : .leader(isReading: isReading)
  }

  private func passed(
    _ call: APIServer.Call, isReading: Bool, _ promoted: @Sendable () -> APIServer?
  ) async -> APIServer.Answer {
    guard waiting.add(1, ordering: .relaxed).oldValue < Self.callLimit else {
      waiting.subtract(1, ordering: .relaxed)
      return refusal(call, 503, "Too many calls wait for the manager that leads; try again later")
    }
    defer { waiting.subtract(1, ordering: .relaxed) }
    let end = ContinuousClock.now + Self.leaderLimit
    while ContinuousClock.now < end, !Task.isCancelled {
      if let server = promoted() { return await server.answer(call) }
      if let address = leader.address {
        switch await pass(call, to: address, limit: Self.answerLimit) {
        case .success(let answer): return answer
        case .failure(let failure):
          if failure == .unreached || isReading { break }
          return refusal(
            call, 503,
            "The manager that leads went away while it had this call; it may have been carried out or not. Look before "
              + "you try again")
        }
      }
      try? await Task.sleep(for: .milliseconds(50))
    }
    return refusal(call, 503, "No manager leads at the moment, so nothing can be changed; try again in a few seconds")
  }

  private func pass(
    _ call: APIServer.Call, to address: ManagerAddress, limit: Duration
  ) async -> Result<APIServer.Answer, HTTPExchange.Failure> {
    var headers = [(name: "X-Daruma-Forwarded", value: "1")]
    if call.isForm { headers.append((name: "Content-Type", value: "application/x-www-form-urlencoded")) }
    let cookies = call.cookies.map { "\($0.key)=\($0.value)" }.sorted().joined(separator: "; ")
    if !cookies.isEmpty { headers.append((name: "Cookie", value: cookies)) }
    let exchange = HTTPExchange(
      method: call.method, target: "/client/api" + (call.query.isEmpty ? "" : "?\(call.query)"), headers: headers,
      body: call.body)
    do throws(HTTPExchange.Failure) {
      let leader = self.leader
      let response = try await exchange.run(at: address, limit: limit) { try await leader.replaced(address) }
      // It led a moment ago and did nothing about the call.
      if response.status == 421 { return .failure(.unreached) }
      if let revision = response.all("x-daruma-revision").first.flatMap(UInt64.init) { await see(revision) }
      return .success(
        APIServer.Answer(
          status: response.status, contentType: response.all("content-type").first ?? "text/plain",
          description: response.all("x-description").first, body: response.body, cookies: response.all("set-cookie")))
    } catch { return .failure(error) }
  }

  /// Whoever was told of a change here also reads it here.
  private func see(_ revision: UInt64) async {
    let ledger = own.control.ledger
    guard ledger.snapshot.revision < revision else { return }
    await withTaskGroup(of: Void.self) { group in
      group.addTask {
        var revisions = ledger.revisions(after: ledger.snapshot.revision).makeAsyncIterator()
        while ledger.snapshot.revision < revision {
          guard let next = try? await revisions.next(), next.revision.number < revision else { return }
        }
      }
      group.addTask { try? await Task.sleep(for: Self.lookLimit) }
      await group.next()
      group.cancelAll()
    }
  }

  private func refusal(_ call: APIServer.Call, _ status: Int, _ text: String) -> APIServer.Answer {
    APIServer.refusal(call, status, text)
  }
}

extension APIServer {
  /// What a manager answers that cannot deal with a call now, whatever the call is.
  package static func refusal(_ call: Call, _ status: Int, _ text: String) -> Answer {
    let form = try? Form(query: call.query, body: call.method == "POST" && call.isForm ? call.body : [])
    let envelope = form?["command"].flatMap(Catalog.command)?.envelope ?? "errorresponse"
    let isJSON = form?["response"]?.lowercased() == "json" || call.query.contains("response=json")
    return render(APIError(status, detail: nil, text), envelope, isJSON: isJSON)
  }
}
