import FoundationEssentials
package import Hummingbird

/// What operators do by page and by API. Nothing here is answered unless `verify` says who asks.
package struct OperatorRoutes: Sendable {
  package typealias Verify = @Sendable (Request) async -> String?

  let current: @Sendable () -> StatusBoard?
  let verify: Verify
  static let root = "/status/operator"

  /// - Parameters:
  ///   - board: nil while this process has none that may be written on.
  ///   - verify: the operator's name, or nil if the request does not come from one.
  package init(board: @escaping @Sendable () -> StatusBoard?, verify: @escaping Verify) {
    current = board
    self.verify = verify
  }

  package init(board: StatusBoard, verify: @escaping Verify) {
    self.init(board: { board }, verify: verify)
  }

  package func add<Routes: RouterMethods>(to router: Routes) {
    router.get(RouterPath(Self.root)) { request, _ in
      await guarded(request) { _, board throws(OperatorError) in
        let html = OperatorPage(board: board, language: Reader(request).language).text
        return Response(
          status: .ok,
          headers: [
            .contentType: "text/html; charset=utf-8", .cacheControl: "no-store", .xContentTypeOptions: "nosniff",
            .contentSecurityPolicy: StatusRoutes.pagePolicy,
          ], body: .init(byteBuffer: ByteBuffer(string: html)))
      }
    }
    router.get(RouterPath(Self.root + "/incidents.json")) { request, _ in
      await guarded(request) { _, board throws(OperatorError) in
        Self.json([
          "incidents": .array(board.incidents.reversed().map(Self.entry)),
          "maintenances": .array(board.maintenances.reversed().map(Self.entry)),
          "components": .array(board.components.map(Self.entry)),
        ])
      }
    }
    for action in Action.allCases {
      router.post(RouterPath(Self.root + action.path)) { request, context in
        let id = context.parameters.get("id") ?? ""
        return await guarded(request) { name, board throws(OperatorError) in
          let wish = try await OperatorWish.read(request)
          let made = try perform(action, id, wish, by: name, on: board, now: Moment(Date()))
          let isForm = request.headers[.contentType]?.hasPrefix("application/x-www-form-urlencoded") ?? false
          if isForm { return Response(status: .seeOther, headers: [.location: Self.root]) }
          return Self.json(["id": .string(made)])
        }
      }
    }
  }

  enum Action: CaseIterable {
    case write, add, edit, publish, merge, schedule, reschedule, finish

    var path: String {
      switch self {
      case .write: "/incidents"
      case .add: "/incidents/{id}/updates"
      case .edit: "/incidents/{id}/edit"
      case .publish: "/incidents/{id}/publish"
      case .merge: "/incidents/{id}/merge"
      case .schedule: "/maintenances"
      case .reschedule: "/maintenances/{id}/reschedule"
      case .finish: "/maintenances/{id}/finish"
      }
    }
  }

  /// - Returns: the id of what was made or changed.
  func perform(
    _ action: Action, _ id: String, _ wish: OperatorWish, by name: String, on board: StatusBoard, now: Moment
  ) throws(OperatorError) -> String {
    let empty = Wording(ja: "", en: "")
    let impact = try wish.wantedImpact()
    switch action {
    case .write:
      let notice = IncidentCourse.Notice(
        title: wish.title ?? empty, body: wish.body ?? empty, impact: impact ?? .minor, components: wish.ids,
        isDraft: wish.draft == "true" || wish.draft == "on")
      return try board.operate { course throws(OperatorError) in try course.write(notice, by: name, now: now) }
    case .add:
      guard let status = IncidentStatus(rawValue: wish.status ?? "") else {
        throw OperatorError(.invalid, "status is one of investigating, identified, monitoring, resolved")
      }
      try board.operate { course throws(OperatorError) in
        try course.add(wish.body ?? empty, status: status, to: id, now: now)
      }
    case .edit:
      let update = wish.update.map { (id: $0, body: wish.body ?? empty) }
      try board.operate { course throws(OperatorError) in
        try course.edit(id, title: wish.title, cause: wish.cause, impact: impact, update: update)
      }
    case .publish: try board.operate { course throws(OperatorError) in try course.publish(id) }
    case .merge:
      try board.operate { course throws(OperatorError) in try course.merge(id, into: wish.into ?? "", now: now) }
    case .schedule:
      let plan = IncidentCourse.Plan(
        title: wish.title ?? empty, components: wish.ids, from: try OperatorWish.moment(wish.from, "from"),
        until: try OperatorWish.moment(wish.until, "until"), action: wish.action.flatMap { $0.isEmpty ? nil : $0 })
      return try board.operate { course throws(OperatorError) in try course.schedule(plan, by: name, now: now) }
    case .reschedule:
      let from = try OperatorWish.moment(wish.from, "from")
      let until = try OperatorWish.moment(wish.until, "until")
      try board.operate { course throws(OperatorError) in
        try course.reschedule(id, from: from, until: until, now: now)
      }
    case .finish: try board.operate { course throws(OperatorError) in try course.finish(id, now: now) }
    }
    return id
  }

  private func guarded(
    _ request: Request, _ body: (String, StatusBoard) async throws(OperatorError) -> Response
  ) async -> Response {
    guard let board = current() else {
      return Self.json(["error": .string("this manager does not lead; ask the one that does")], .serviceUnavailable)
    }
    guard let name = await verify(request) else {
      return Response(
        status: .unauthorized,
        headers: [
          .wwwAuthenticate: "Basic realm=\"operators\", charset=\"UTF-8\"", .contentType: "text/plain; charset=utf-8",
        ],
        body: .init(byteBuffer: ByteBuffer(string: "Sign in with an operator's name and token.\n")))
    }
    // A browser names the page that a form came from; another site's forms are not ours.
    if request.method == .post, let origin = request.headers[.origin] {
      let host = origin.split(separator: "/").last.map(String.init)
      guard host == request.head.authority else {
        return Self.refusal(OperatorError(.refused, "this form came from \(origin.clipped)"))
      }
    }
    do throws(OperatorError) { return try await body(name, board) } catch { return Self.refusal(error) }
  }

  private static func refusal(_ error: OperatorError) -> Response {
    let status: HTTPResponse.Status =
      switch error.code {
      case .unknown: .notFound
      case .refused: .conflict
      case .invalid: .badRequest
      }
    return json(["error": .string(error.description)], status)
  }

  private static func json(_ members: KeyValuePairs<String, JSON>, _ status: HTTPResponse.Status = .ok) -> Response {
    Response(
      status: status,
      headers: [
        .contentType: "application/json; charset=utf-8", .cacheControl: "no-store", .xContentTypeOptions: "nosniff",
      ], body: .init(byteBuffer: ByteBuffer(string: JSON.object(members.map { ($0.key, $0.value) }).text)))
  }

  private static func entry(_ incident: Incident) -> JSON {
    .object([
      ("id", .string(incident.id)), ("name", .string(Phrases().name(incident).en)),
      ("status", .string(incident.status.rawValue)), ("impact", .string(incident.impact.rawValue)),
      ("draft", .bool(incident.isDraft)), ("measured", .bool(incident.isMeasured)),
      ("merged_into", incident.editorial?.mergedInto.map(JSON.string) ?? .null),
      ("author", incident.editorial?.author.map(JSON.string) ?? .null), ("started_at", .time(incident.startedAt)),
      ("resolved_at", .time(incident.resolvedAt)),
      (
        "updates",
        .array(
          incident.updates.map {
            .object([("id", .string($0.id)), ("body", .string($0.body.en)), ("created_at", .time($0.createdAt))])
          })
      ),
    ])
  }

  private static func entry(_ maintenance: Maintenance) -> JSON {
    .object([
      ("id", .string(maintenance.id)), ("name", .string(maintenance.title.en)),
      ("status", .string(maintenance.status.rawValue)), ("author", .string(maintenance.author)),
      ("scheduled_for", .time(maintenance.scheduledFor)), ("scheduled_until", .time(maintenance.scheduledUntil)),
      ("action", maintenance.action.map(JSON.string) ?? .null),
      ("components", .array(maintenance.components.map(JSON.string))),
    ])
  }

  private static func entry(_ component: Component) -> JSON {
    .object([
      ("id", .string(component.id)), ("name", .string(component.name)), ("zone", .string(component.zone)),
      ("cell", component.cell.map(JSON.string) ?? .null), ("status", .string(component.state.rawValue)),
    ])
  }
}
