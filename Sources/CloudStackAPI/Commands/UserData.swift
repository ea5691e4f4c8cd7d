import FoundationEssentials

/// What a caller gives an instance to read.
enum UserData {
  /// Decodes base64 of either alphabet, with or without padding. Queries carry at most 32 KiB, bodies 1 MiB.
  static func decode(_ text: String, isPost: Bool) throws(APIError) -> [UInt8] {
    var digits = text.filter { !$0.isWhitespace }.replacing("-", with: "+").replacing("_", with: "/")
    if digits.utf8.count % 4 > 1 && !digits.hasSuffix("=") {
      digits += String(repeating: "=", count: 4 - digits.utf8.count % 4)
    }
    guard let data = Data(base64Encoded: digits) else {
      throw .value("User data needs to be base64 encoded")
    }
    let limit = isPost ? 1_048_576 : 32_768
    guard data.count <= limit else {
      throw .value("User data is too long for an HTTP \(isPost ? "POST" : "GET") request; \(limit) bytes are the limit")
    }
    return Array(data)
  }
}
