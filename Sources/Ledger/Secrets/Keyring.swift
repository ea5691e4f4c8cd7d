internal import Crypto
internal import FoundationEssentials

/// The keys that secrets are sealed under, by number.
struct Keyring: Sendable {
  private(set) var keys: [Int: Key] = [:]

  struct Key: Sendable {
    let secret: SymmetricKey
    /// Shows that it is this key, and tells nothing about it.
    let proof: [UInt8]

    init(_ secret: SymmetricKey, number: Int) {
      self.secret = secret
      proof = Array(HMAC<SHA256>.authenticationCode(for: Data("daruma secrets \(number)".utf8), using: secret))
    }
  }

  init() {}

  /// 0 when there is none.
  var newest: Int { keys.keys.max() ?? 0 }

  mutating func add() {
    let number = newest + 1
    keys[number] = Key(SymmetricKey(size: .bits256), number: number)
  }

  mutating func drop(_ numbers: some Sequence<Int>) {
    for number in numbers { keys[number] = nil }
  }

  private static let title = "daruma secrets 1"

  /// A line for each key, and the checksum of what stands before it.
  var text: String {
    let lines = keys.sorted { $0.key < $1.key }.map { number, key in
      "key \(number) \(key.secret.withUnsafeBytes { Data($0) }.base64EncodedString())\n"
    }
    let content = "\(Self.title)\n" + lines.joined()
    return content + "check \(Self.check(content))\n"
  }

  /// `nil` unless it is the text of a keyring, to the last byte.
  init?(_ text: String) {
    for line in text.split(separator: "\n").dropFirst() {
      let words = line.split(separator: " ")
      guard words.count == 3, words[0] == "key", let number = Int(words[1]), number > 0,
        let secret = Data(base64Encoded: String(words[2])), secret.count == 32
      else { continue }
      keys[number] = Key(SymmetricKey(data: secret), number: number)
    }
    guard !keys.isEmpty, self.text == text else { return nil }
  }

  private static func check(_ content: String) -> String {
    SHA256.hash(data: Data(content.utf8)).map { String(UInt16($0) + 256, radix: 16).dropFirst() }.joined()
  }
}
