/// The languages of the page.
package enum Language: String, Sendable, CaseIterable, Codable {
  case ja, en

  /// The language of a request: `lang` if it names one of ours, otherwise the better of ours in `Accept-Language`.
  package static func chosen(parameter: String?, acceptLanguage: String?) -> Language {
    if let parameter, let language = Language(rawValue: parameter) { return language }
    guard let header = acceptLanguage?.prefix(1000) else { return .en }
    var best: (language: Language, weight: Double)?
    for part in header.split(separator: ",").prefix(50) {
      let pieces = part.split(separator: ";").map { $0.filter { $0 != " " } }
      guard let tag = pieces.first?.lowercased(), let primary = tag.split(separator: "-").first,
        let language = Language(rawValue: String(primary))
      else { continue }
      let weight = pieces.dropFirst().first { $0.hasPrefix("q=") }.map { Double($0.dropFirst(2)) ?? 0 } ?? 1
      if weight > 0, weight > best?.weight ?? 0 { best = (language, weight) }
    }
    return best?.language ?? .en
  }
}

/// The same statement in both languages.
package struct Wording: Sendable, Hashable, Codable {
  package var ja: String
  package var en: String

  package init(ja: String, en: String) {
    self.ja = ja
    self.en = en
  }

  package subscript(_ language: Language) -> String { language == .ja ? ja : en }

  static func += (a: inout Wording, b: Wording) { a = Wording(ja: a.ja + b.ja, en: a.en + b.en) }

  static func joined(_ parts: [Wording]) -> Wording {
    Wording(ja: parts.map(\.ja).joined(separator: "、"), en: listed(parts.map(\.en)))
  }

  /// `a`, `a and b`, `a, b and c`.
  static func listed(_ names: [String]) -> String {
    guard let last = names.last, names.count > 1 else { return names.first ?? "" }
    return names.dropLast().joined(separator: ", ") + " and " + last
  }
}

/// `1234567` → `1,234,567`.
func grouped(_ number: Int) -> String {
  var result = ""
  for (index, digit) in String(number).reversed().enumerated() {
    if index > 0, index % 3 == 0, digit != "-" { result.append(",") }
    result.append(digit)
  }
  return String(result.reversed())
}

/// A length of time as people say it, to two significant units.
func duration(_ milliseconds: Int64) -> Wording {
  let ms = max(milliseconds, 1)
  if ms < 1000 { return Wording(ja: "\(ms)ミリ秒", en: "\(ms) ms") }
  if ms < 60_000 {
    let tenths = (ms + 50) / 100
    return Wording(ja: "\(tenths / 10).\(tenths % 10)秒", en: "\(tenths / 10).\(tenths % 10) s")
  }
  let minutes = ms / 60_000
  if minutes < 60 {
    let seconds = ms / 1000 % 60
    return Wording(ja: "\(minutes)分\(seconds)秒", en: "\(minutes) min \(seconds) s")
  }
  return Wording(ja: "\(minutes / 60)時間\(minutes % 60)分", en: "\(minutes / 60) h \(minutes % 60) min")
}
