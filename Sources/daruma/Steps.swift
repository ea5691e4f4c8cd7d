import Foundation

/// Progress of a long command, a line per step with its time.
final class Steps: Sendable {
  private let clock = ContinuousClock()
  private let start = ContinuousClock.now

  func run<T>(_ name: String, _ body: () async throws -> T) async throws -> T {
    FileHandle.standardOutput.write(Data("  \(name) … ".utf8))
    let begin = clock.now
    do {
      let value = try await body()
      FileHandle.standardOutput.write(Data("\(Self.format(clock.now - begin))\n".utf8))
      return value
    } catch {
      FileHandle.standardOutput.write(Data("failed\n".utf8))
      throw error
    }
  }

  var total: String { Self.format(clock.now - start) }

  static func format(_ duration: Duration) -> String {
    let seconds = Double(duration.components.seconds) + Double(duration.components.attoseconds) / 1e18
    return seconds < 1 ? String(format: "%.0f ms", seconds * 1000) : String(format: "%.1f s", seconds)
  }
}

enum Secret {
  /// `length` random letters and digits.
  static func make(_ length: Int) -> String {
    let letters = Array("ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz23456789")
    var random = SystemRandomNumberGenerator()
    return String((0..<length).map { _ in letters[Int.random(in: letters.indices, using: &random)] })
  }
}

extension FileHandle {
  static func standardErrorLine(_ text: String) {
    FileHandle.standardError.write(Data((text + "\n").utf8))
  }
}

extension String {
  func trimmingSuffix() -> String { trimmingCharacters(in: .whitespacesAndNewlines) }
}
