/// How much history is kept. What is older than `age`, or further back than `count` revisions, is deleted once it is in the
/// checkpoint.
package struct Retention: Sendable {
  package var age: Duration
  package var count: UInt64
  /// Each resource is folded into the checkpoint once in so many revisions, if it changed. So a start replays little more of
  /// them at most; about twice as many where the window is small.
  package var window: UInt64

  package init(age: Duration, count: UInt64, window: UInt64 = 250_000) {
    self.age = age
    self.count = count
    self.window = window
  }

  /// Nothing is forgotten, however old it is.
  static let everything = Retention(age: .seconds(1_000_000_000_000), count: .max)
  package static let standard = Retention(age: .seconds(90 * 24 * 3600), count: 1_000_000)
}
