import ArgumentParser
import CloudModel
import FoundationEssentials
import Glibc
import Ledger

/// Writes into a ledger and says what was acknowledged, for tests that kill it or take its disk away.
///
/// Each caller counts. A step is one revision: two counters go to the same number, a mark with the number appears and the
/// one of twenty steps before disappears. So what a ledger holds tells whether any step is missing, twice there or half.
struct LedgerExercise: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "ledger-exercise", abstract: "Write into a ledger until killed.", shouldDisplay: false)

  @OptionGroup var arguments: LedgerArguments
  @Option var callers = 4
  /// Revisions that are kept, and that may be outside of the checkpoint.
  @Option var keep: UInt64 = 200
  @Option var window: UInt64 = 20
  @Flag(help: "Only open it and say what it holds.") var check = false

  func run() async throws {
    let ledger: Ledger
    do {
      ledger = try await arguments.open(
        create: true, retention: Retention(age: .seconds(3600), count: keep, window: window), lost: { Self.say("over") }
      )
    } catch let error as LedgerError {
      Self.say("unopened \(error.code.rawValue) \(error.message)")
      throw ExitCode(1)
    }
    try Self.inspect(ledger, callers, "open")
    if !check {
      await withTaskGroup(of: Void.self) { group in
        for caller in 0..<callers { group.addTask { await Self.count(caller, callers, ledger) } }
      }
    }
    await ledger.close()
    Self.say("closed")
  }

  private static func count(_ caller: Int, _ callers: Int, _ ledger: Ledger) async {
    let cause = Cause(actor: "test/\(caller)", command: "count")
    while true {
      do {
        let done = try await ledger.transact(cause) { draft in
          let number = (draft.get(counter(caller, 0))?.cpuNumber ?? 0) + 1
          try draft.put(offering(counter(caller, 0), "a\(caller)", number))
          try draft.put(offering(counter(caller, 1), "b\(caller)", number))
          try draft.put(offering(mark(caller, number), "mark", number))
          if number > kept { try draft.remove(mark(caller, number - kept)) }
          return number
        }
        say("ack \(caller) \(done.value) \(done.revision.number)")
      } catch let error as LedgerError {
        say("refused \(error.code.rawValue)")
        do { try inspect(ledger, callers, "still") } catch { say("wrong \(error)") }
        try? await Task.sleep(for: .milliseconds(20))
      } catch {
        say("wrong \(error)")
      }
    }
  }

  private static let kept = 20

  /// Says the revision and each caller's number, or what is wrong.
  private static func inspect(_ ledger: Ledger, _ callers: Int, _ word: String) throws {
    let snapshot = ledger.snapshot
    let offerings = snapshot.state.serviceOfferings
    var numbers: [Int] = []
    for caller in 0..<callers {
      let number = offerings[counter(caller, 0)]?.cpuNumber ?? 0
      guard offerings[counter(caller, 1)]?.cpuNumber ?? 0 == number else {
        return say("wrong: caller \(caller) has a half step after \(number)")
      }
      for step in max(1, number - kept - 5)..<number + 5 where step <= number - kept || step > number {
        guard offerings[mark(caller, step)] == nil else { return say("wrong: mark \(step) of \(caller) is there") }
      }
      for step in max(1, number - kept + 1)..<max(1, number) + 1 where step <= number {
        guard offerings[mark(caller, step)]?.cpuNumber == step else {
          return say("wrong: mark \(step) of \(caller) is missing")
        }
      }
      numbers.append(number)
    }
    guard numbers.reduce(0, +) == Int(snapshot.revision) else {
      return say("wrong: \(numbers) make no \(snapshot.revision)")
    }
    if word == "open" {
      let history = try ledger.history(from: ledger.oldest, to: snapshot.revision)
      guard history.count == Int(snapshot.revision + 1 - ledger.oldest) else {
        return say("wrong: \(history.count) revisions since \(ledger.oldest)")
      }
    }
    say("\(word) \(snapshot.revision) \(numbers.map(String.init).joined(separator: " "))")
  }

  private static func counter(_ caller: Int, _ which: UInt8) -> ID<ServiceOffering> { identity(which, caller, 0) }
  private static func mark(_ caller: Int, _ number: Int) -> ID<ServiceOffering> { identity(2, caller, number) }

  private static func identity(_ which: UInt8, _ caller: Int, _ number: Int) -> ID<ServiceOffering> {
    let digits = (0..<8).map { UInt8(truncatingIfNeeded: number >> ($0 * 8)) }
    return ID(
      UUID(
        uuid: (
          // The numbers first, so that marks are spread over the table.
          digits[0], digits[1], digits[2], digits[3], digits[4], digits[5], 0, 0, 0, 0, 0, 0, 0, 0, UInt8(caller), which
        )))
  }

  private static func offering(_ id: ID<ServiceOffering>, _ name: String, _ number: Int) -> ServiceOffering {
    ServiceOffering(
      id: id, name: name, displayText: name, cpuNumber: number, cpuSpeedMHz: 1000, memoryMiB: 512,
      created: Date(timeIntervalSince1970: 0))
  }

  /// At once, so that a killed process has said it.
  private static func say(_ line: String) {
    let bytes = Array((line + "\n").utf8)
    _ = write(STDOUT_FILENO, bytes, bytes.count)
  }
}
