import NodePlan

/// What a router's rules in the kernel were rendered with, and what became of the rebuilds that were asked for. Kept in a file per
/// router, so that the next agent neither forgets a version nor brings one into effect that was not tried.
struct Rendering: Equatable {
  var renderer: UInt32 = 1
  /// The newest rebuild that was read back, checked and probed.
  var rebuilt: UInt32 = 0
  /// The newest one that failed.
  var failed: UInt32 = 0
  var failure = ""

  static func path(_ place: String, _ configuration: NetworkConfiguration) -> String {
    "\(configuration.serviceDirectory)/rendering-\(place)"
  }

  init() {}

  /// As it was written last; that of a router which was never rebuilt, if there is none.
  init(reading path: String) {
    let parts = (Files.read(path) ?? "").split(separator: "\n", maxSplits: 3, omittingEmptySubsequences: false)
    guard parts.count == 4, let renderer = UInt32(parts[0]), let rebuilt = UInt32(parts[1]),
      let failed = UInt32(parts[2])
    else { return }
    (self.renderer, self.rebuilt, self.failed, failure) = (renderer, rebuilt, failed, String(parts[3]))
  }

  func write(to path: String) throws { try Files.write(path, "\(renderer)\n\(rebuilt)\n\(failed)\n\(failure)") }

  /// Whether the plan asks for a rebuild that was neither done nor given up.
  func isDue(_ router: Router) -> Bool { router.rebuilds > max(rebuilt, failed) }
}
