import CloudModel
import Control

/// Logging in by name and password, in the place of signing requests.
extension APIServer {
  static let sessionCookie = "JSESSIONID"
  static let keyCookie = "sessionkey"

  /// Answers `login` and `logout`; nil for any other command. Their names are matched in any case.
  func answerSession(_ call: Call, _ form: Form, isJSON: Bool) async -> Answer? {
    switch form["command"]?.lowercased() {
    case "login":
      guard call.method == "POST" else {
        return Answer(
          status: 405, contentType: "text/plain; charset=UTF-8", description: nil,
          body: Array("Please use HTTP POST to log in".utf8))
      }
      return await login(form, isJSON: isJSON)
    case "logout":
      guard case .user = find(call, form), let id = call.cookies[Self.sessionCookie] else {
        return Self.render(.parameter("You are not logged in"), "logoutresponse", isJSON: isJSON)
      }
      sessions.end(id)
      var fields = Fields()
      fields.add("description", "success")
      var answer = Self.render(.object(fields), "logoutresponse", isJSON: isJSON)
      answer.cookies = [Self.sessionCookie, Self.keyCookie].map {
        "\($0)=; Path=/client; Max-Age=0; HttpOnly; SameSite=Lax"
      }
      return answer
    default: return nil
    }
  }

  func find(_ call: Call, _ form: Form) -> Sessions.Finding {
    guard let id = call.cookies[Self.sessionCookie] else { return .none }
    return sessions.find(id, key: call.cookies[Self.keyCookie], parameter: form["sessionkey"])
  }

  private func login(_ form: Form, isJSON: Bool) async -> Answer {
    let state = control.state
    func refused(_ text: String) -> Answer {
      Self.render(APIError(531, detail: nil, text), "loginresponse", isJSON: isJSON)
    }
    let wrong = "Failed to authenticate user, check if username/password are valid"
    guard let username = form.anyCase("username"), let password = form.anyCase("password"),
      (1...255).contains(username.utf8.count), (1...1024).contains(password.utf8.count)
    else { return refused(wrong) }
    guard let domain = domain(form, state) else { return refused("Unable to find the domain from the path") }
    let caller: Caller
    do throws(Login.Refusal) {
      caller = try await logins.caller(username: username, password: password, domain: domain, in: state)
    } catch {
      switch error {
      case .wrong: return refused(wrong)
      case .locked: return refused("Too many wrong passwords for this user; wait a minute and try again")
      case .overloaded:
        return Self.render(APIError(429, "Too many logins at a time; try again"), "loginresponse", isJSON: isJSON)
      }
    }
    guard let user = state.users[caller.user], let account = state.accounts[caller.account] else {
      return refused(wrong)
    }
    let (id, key) = sessions.begin(user.id)
    var fields = Fields()
    fields.add("username", user.username)
    fields.add("userid", user.id.description)
    fields.add("domainid", user.domain.description)
    fields.add("timeout", Int(Sessions.timeout.components.seconds))
    fields.add("account", account.name)
    fields.add("firstname", user.firstname)
    fields.add("lastname", user.lastname)
    fields.add("type", String(account.type.rawValue))
    fields.add("timezone", "UTC")
    fields.add("timezoneoffset", "0.0")
    fields.add("registered", "false")
    fields.add("sessionkey", key)
    fields.add("is2faenabled", "false")
    fields.add("is2faverified", "true")
    var answer = Self.render(.object(fields), "loginresponse", isJSON: isJSON)
    answer.cookies = ["\(Self.sessionCookie)=\(id)", "\(Self.keyCookie)=\(key)"].map {
      $0 + "; Path=/client; HttpOnly; SameSite=Lax"
    }
    return answer
  }

  /// By id or by path; without either the domain ROOT.
  private func domain(_ form: Form, _ state: CloudState) -> ID<Domain>? {
    if let text = form.anyCase("domainId"), !text.isEmpty { return ID<Domain>(text).flatMap { state.domains[$0]?.id } }
    let names = (form.anyCase("domain") ?? "").split(separator: "/").map { $0.lowercased() }
    let path = names.first == "root" ? Array(names.dropFirst()) : names
    return state.domains.all.first {
      $0.path.split(separator: "/").map { $0.lowercased() }.drop { $0 == "root" } == path[...]
    }?.id
  }
}
