import Glibc

struct Seeded: RandomNumberGenerator {
  let seed: UInt64
  private var state: UInt64

  init(seed: UInt64) {
    self.seed = seed
    state = seed
  }

  /// By the variable DARUMA_SEED, else a new one, which is printed.
  init(printing what: String) {
    self.init(seed: Trial.variable("DARUMA_SEED").flatMap { UInt64($0) } ?? UInt64.random(in: 0...UInt64.max))
    print("\(what): seed \(seed)")
  }

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var mixed = (state ^ (state >> 30)) &* 0xBF58_476D_1CE4_E5B9
    mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
    return mixed ^ (mixed >> 31)
  }
}

/// How much of a random test is done.
enum Trial {
  static func variable(_ name: String) -> String? { getenv(name).map { String(cString: $0) } }
  static func count(_ usual: Int, full: Int) -> Int { variable("DARUMA_FULL") == nil ? usual : full }
}
