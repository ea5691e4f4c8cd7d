import Foundation
import Glibc
import Synchronization
import Testing

@testable import Ledger

/// Leadership, with leaders that are processes of their own.
@Suite(.serialized) struct PostgreSQLLeaseTests {
  @Test func `one holds the lease, keeps it, and gives it back`() async throws {
    let place = try PostgreSQLServer.shared.get().database()
    try place.access.prepare(create: true)
    let first = try #require(try Lease.take(place.access, holder: "a", logger: quiet))
    for _ in 0..<40 {
      #expect(try Lease.take(place.access, holder: "b", logger: quiet) == nil)
      #expect(first.isHeld)
      try await Task.sleep(for: .milliseconds(100))
    }
    first.release()
    await first.over()
    #expect(!first.isHeld)
    let second = try #require(try Lease.take(place.access, holder: "b", logger: quiet))
    #expect(second.fence == first.fence + 1)
    #expect(try place.texts("SELECT holder FROM daruma.lease") == ["b"])
    second.release()
  }

  @Test func `of many that want it at once, one gets it`() async throws {
    let place = try PostgreSQLServer.shared.get().database()
    try place.access.prepare(create: true)
    for _ in 0..<5 {
      let leases = try await withThrowingTaskGroup(of: Lease?.self) { group in
        for _ in 0..<8 { group.addTask { try Lease.take(place.access, holder: "x", logger: quiet) } }
        return try await group.reduce(into: [Lease]()) { leases, lease in
          if let lease { leases.append(lease) }
        }
      }
      #expect(leases.count == 1)
      leases.first?.release()
    }
  }

  @Test func `a database whose clock is set back by an hour does not lock everybody out`() async throws {
    let place = try PostgreSQLServer.shared.get().database()
    try place.access.prepare(create: true)
    try place.execute("UPDATE daruma.lease SET expiry = clock_timestamp() + interval '1 hour'")
    let lease = try #require(try Lease.take(place.access, holder: "a", logger: quiet))
    lease.release()
  }

  @Test(.timeLimit(.minutes(2))) func `a dead leader is replaced within five seconds`() async throws {
    let place = try PostgreSQLServer.shared.get().database()
    var times: [Duration] = []
    for _ in 0..<4 {
      let leader = try Exercise(place)
      try await until { leader.acknowledged > 20 }
      leader.signal(SIGKILL)
      let begin = ContinuousClock.now
      let lease = try await Lease.wait(place.access, holder: "test", logger: quiet)
      times.append(.now - begin)
      let ledger = try Ledger.open(PostgreSQLStorage(place.access, lease: lease), logger: quiet)
      #expect(Int(ledger.snapshot.revision) >= leader.last)
      await ledger.close()
      lease.release()
      leader.end()
    }
    print("take-over after \(times)")
    for time in times { #expect(time < .seconds(5)) }
  }

  @Test(.timeLimit(.minutes(2))) func `a leader that was frozen and thawed can write nothing`() async throws {
    let place = try PostgreSQLServer.shared.get().database()
    for round in 0..<4 {
      let leader = try Exercise(place)
      try await until { leader.acknowledged > 20 }
      try await Task.sleep(for: .milliseconds(Int.random(in: 0...200)))
      leader.signal(SIGSTOP)
      let begin = ContinuousClock.now
      let lease: Lease
      if round % 2 == 0 {
        // Its lease runs out.
        lease = try await Lease.wait(place.access, holder: "test", logger: quiet)
        #expect(.now - begin < .seconds(5))
      } else {
        // It is thawed before it could know by its own clock.
        lease = try place.overtake()
      }
      let ledger = try Ledger.open(PostgreSQLStorage(place.access, lease: lease), logger: quiet)
      let revision = ledger.snapshot.revision
      try await ledger.put(offering("mine"))
      leader.signal(SIGCONT)
      try await until { leader.refusals.contains("fenced") }
      // What it was told of late had been written before it froze.
      #expect(leader.last <= Int(revision))
      #expect(Set(leader.refusals).isSubset(of: ["fenced", "failed"]))
      try await ledger.put(offering("mine too"))
      #expect(ledger.snapshot.revision == revision + 2)
      await ledger.close()
      leader.end()
      // Closing gave the lease back.
      let again = try place.open()
      #expect(again.snapshot.revision == revision + 2)
      await again.close()
      // The next exercise counts its own revisions only.
      try place.execute("DROP SCHEMA daruma CASCADE")
    }
  }

  @Test(.timeLimit(.minutes(2))) func `a leader that cannot reach the database stops by itself`() async throws {
    let server = try PostgreSQLServer()
    let place = try server.database()
    try place.access.prepare(create: true)
    let lease = try #require(try Lease.take(place.access, holder: "a", logger: quiet))
    try await Task.sleep(for: .milliseconds(1500))
    try server.signal("STOP")
    let begin = ContinuousClock.now
    try await until { !lease.isHeld }
    #expect(.now - begin < .seconds(3))
    try server.signal("CONT")
    await lease.over()
    #expect(!lease.isHeld)
    let next = try await Lease.wait(place.access, holder: "b", logger: quiet)
    #expect(next.fence > lease.fence)
    next.release()
  }

  @Test(.timeLimit(.minutes(2)), arguments: [3600, -3600])
  func `a manager whose clock is an hour off leads and follows like any other`(shift: Int) async throws {
    let place = try PostgreSQLServer.shared.get().database()
    let library = try ShiftedClock(shift)
    let leader = try Exercise(place, preload: library)
    try await until { leader.acknowledged > 20 }
    for _ in 0..<40 {
      #expect(try Lease.take(place.access, holder: "test", logger: quiet) == nil)
      try await Task.sleep(for: .milliseconds(100))
    }
    #expect(leader.refusals.isEmpty)
    let candidate = try Exercise(place, preload: library)
    try await Task.sleep(for: .seconds(4))
    #expect(!candidate.leads)
    leader.signal(SIGKILL)
    let begin = ContinuousClock.now
    try await until { candidate.leads }
    #expect(.now - begin < .seconds(5))
    leader.end()
    candidate.end()
  }
}

/// The hidden subcommand `ledger-exercise`.
final class Exercise: Sendable {
  private let process = Process()
  private let said = Mutex<[String]>([])
  private let partial = Mutex<[UInt8]>([])

