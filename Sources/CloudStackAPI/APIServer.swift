import CloudModel
package import Control
import CoreMetrics
package import FoundationEssentials
package import Logging

/// CloudStack's wire protocol: one call in, one answer out.
package struct APIServer: Sendable {
  package let control: Control
  let sessions = Sessions()
  let logins = Login()
  private let instanceOrder = CreationOrder<VirtualMachine>(\.created)
  let logger: Logger
  private let now: @Sendable () -> Date

  package init(control: Control, logger: Logger) {
    self.init(control: control, logger: logger, now: { Date() })
  }

  package init(control: Control, logger: Logger, now: @escaping @Sendable () -> Date) {
    self.control = control
    self.logger = logger
    self.now = now
  }

  /// A request as it came. `body` is read as a form when `isForm`.
  package struct Call: Sendable {
    package var method: String
    package var query: String
    package var body: [UInt8]
    package var isForm: Bool
    package var cookies: [String: String]
    /// Another manager passed it on.
    package var isForwarded = false

    package init(
      method: String, query: String, body: [UInt8] = [], isForm: Bool = false, cookies: [String: String] = [:]
    ) {
      self.method = method
      self.query = query
      self.body = body
      self.isForm = isForm
      self.cookies = cookies
    }
  }

  package struct Answer: Hashable, Sendable {
    package let status: Int
    package let contentType: String
    /// What went wrong, for the header `X-Description`.
    package let description: String?
    package let body: [UInt8]
    /// Values of headers `Set-Cookie`.
    package var cookies: [String] = []
    /// What a manager that passed the call on should have seen before it passes the answer back.
    package var revision: UInt64?
    /// What the log calls the call.
    package var request: String?
  }

  /// Answers every call, also those that are no calls at all.
  package func answer(_ call: Call) async -> Answer {
    await recorded {
      var trace = Trace()
      let answer = await answer(call, &trace)
      return (answer, trace)
    }
  }

  /// Counts and logs a call, under an id of its own.
  func recorded(_ body: () async -> (Answer, Trace)) async -> Answer {
    let began = ContinuousClock.now
    let request = RequestID.next()
    var (answer, trace) = await RequestID.$current.withValue(request) { await body() }
    answer.request = request
    let duration = ContinuousClock.now - began
    Self.count(trace.command, answer.status, duration)
    var metadata: Logger.Metadata = [
      "request": "\(request)", "command": "\(trace.command)", "status": "\(answer.status)", "duration": "\(duration)",
    ]
    if let caller = trace.caller { metadata["caller"] = "\(caller)" }
    if let error = answer.description { metadata["error"] = "\(Self.bounded(error))" }
    logger.log(level: answer.status >= 500 && answer.status < 531 ? .warning : .info, "api", metadata: metadata)
    return answer
  }

  private static func count(_ command: String, _ status: Int, _ duration: Duration) {
    Counter(label: "daruma_api_requests", dimensions: [("command", command), ("status", "\(status)")]).increment()
    let (seconds, attoseconds) = duration.components
    Timer(label: "daruma_api_request_duration", dimensions: [("command", command)])
      .recordNanoseconds(seconds * 1_000_000_000 + attoseconds / 1_000_000_000)
  }

  /// An error text, which may repeat what a caller sent, as a bounded line of printable ASCII.
  static func line(_ text: String) -> String {
    String(decoding: text.utf8.prefix(512).map { $0 < 0x20 || $0 > 0x7E ? UInt8(ascii: "?") : $0 }, as: UTF8.self)
  }

  /// The same for the log, which writes any character safely.
  static func bounded(_ text: String) -> String { String(decoding: text.utf8.prefix(512), as: UTF8.self) }

  /// What the log says of a call: never parameters.
  struct Trace {
    var command = "-"
    var caller: String?
  }

  private func answer(_ call: Call, _ trace: inout Trace) async -> Answer {
    guard call.method == "GET" || call.method == "POST" else {
      return Self.render(.malformedMethod, "errorresponse", isJSON: false)
    }
    let form: Form
    do {
      form = try Form(query: call.query, body: call.method == "POST" && call.isForm ? call.body : [])
    } catch {
      return Self.render(error, "errorresponse", isJSON: call.query.contains("response=json"))
    }
    let isJSON = form["response"]?.lowercased() == "json"
    let command = form["command"].flatMap(Catalog.command)
    trace.command = command?.name ?? "-"
    if let answer = await answerSession(call, form, isJSON: isJSON) { return answer }
    guard let caller = authenticate(call, form) else {
      return Self.render(.unverified, command?.envelope ?? "errorresponse", isJSON: isJSON)
    }
    trace.caller = caller.user.description
    if let wait = control.throttle.count(caller, in: control.state) {
      return Self.render(.throttled(wait), command?.envelope ?? "errorresponse", isJSON: isJSON)
    }
    guard let command else {
      let isSession = call.cookies[Self.sessionCookie] != nil && form.anyCase("apiKey") == nil
      return Self.render(isSession ? .unknownCommand : .unverified, "errorresponse", isJSON: isJSON)
    }
    guard Permission.allows(caller, command, in: control.state) else {
      return Self.render(.unavailable(command), "errorresponse", isJSON: isJSON)
    }
    return await perform(command, for: caller, form, isPost: call.method == "POST", isJSON: isJSON)
  }

  /// Carries a command out that the caller may call.
  func perform(_ command: Command, for caller: Caller, _ form: Form, isPost: Bool, isJSON: Bool) async -> Answer {
    do {
      let state = control.state
      let arguments = try ArgumentParser(command: command, caller: caller, state: state).parse(form)
      let request = Request(
        command: command, caller: caller, arguments: arguments, control: control, state: state,
        instanceOrder: instanceOrder, isPost: isPost)
      let isDryRun = arguments.boolean("dryrun") == true
      let reply = try await isDryRun ? preview(request) : command.run(request)
      audit(command, by: caller, arguments, status: 200, job: reply.job)
      return Self.render(reply, command.envelope, isJSON: isJSON)
    } catch {
      let told = APIError(error, isRootAdmin: caller.isRootAdmin)
      if told.code == 530 {
        logger.error("api command failed", metadata: ["command": "\(command.name)", "cause": "\(error)"])
      }
      audit(command, by: caller, nil, status: told.code)
      return Self.render(told, command.envelope, isJSON: isJSON)
    }
  }

  /// What the command would do.
  private func preview(_ request: Request) async throws -> Reply {
    do {
      _ = try await Control.$isPreviewing.withValue(true) { try await request.command.run(request) }
    } catch let preview as Preview {
      return .object(View.preview(preview, for: request.caller))
    }
    throw APIError(432, "The API [\(request.command.name)] cannot be previewed")
  }

  /// By session if there is one, else by signature. An unknown key takes as long as a wrong signature and is told the same.
  private func authenticate(_ call: Call, _ form: Form) -> Caller? {
    switch find(call, form) {
    case .user(let user): return control.caller(user: user)
    case .forged: return nil
    case .none: break
    }
    guard let key = form.anyCase("apiKey") else { return nil }
    let known = control.caller(apiKey: key)
    let isSigned = Signature.verifies(form, secret: known?.secretKey ?? "-", now: now())
    return isSigned ? known?.caller : nil
  }

  static func render(_ error: APIError, _ envelope: String, isJSON: Bool) -> Answer {
    render(error.reply, envelope, isJSON: isJSON, status: error.code, description: error.text)
  }

  static func render(
    _ reply: Reply, _ envelope: String, isJSON: Bool, status: Int = 200, description: String? = nil
  ) -> Answer {
    if isJSON {
      var outer = Fields()
      outer.add(envelope, reply)
      return Answer(
        status: status, contentType: "application/json; charset=UTF-8", description: description,
        body: Reply.object(outer).json)
    }
    return Answer(
      status: status, contentType: "text/xml; charset=UTF-8", description: description, body: reply.xml(root: envelope))
  }
}

extension APIError {
  fileprivate static let malformedMethod = APIError(405, "Only GET and POST are understood")

  fileprivate static let unknownCommand = APIError(
    432, "The given command does not exist or it is not available for user")

  fileprivate static func throttled(_ wait: Duration) -> APIError {
    APIError(
      429, "The given user has reached his/her account api limit, please retry after \(wait.milliseconds) ms.")
  }

  fileprivate static func unavailable(_ command: Command) -> APIError {
    APIError(432, "The API [\(command.name)] does not exist or is not available for the account.")
  }
}
