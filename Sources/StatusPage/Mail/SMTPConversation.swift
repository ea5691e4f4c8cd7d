import FoundationEssentials

/// One mail by SMTP (RFC 5321), as what to say to each of the server's replies. Pure.
struct SMTPConversation {
  enum Security: String, Sendable { case none, startTLS = "starttls", tls }

  struct Credentials: Sendable {
    var user: String
    var password: String
  }

  enum Step: Equatable {
    case send(String)
    /// Take up TLS on this connection, then go on with `afterTLS`.
    case startTLS
    /// The server has taken the mail, and the farewell was answered.
    case done
  }

  private enum State {
    case greeting, hello, startTLS, helloSecure, authenticating, sender, recipient, data, content, quitting
  }

  let message: MailMessage
  let security: Security
  let credentials: Credentials?
  let hostname: String
  private var state = State.greeting

  init(_ message: MailMessage, security: Security, credentials: Credentials?, hostname: String) {
    self.message = message
    self.security = security
    self.credentials = credentials
    self.hostname = hostname
  }

  /// - Parameter reply: all lines of one reply, without their ends.
  mutating func take(_ reply: [String]) throws(SMTPError) -> Step {
    guard let code = reply.last.flatMap({ Int($0.prefix(3)) }) else {
      throw SMTPError("the server does not speak SMTP", isFinal: true)
    }
    let expected: Set<Int> =
      switch state {
      case .authenticating: [235]
      case .data: [354]
      case .greeting, .startTLS: [220]
      case .quitting: [221, 250]
      case .recipient: [250, 251]
      default: [250]
      }
    guard expected.contains(code) else {
      // The mail was taken already.
      if state == .quitting { return .done }
      throw SMTPError("the server answered \((reply.last ?? "").clipped)", isFinal: code / 100 == 5)
    }
    let offers = Set(reply.map { $0.dropFirst(4).split(separator: " ").first?.uppercased() ?? "" })
    switch state {
    case .greeting: return say("EHLO \(hostname)", .hello)
    case .hello where security == .startTLS:
      guard offers.contains("STARTTLS") else {
        throw SMTPError("the server offers no STARTTLS; nothing is sent in the clear", isFinal: true)
      }
      return say("STARTTLS", .startTLS)
    case .startTLS:
      state = .helloSecure
      return .startTLS
    case .hello, .helloSecure:
      guard let credentials else { return say("MAIL FROM:<\(message.from)>", .sender) }
      guard security != .none else {
        throw SMTPError("a password is not sent without TLS; use starttls or tls", isFinal: true)
      }
      let secret = Data("\0\(credentials.user)\0\(credentials.password)".utf8).base64EncodedString()
      return say("AUTH PLAIN \(secret)", .authenticating)
    case .authenticating: return say("MAIL FROM:<\(message.from)>", .sender)
    case .sender: return say("RCPT TO:<\(message.to)>", .recipient)
    case .recipient: return say("DATA", .data)
    case .data:
      state = .content
      // A line that begins with a dot gets another one.
      return .send(
        message.text.split(separator: "\r\n", omittingEmptySubsequences: false).map {
          $0.hasPrefix(".") ? "." + $0 : String($0)
        }.joined(separator: "\r\n") + ".\r\n")
    case .content: return say("QUIT", .quitting)
    case .quitting: return .done
    }
  }

  func afterTLS() -> String { "EHLO \(hostname)\r\n" }

  private mutating func say(_ line: String, _ next: State) -> Step {
    state = next
    return .send(line + "\r\n")
  }
}

struct SMTPError: Error, CustomStringConvertible {
  var description: String
  /// Trying again would not help.
  var isFinal: Bool

  init(_ description: String, isFinal: Bool) {
    self.description = description
    self.isFinal = isFinal
  }
}