  init(_ place: PostgreSQLPlace, preload: ShiftedClock? = nil) throws {
    let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent()
    process.executableURL = root.appending(path: ".build/release/daruma")
    process.arguments = [
      "ledger-exercise", "--postgresql", place.server.conninfo(place.name), "--window", "20", "--keep", "100000",
    ]
    var environment = ProcessInfo.processInfo.environment
    environment["LD_PRELOAD"] = preload?.path
    process.environment = environment
    let output = Pipe()
    process.standardOutput = output
    try process.run()
    let descriptor = output.fileHandleForReading.fileDescriptor
    Thread.detachNewThread { [self] in
      withExtendedLifetime(output) {
        var buffer = [UInt8](repeating: 0, count: 1 << 16)
        while true {
          let count = read(descriptor, &buffer, buffer.count)
          guard count > 0 else { return }
          take(buffer[..<count])
        }
      }
    }
  }

  private func take(_ bytes: ArraySlice<UInt8>) {
    let lines = partial.withLock { partial in
      partial += bytes
      var lines = partial.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
      partial = Array(lines.removeLast())
      return lines.map { String(decoding: $0, as: UTF8.self) }
    }
    said.withLock { $0 += lines }
  }

  private func words(_ first: String) -> [[Substring]] {
    said.withLock { said in said.map { $0.split(separator: " ") }.filter { $0.first == first[...] } }
  }

  var leads: Bool { !words("open").isEmpty }
  var acknowledged: Int { words("ack").count }
  /// The highest revision that it was told of.
  var last: Int { words("ack").compactMap { Int($0[3]) }.max() ?? 0 }
  var refusals: [String] { words("refused").map { String($0[1]) } }

  func signal(_ signal: Int32) { kill(process.processIdentifier, signal) }

  func end() {
    signal(SIGCONT)
    signal(SIGKILL)
    process.waitUntilExit()
  }

  deinit { end() }
}

/// A library that shifts what a process takes for the time of day.
final class ShiftedClock: Sendable {
  let path = "/tmp/daruma-clock-\(UUID().uuidString).so"

  init(_ seconds: Int) throws {
    let source = """
      #define _GNU_SOURCE
      #include <sys/syscall.h>
      #include <sys/time.h>
      #include <time.h>
      #include <unistd.h>
      int clock_gettime(clockid_t clock, struct timespec *time) {
        int result = syscall(SYS_clock_gettime, clock, time);
        if (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE) time->tv_sec += \(seconds);
        return result;
      }
      int gettimeofday(struct timeval *value, void *zone) {
        struct timespec time;
        clock_gettime(CLOCK_REALTIME, &time);
        value->tv_sec = time.tv_sec;
        value->tv_usec = time.tv_nsec / 1000;
        return 0;
      }
      time_t time(time_t *value) {
        struct timespec now;
        clock_gettime(CLOCK_REALTIME, &now);
        if (value) *value = now.tv_sec;
        return now.tv_sec;
      }
      """
    try source.write(toFile: path + ".c", atomically: true, encoding: .utf8)
    defer { try? FileManager.default.removeItem(atPath: path + ".c") }
    try PostgreSQLServer.shell("gcc -shared -fPIC -O1 -o \(path) \(path).c")
  }

  deinit { try? FileManager.default.removeItem(atPath: path) }
}
