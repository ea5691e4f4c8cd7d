import CLinux
import Glibc
import Synchronization

/// Programs started in network namespaces, and what became of them. A process is known by its number and the time it
/// was started, so that another one that got the number later is never mistaken for it.
package struct ChildProcess: Hashable, Sendable, Codable {
  package let pid: Int32
  /// In clock ticks since the machine was started.
  package let startTime: UInt64

  package init(pid: Int32, startTime: UInt64) {
    self.pid = pid
    self.startTime = startTime
  }

  // Only these are waited for: other children of this process belong to others.
  private static let ours = Mutex<Set<Int32>>([])

  /// Starts a program in the namespace (or this one). It reads nothing, writes output and errors to the end of the log
  /// (or nowhere), has default signal handling and no other descriptors, and by default a session of its own.
  package static func spawn(
    executable: String, arguments: [String], namespace: NetworkNamespace? = nil, environment: [String: String] = [:],
    logPath: String? = nil, newSession: Bool = true
  ) throws -> ChildProcess {
    let input = try openFile("/dev/null", O_RDONLY)
    let output = try openFile(logPath ?? "/dev/null", O_WRONLY | O_APPEND | O_CREAT, mode: 0o640)
    let (inputRaw, outputRaw) = (input.raw, output.raw)
    let variables = environment.map { "\($0.key)=\($0.value)" }
    let pid = try run(in: namespace) { () throws -> Int32 in
      try withCStrings([executable] + arguments) { arguments in
        try withCStrings(variables) { variables in
          var pid: pid_t = 0
          let code = daruma_spawn(
            &pid, executable, arguments.baseAddress, variables.baseAddress, inputRaw, outputRaw, newSession ? 1 : 0)
          if code != 0 { throw KernelError(code: code, operation: "start \(executable)") }
          return pid
        }
      }
    }
    ours.withLock { _ = $0.insert(pid) }
    // A child that ended already stays readable until it is reaped.
    guard let startTime = startTime(pid) else { throw KernelError(code: ESRCH, operation: "start \(executable)") }
    return ChildProcess(pid: pid, startTime: startTime)
  }

  package var isAlive: Bool { ChildProcess.isAlive(pid, startTime: startTime) }

  /// Whether this very process runs. A dead child of ours is reaped.
  package static func isAlive(_ pid: Int32, startTime: UInt64) -> Bool {
    guard let status = Status(pid), status.startTime == startTime else { return false }
    if status.isDead {
      reap(pid)
      return false
    }
    return true
  }

  /// When the process was started, in clock ticks since the machine was; nil if there is none.
  package static func startTime(_ pid: Int32) -> UInt64? { Status(pid)?.startTime }

  /// Asks the process to end, and after `grace` makes it. Waits for that; true if it was alive.
  @discardableResult
  package func terminate(grace: Duration = .seconds(2)) throws -> Bool {
    let descriptor = daruma_pidfd_open(pid)
    if descriptor < 0 {
      if errno == ESRCH { return false }
      throw KernelError.last("end process \(pid)")
    }
    let process = Descriptor(owning: descriptor)
    // The descriptor holds on to the process, so its identity is checked after it was opened.
    guard isAlive else { return false }
    let milliseconds = grace.components.seconds * 1000 + grace.components.attoseconds / 1_000_000_000_000_000
    for (signal, wait) in [(SIGTERM, Int32(clamping: milliseconds)), (SIGKILL, 10_000)] {
      if signal == SIGTERM && wait <= 0 { continue }
      if daruma_pidfd_send_signal(process.raw, signal) < 0 {
        if errno == ESRCH { break }
        throw KernelError.last("end process \(pid)")
      }
      var watched = pollfd(fd: process.raw, events: Int16(POLLIN), revents: 0)
      if try uninterrupted("wait for process \(pid)", { poll(&watched, 1, wait) }) > 0 { break }
      if signal == SIGKILL { throw KernelError(code: ETIMEDOUT, operation: "end process \(pid)") }
    }
    ChildProcess.reap(pid)
    return true
  }

  /// Reaps the children started here that ended; how many.
  @discardableResult
  package static func reapAll() -> Int {
    ours.withLock { $0 }.reduce(0) { $0 + (reap($1) ? 1 : 0) }
  }

  @discardableResult
  private static func reap(_ pid: Int32) -> Bool {
    ours.withLock { ours in
      guard ours.contains(pid) else { return false }
      var status: Int32 = 0
      let result = waitpid(pid, &status, WNOHANG)
      if result == 0 || (result < 0 && errno == EINTR) { return false }
      ours.remove(pid)
      return result == pid
    }
  }

  private struct Status {
    var startTime: UInt64
    var isDead: Bool

    init?(_ pid: Int32) {
      guard pid > 0, let bytes = try? readFile("/proc/\(pid)/stat", limit: 4096) else { return nil }
      // The name in parentheses may hold anything, so fields are counted from the last parenthesis.
      guard let close = bytes.lastIndex(of: UInt8(ascii: ")")) else { return nil }
      let fields = bytes[(close + 1)...].split(separator: UInt8(ascii: " "))
      guard fields.count > 19, let time = UInt64(String(decoding: fields[19], as: UTF8.self)) else { return nil }
      startTime = time
      isDead = fields[0].first == UInt8(ascii: "Z") || fields[0].first == UInt8(ascii: "X")
    }
  }
}

private func withCStrings<R>(
  _ strings: [String], _ body: (UnsafeBufferPointer<UnsafeMutablePointer<CChar>?>) throws -> R
) rethrows -> R {
  var pointers = strings.map { strdup($0) }
  pointers.append(nil)
  defer { for pointer in pointers { free(pointer) } }
  return try pointers.withUnsafeBufferPointer(body)
}
