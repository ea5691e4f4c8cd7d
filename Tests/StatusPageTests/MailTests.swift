import FoundationEssentials
import Testing

@testable import StatusPage

@Suite struct MailTests {
  private func message(subject: String = "停止", body: String = "本文\n.\nend") throws -> MailMessage {
    MailMessage(
      from: try #require(MailAddress("status@example.jp")), fromName: "例 クラウド",
      to: try #require(MailAddress("a+b@example.com")),
      subject: subject, body: body, date: Drill.at(0), id: "abc",
      unsubscribe: "https://status.example.jp/status/unsubscribe?id=a&sig=b")
  }

  @Test(
    arguments: [
      "", "a", "a@", "@b.jp", "a@b", "a b@c.jp", "a@b.jp\r\nBcc: x@y.jp", "a@b.jp\n", "\"a\"@b.jp", "a@b..jp",
      "a@-b.jp",
      "a@b.jp,c@d.jp", "<a@b.jp>", "a@b@c.jp", "日本@b.jp", "a@日本.jp", ".a@b.jp", "a\u{0}@b.jp", "a@[127.0.0.1]",
      "-oQ/tmp@",
    ])
  func `what is no plain mail address is refused`(text: String) { #expect(MailAddress(text) == nil) }

  @Test func `no text can add a header`() throws {
    let evil = "x\r\nBcc: victim@example.jp\r\n\r\n<script>"
    var message = try message(subject: evil, body: evil)
    message.fromName = evil
    message.id = evil
    message.unsubscribe = "https://a.jp/\r\nBcc: victim@example.jp"
    let head = message.text.components(separatedBy: "\r\n\r\n")[0]
    let lines = head.replacing("\r\n ", with: " ").components(separatedBy: "\r\n")
    #expect(
      lines.map { String($0.prefix { $0 != ":" }) } == [
        "From", "To", "Subject", "Date", "Message-ID", "MIME-Version", "Content-Type", "Content-Transfer-Encoding",
        "Auto-Submitted", "Precedence",
      ])
    #expect(!message.text.contains("victim@"))
  }

  @Test func `a mail as it is written`() throws { try expectGolden("mail.txt", try message().text) }

  private func talk(
    _ security: SMTPConversation.Security, credentials: SMTPConversation.Credentials? = nil, _ replies: [[String]]
  ) throws -> [SMTPConversation.Step] {
    var conversation = SMTPConversation(
      try message(), security: security, credentials: credentials, hostname: "example.jp")
    return try replies.map { try conversation.take($0) }
  }

  @Test func `a conversation in the clear`() throws {
    let steps = try talk(
      .none, [["220 hello"], ["250-mx", "250 SIZE"], ["250 ok"], ["250 ok"], ["354 go"], ["250 taken"], ["221 bye"]])
    #expect(
      steps == [
        .send("EHLO example.jp\r\n"), .send("MAIL FROM:<status@example.jp>\r\n"),
        .send("RCPT TO:<a+b@example.com>\r\n"),
        .send("DATA\r\n"), .send(try message().text + ".\r\n"), .send("QUIT\r\n"), .done,
      ])
  }

  @Test func `TLS first, then the password`() throws {
    let steps = try talk(
      .startTLS, credentials: .init(user: "u", password: "p"),
      [["220 hello"], ["250-mx", "250 STARTTLS"], ["220 go"], ["250-mx", "250 AUTH PLAIN"], ["235 ok"]])
    #expect(steps[1] == .send("STARTTLS\r\n") && steps[2] == .startTLS)
    #expect(steps[3] == .send("AUTH PLAIN AHUAcA==\r\n"))
  }

  @Test func `nothing secret goes without TLS, and no server talks us out of it`() throws {
    #expect(throws: SMTPError.self) { try talk(.startTLS, [["220 hello"], ["250 mx"]]) }
    #expect(throws: SMTPError.self) {
      try talk(.none, credentials: .init(user: "u", password: "p"), [["220 hello"], ["250 mx"]])
    }
  }

  @Test func `a refusal for good is told apart from one for now`() throws {
    for (reply, isFinal) in [("550 no such user", true), ("451 later", false)] {
      let error = #expect(throws: SMTPError.self) {
        try talk(.none, [["220 hello"], ["250 mx"], ["250 ok"], [reply]])
      }
      #expect(error?.isFinal == isFinal)
    }
  }

  @Test func `replies are put together from pieces`() throws {
    var replies = SMTPReplies()
    #expect(try replies.take("250-a\r\n25") == [])
    #expect(try replies.take("0 b\r") == [])
    #expect(try replies.take("\n220 c\r\n") == [["250-a", "250 b"], ["220 c"]])
    #expect(replies.isEmpty)
    #expect(throws: SMTPError.self) { _ = try replies.take(String(repeating: "x", count: 70_000)) }
  }
}
