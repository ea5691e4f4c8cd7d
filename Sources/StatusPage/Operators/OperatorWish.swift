import FoundationEssentials
import Hummingbird
import NIOCore

/// What an operator sends, as a form or as JSON: all fields are texts, and most are optional.
struct OperatorWish: Decodable {
  var title_ja: String?
  var title_en: String?
  var body_ja: String?
  var body_en: String?
  var cause_ja: String?
  var cause_en: String?
  var impact: String?
  var status: String?
  /// Ids, separated by commas or white space.
  var components: String?
  var draft: String?
  var into: String?
  var update: String?
  var from: String?
  var until: String?
  var action: String?

  static let bytes = 64 << 10

  static func read(_ request: Request) async throws(OperatorError) -> OperatorWish {
    let isJSON = request.headers[.contentType]?.hasPrefix("application/json") ?? false
    do {
      let body = try await request.body.collect(upTo: bytes)
      if isJSON { return try JSONDecoder().decode(OperatorWish.self, from: Data(body.readableBytesView)) }
      return try URLEncodedFormDecoder().decode(OperatorWish.self, from: String(buffer: body))
    } catch {
      throw OperatorError(.invalid, "send a form or a JSON object of texts, at most \(bytes >> 10) KiB")
    }
  }

  var title: Wording? { Self.wording(title_ja, title_en) }
  var body: Wording? { Self.wording(body_ja, body_en) }
  var cause: Wording? { Self.wording(cause_ja, cause_en) }

  private static func wording(_ ja: String?, _ en: String?) -> Wording? {
    let text = Wording(ja: ja ?? "", en: en ?? "")
    return text.ja.isEmpty && text.en.isEmpty ? nil : text
  }

  var ids: [String] {
    (components ?? "").split { $0 == "," || $0.isWhitespace }.map(String.init)
  }

  func wantedImpact() throws(OperatorError) -> Impact? {
    guard let impact, !impact.isEmpty else { return nil }
    guard let value = Impact(rawValue: impact) else {
      throw OperatorError(.invalid, "impact is one of none, minor, major, critical")
    }
    return value
  }

  /// `2026-11-27T10:00` is Japan's time; with `Z` or an offset it is what it says.
  static func moment(_ text: String?, _ name: String) throws(OperatorError) -> Moment {
    let text = text ?? ""
    let isLocal = text.count == 16
    guard let date = try? Date(isLocal ? text + ":00+09:00" : text, strategy: .iso8601) else {
      throw OperatorError(.invalid, "\(name) is a time such as 2026-11-27T10:00 (JST) or 2026-11-27T01:00:00Z")
    }
    return Moment(date)
  }
}
