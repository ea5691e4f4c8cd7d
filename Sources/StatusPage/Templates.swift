/// The sentences of the page, with `{placeholders}`. One that begins with a capital letter is filled in as the beginning of a sentence.
package struct Templates: Sendable, Hashable {
  package enum Key: String, Sendable, Hashable, CaseIterable {
    case fieldWhen, fieldScope, fieldEffect, fieldCause
    case opened, openedComponent, widened, recurred, progress, stillOut, estimate, monitoring, resolved
    case resolvedComponent, recurrences
    case effectOpen, effectPast, effectComponentOpen, effectComponentPast, apology
    case maintenanceAnnounced, maintenanceStarted, maintenanceCompleted, maintenanceFailed, maintenanceLate
    case maintenanceCancelled, merged, mailSubject, mailFooter, confirmSubject, confirmBody
  }

  private var texts: [Key: Wording]

  package static let standard = Templates(
    texts: Dictionary(uniqueKeysWithValues: Key.allCases.map { ($0, $0.standard) }))

  subscript(_ key: Key) -> Wording { texts[key] ?? key.standard }

  func fill(_ key: Key, _ values: [String: Wording] = [:]) -> Wording {
    let text = self[key]
    return Wording(
      ja: Self.fill(text.ja, values.mapValues(\.ja)), en: Self.fill(text.en, values.mapValues(\.en)))
  }

  /// Values are not looked into for placeholders of their own.
  private static func fill(_ text: String, _ values: [String: String]) -> String {
    var result = ""
    for piece in pieces(text) {
      switch piece {
      case .text(let text): result += text
      case .placeholder(let name):
        let value = values[name.lowercasedFirst] ?? ""
        result += name.first?.isUppercase == true ? value.sentence : value
      }
    }
    return result
  }

  private enum Piece {
    case text(String)
    case placeholder(String)
  }

  private static func pieces(_ text: String) -> [Piece] {
    var pieces: [Piece] = []
    var rest = Substring(text)
    while let open = rest.firstIndex(of: "{"), let close = rest[open...].firstIndex(of: "}") {
      pieces.append(.text(String(rest[..<open])))
      pieces.append(.placeholder(String(rest[rest.index(after: open)..<close])))
      rest = rest[rest.index(after: close)...]
    }
    return pieces + [.text(String(rest))]
  }

  static func placeholders(_ text: String) -> Set<String> {
    Set(
      pieces(text).compactMap {
        if case .placeholder(let name) = $0 { return name.lowercasedFirst }
        return nil
      })
  }
}

extension Templates {
  /// Replaces the standard texts by those in a JSON object of `{"opened": {"ja": …, "en": …}, …}`.
  /// - Throws: `unreadable`, naming the first key or placeholder that is not known.
  package init(overrides: [String: Wording]) throws(StatusPageError) {
    self = .standard
    for (name, text) in overrides.sorted(by: { $0.key < $1.key }) {
      guard let key = Key(rawValue: name) else {
        let known = Key.allCases.map(\.rawValue).joined(separator: ", ")
        throw StatusPageError(code: .unreadable, message: "there is no text “\(name.clipped)”; there are \(known)")
      }
      let allowed = Self.placeholders(key.standard.ja).union(Self.placeholders(key.standard.en))
      for placeholder in Self.placeholders(text.ja).union(Self.placeholders(text.en)).subtracting(allowed).sorted() {
        let known = allowed.sorted().map { "{\($0)}" }.joined(separator: ", ")
        throw StatusPageError(
          code: .unreadable,
          message:
            "the text “\(name)” cannot have {\(placeholder.clipped)}; it may have \(known.isEmpty ? "none" : known)")
      }
      texts[key] = Wording(ja: text.ja.prose, en: text.en.prose)
    }
  }
}

extension String {
  fileprivate var lowercasedFirst: String { prefix(1).lowercased() + dropFirst() }
}
