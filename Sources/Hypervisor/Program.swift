import CLibvirt
import Glibc

/// Runs a program to its end, in a session of its own, with a clean environment and no inherited descriptors.
enum Program {
  /// - Parameter output: a file that gets standard output and standard error, made anew.
  /// - Returns: the exit status, 128 + n after signal n, or nil when the time limit passed (the program was killed).
  static func run(_ arguments: [String], output: String, timeLimit: Duration) async throws -> Int32? {
    let child = try spawn(arguments, output: output)
    let deadline = ContinuousClock.now + timeLimit
    var status: Int32 = 0
    while true {
      let waited = waitpid(child, &status, WNOHANG)
      if waited == child { return status & 0x7f == 0 ? (status >> 8) & 0xff : 128 + (status & 0x7f) }
      if waited < 0, errno != EINTR { return 127 }
      if ContinuousClock.now >= deadline || Task.isCancelled {
        // The child leads its session's process group: what it started goes with it.
        kill(-child, SIGKILL)
        while waitpid(child, &status, 0) < 0, errno == EINTR {}
        try Task.checkCancellation()
        return nil
      }
      try? await Task.sleep(for: .milliseconds(20))
    }
  }

  private static func spawn(_ arguments: [String], output: String) throws -> pid_t {
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
    posix_spawn_file_actions_addopen(&actions, 1, output, O_WRONLY | O_CREAT | O_TRUNC, 0o600)
    posix_spawn_file_actions_adddup2(&actions, 1, 2)
    posix_spawn_file_actions_addclosefrom_np(&actions, 3)
    var attributes = posix_spawnattr_t()
    posix_spawnattr_init(&attributes)
    defer { posix_spawnattr_destroy(&attributes) }
    // The caller's thread may block signals that the program needs to be stopped by.
    var none = sigset_t()
    var all = sigset_t()
    sigemptyset(&none)
    sigfillset(&all)
    posix_spawnattr_setsigmask(&attributes, &none)
    posix_spawnattr_setsigdefault(&attributes, &all)
    posix_spawnattr_setflags(
      &attributes, Int16(daruma_posix_spawn_setsid | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF))

    var argv: [UnsafeMutablePointer<CChar>?] = arguments.map { strdup($0) } + [nil]
    var environment: [UnsafeMutablePointer<CChar>?] = [
      strdup("PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"), strdup("LC_ALL=C"), nil,
    ]
    defer { for text in argv + environment { free(text) } }
    var child: pid_t = 0
    let error = posix_spawnp(&child, arguments[0], &actions, &attributes, &argv, &environment)
    guard error == 0 else {
      throw HypervisorError(.fileSystem, "cannot run \(arguments[0]): \(String(cString: strerror(error)))")
    }
    return child
  }
}

/// A process that is told apart from a later one with the same id by its start time.
struct ProcessIdentity: Hashable, Codable {
  var pid: Int32
  /// Clock ticks after boot, field 22 of `/proc/PID/stat`.
  var startTime: UInt64

  /// Nil when there is no such process or it is a zombie.
  static func of(_ pid: Int32) -> ProcessIdentity? {
    guard pid > 0, let stat = TextFile.read("/proc/\(pid)/stat"), let close = stat.lastIndex(of: ")") else {
      return nil
    }
    let fields = stat[stat.index(after: close)...].split(separator: " ")
    guard fields.count > 19, fields[0] != "Z", let start = UInt64(fields[19]) else { return nil }
    return ProcessIdentity(pid: pid, startTime: start)
  }

  var isAlive: Bool { Self.of(pid) == self }
}
