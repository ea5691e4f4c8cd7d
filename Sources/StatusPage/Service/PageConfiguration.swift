import FoundationEssentials

/// How a page by itself is set up: one JSON file.
package struct PageConfiguration: Sendable, Codable {
  package var name: String
  /// Where the page is reached, without `/status`.
  package var url: String
  package var address: String?
  package var port: Int
  /// The cloud's key in base64; documents that it did not sign are refused.
  package var publicKey: String?
  package var probes: [OutsideProbe]?
  /// Where the page is written as files.
  package var exportFolder: String?
  /// In per cent of a month.
  package var objective: Double?
  /// The address that a reverse proxy names is the reader's; without one, nobody may name any.
  package var isBehindProxy: Bool?
  package var mail: Mail?
  /// Single addresses that webhooks may lead to although they are not public.
  package var webhookAddresses: [String]?
  /// Certificates that are believed instead of the system's.
  package var trustFile: String?
  /// A file with lines of `name:token`.
  package var operatorFile: String?
  /// A JSON object of texts that replace the standard ones.
  package var textFile: String?
  /// `at-once`, `by-operator`, or a number of seconds, by the kind of fault.
  package var publication: [String: String]?

  package struct Mail: Sendable, Codable {
    package var from: String
    /// `smtp://`, `smtp+starttls://`, `smtps://` with host and port, or the path of a `sendmail`.
    package var route: String
    package var user: String?
    package var passwordFile: String?
  }

  package static func read(_ path: String) throws(StatusPageError) -> PageConfiguration {
    guard let data = try DurableFile(path: path).read(limit: 1 << 20) else {
      throw StatusPageError(code: .unreadable, message: "there is no \(path); write the page's settings into it")
    }
    do { return try JSONDecoder().decode(PageConfiguration.self, from: data) } catch {
      throw StatusPageError(code: .damaged, message: "\(path) does not hold a page's settings", cause: "\(error)")
    }
  }

  /// Takes the cloud's key from the file that its manager writes.
  package mutating func readPublicKey(_ path: String) throws(StatusPageError) {
    guard let data = try DurableFile(path: path).read(limit: 1000) else {
      throw StatusPageError(
        code: .unreadable, message: "there is no \(path); copy manager/page.pub from the cloud's state folder")
    }
    publicKey = String(decoding: data, as: UTF8.self).trimmingLineEnd
  }

  func templates() throws(StatusPageError) -> Templates {
    guard let textFile else { return .standard }
    guard let data = try DurableFile(path: textFile).read(limit: 1 << 20) else {
      throw StatusPageError(code: .unreadable, message: "there is no \(textFile); write the page's texts into it")
    }
    let texts: [String: Wording]
    do { texts = try JSONDecoder().decode([String: Wording].self, from: data) } catch {
      throw StatusPageError(
        code: .damaged, message: "\(textFile) must be an object of texts, each with ja and en", cause: "\(error)")
    }
    return try Templates(overrides: texts)
  }

  func policy() throws(StatusPageError) -> IncidentPolicy {
    var policy = IncidentPolicy()
    for (name, word) in publication ?? [:] {
      guard let kind = FaultKind(rawValue: name) else {
        throw StatusPageError(
          code: .damaged,
          message:
            "“\(name.clipped)” is no kind of fault; there are \(FaultKind.allCases.map(\.rawValue).joined(separator: ", "))"
        )
      }
      switch word {
      case "at-once": policy.publication[kind] = .atOnce
      case "by-operator": policy.publication[kind] = .byOperator
      default:
        guard let seconds = Double(word), seconds >= 0 else {
          throw StatusPageError(
            code: .damaged, message: "publication of \(name) is at-once, by-operator or a number of seconds")
        }
        policy.publication[kind] = .after(seconds)
      }
    }
    return policy
  }

  func mailSettings(_ trust: TrustRoots) throws(StatusPageError) -> MailSettings? {
    guard let mail else { return nil }
    guard let from = MailAddress(mail.from) else {
      throw StatusPageError(code: .damaged, message: "mail.from must be a plain mail address")
    }
    if mail.route.hasPrefix("/") { return MailSettings(from: from, name: name, route: .sendmail(mail.route)) }
    var password: String?
    if let file = mail.passwordFile {
      password = try DurableFile(path: file).read(limit: 1000).map {
        String(decoding: $0, as: UTF8.self).trimmingLineEnd
      }
    }
    guard let server = SMTPServer(url: mail.route, user: mail.user, password: password, trust: trust) else {
      throw StatusPageError(
        code: .damaged,
        message: "mail.route is smtp://, smtp+starttls:// or smtps:// and a host, or the path of a sendmail")
    }
    return MailSettings(from: from, name: name, route: .smtp(server))
  }
}

extension String {
  var trimmingLineEnd: String { String(reversed().drop { $0.isNewline }.reversed()) }
}
