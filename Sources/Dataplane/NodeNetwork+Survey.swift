import Kernel
import Logging

extension NodeNetwork {
  /// So much wiring is compared in a moment, with nothing else going on.
  private static let littleWiring = 5000
  /// How often all wiring is compared, should the kernel have kept something to itself: little of it, and much.
  private static let sweepPause = (little: Duration.seconds(1), much: Duration.seconds(60))
  /// When it is compared after the first plan was put in place, for which the wiring that was there had been read.
  static let firstSweep = Duration.seconds(2)

  private var wired: [Place] { Array(places.values) + [host].compactMap(\.self) }

  /// Hears what became of the wiring, and compares what is in doubt with the kernel's. Much of it is compared while changes of
  /// the plan go on. Returns the places whose wiring is to be mended. `soon`: doubts must not wait for their time.
  func survey(soon: Bool) -> Set<String> {
    let now = ContinuousClock.now
    for place in wired { place.listen() }
    if now >= nextSweep {
      let isLittle = wired.reduce(0) { $0 + $1.wiringCount } <= Self.littleWiring
      nextSweep = now + (isLittle ? Self.sweepPause.little : Self.sweepPause.much)
      doubtAll()
    }
    var due = damaged
    damaged = []
    var room = Self.littleWiring
    var much: [Place] = []
    let doubtful = wired.filter { place in
      place.doubt.map { soon || $0 <= now } ?? false && !due.contains(place.name)
    }
    for place in doubtful.sorted(by: { $0.wiringCount < $1.wiringCount }) {
      if place.wiringCount <= room || place === host {
        room -= place.wiringCount
        due.insert(place.name)
      } else {
        much.append(place)
      }
    }
    if !much.isEmpty && !isSurveying { compare(much) }
    return due
  }

  func doubtAll() { for place in wired { place.beDoubtful() } }

  private func compare(_ doubtful: [Place]) {
    isSurveying = true
    for place in doubtful { place.beginComparing() }
    let views = doubtful.map { ($0.name, $0.view) }
    let ports = Set(attachments.keys.map(Names.port))
    let leaving = Set(detached.keys)
    Task {
      damaged.formUnion(await Self.damaged(views, ports, leaving))
      isSurveying = false
    }
  }

  @concurrent private static func damaged(
    _ views: [(String, WiringView)], _ ports: Set<String>, _ leaving: Set<String>
  ) async -> Set<String> {
    var damaged: Set<String> = []
    for (name, view) in views {
      do {
        let (missing, snapshot) = try view.damage()
        let foreign = view.foreign(snapshot)
        let isWhole =
          missing.allSatisfy { $0.linkName.map(leaving.contains) == true } && foreign.routes.isEmpty
          && foreign.rules.isEmpty && foreign.addresses.isEmpty
          && (name != Names.fabric || ports.isSubset(of: snapshot.links.keys))
        if !isWhole { damaged.insert(name) }
      } catch {
        // Whoever looks again says what is the matter.
        damaged.insert(name)
      }
    }
    return damaged
  }

  /// Takes away what could not go at once.
  func tidyWiring() {
    for place in places.values where place.hasLeftovers {
      do { try place.removeLeftovers() } catch {
        logger.warning("cannot take away wiring", metadata: ["place": "\(place.name)", "error": "\(error)"])
      }
    }
    do { try sweepDetached() } catch {
      logger.warning("cannot take away a port's link", metadata: ["error": "\(error)"])
    }
  }
}
