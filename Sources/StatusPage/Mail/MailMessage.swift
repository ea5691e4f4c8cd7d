import FoundationEssentials

/// One mail as it goes over the wire.
package struct MailMessage: Sendable, Equatable {
  package var from: MailAddress
  /// The provider's name.
  package var fromName: String
  package var to: MailAddress
  package var subject: String
  package var body: String
  package var date: Moment
  package var id: String
  /// Ends the subscription by a POST, as RFC 8058 has it.
  package var unsubscribe: String?

  package init(
    from: MailAddress, fromName: String, to: MailAddress, subject: String, body: String, date: Moment, id: String,
    unsubscribe: String? = nil
  ) {
    self.from = from
    self.fromName = fromName
    self.to = to
    self.subject = subject
    self.body = body
    self.date = date
    self.id = id
    self.unsubscribe = unsubscribe
  }

  /// Headers and body, with CRLF, no line longer than 78 bytes but for the links. Texts are always encoded, so that none
  /// of them can end a header.
  package var text: String {
    let domain = from.description.split(separator: "@").last ?? "localhost"
    var lines = [
      "From: \(Self.encoded(fromName)) <\(from)>", "To: <\(to)>", "Subject: \(Self.encoded(subject))",
      "Date: \(date.mailDate)", "Message-ID: <\(Self.token(id))@\(domain)>", "MIME-Version: 1.0",
      "Content-Type: text/plain; charset=utf-8", "Content-Transfer-Encoding: base64", "Auto-Submitted: auto-generated",
      "Precedence: bulk",
    ]
    if let unsubscribe, let address = WebAddress(unsubscribe) {
      lines.append("List-Unsubscribe: <\(address)>")
      lines.append("List-Unsubscribe-Post: List-Unsubscribe=One-Click")
    }
    let body = Data(body.replacing("\n", with: "\r\n").utf8).base64EncodedString()
    lines.append("")
    var rest = Substring(body)
    while !rest.isEmpty {
      lines.append(String(rest.prefix(76)))
      rest = rest.dropFirst(76)
    }
    return lines.joined(separator: "\r\n") + "\r\n"
  }

  /// RFC 2047: encoded words of at most 75 bytes, folded.
  private static func encoded(_ text: String) -> String {
    var words: [String] = []
    var piece: [UInt8] = []
    for scalar in text.clipped.unicodeScalars {
      let bytes = Array(String(scalar).utf8)
      if piece.count + bytes.count > 45 {
        words.append("=?utf-8?B?\(Data(piece).base64EncodedString())?=")
        piece = []
      }
      piece += bytes
    }
    words.append("=?utf-8?B?\(Data(piece).base64EncodedString())?=")
    return words.joined(separator: "\r\n ")
  }

  private static func token(_ text: String) -> String {
    String(text.filter { $0.isASCII && ($0.isLetter || $0.isNumber || $0 == ".") }.prefix(60))
  }
}
