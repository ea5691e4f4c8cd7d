import Glibc
import Kernel
import Logging

extension NodeNetwork {
  /// Has haproxy check what it is to read. Load balancers that it refuses are left out, so that they do no harm to
  /// others; false if there were any. Throws if it takes nothing at all.
  func leaveOutRefused(_ id: String, _ place: Place, _ text: String) async throws -> Bool {
    guard try await verdict(text, place) != nil, let state = routers[id] else { return true }
    if let verdict = try await verdict(Haproxy.configuration([], source: nil), place) {
      throw DataplaneError(.program, "haproxy does not take its configuration: \(verdict)")
    }
    for (key, verdict) in try await refused(state, state.proxied.keys.sorted(), place) {
      guard let object = objects[key], routers[id]?.proxied[key] != nil else { continue }
      logger.warning("haproxy refuses a load balancer", metadata: ["key": "\(key)", "error": "\(verdict)"])
      leaveOut(object, "haproxy does not take it: \(verdict)")
    }
    return false
  }

  /// Those of the load balancers that haproxy does not take, each with what it says, found by halves.
  private func refused(_ state: RouterState, _ keys: [String], _ place: Place) async throws -> [String: String] {
    guard let verdict = try await verdict(haproxyText(state, keys), place) else { return [:] }
    if keys.count == 1 { return [keys[0]: verdict] }
    let half = keys.count / 2
    let found = try await refused(state, Array(keys[..<half]), place)
      .merging(refused(state, Array(keys[half...]), place)) { first, _ in first }
    if !found.isEmpty { return found }
    throw DataplaneError(.program, "haproxy does not take its configuration: \(verdict)")
  }

  /// What haproxy has against a configuration; nil if nothing.
  private func verdict(_ text: String, _ place: Place) async throws -> String? {
    let path = "\(configuration.serviceDirectory)/haproxy-\(place.name).cfg.check"
    let log = path + ".log"
    defer {
      Files.remove(path)
      Files.remove(log)
    }
    try Files.write(path, text)
    Files.remove(log)
    let check = try ChildProcess.spawn(
      executable: configuration.haproxy, arguments: ["-c", "-f", path], namespace: place.namespace, logPath: log)
    let limit = ContinuousClock.now + .seconds(10)
    while check.isAlive && ContinuousClock.now < limit { try await Task.sleep(for: .milliseconds(5)) }
    if try check.terminate(grace: .zero) {
      throw DataplaneError(.program, "haproxy did not check its configuration within 10 seconds")
    }
    let verdict = Files.read(log) ?? ""
    // The second is what it says of a configuration that serves nothing.
    if verdict.contains("is valid") || verdict.contains("has no error") { return nil }
    return String(verdict.prefix(500))
  }
}
