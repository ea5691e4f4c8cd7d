import Foundation
import Glibc
import Logging
import Synchronization

@testable import Ledger

/// A PostgreSQL server of the tests' own, in a folder of its own, on a Unix socket there. It waits for its disk as any
/// server does. A shell ends and removes it, also when the process of the tests is killed.
final class PostgreSQLServer: Sendable {
  static let shared = Result { try PostgreSQLServer() }
  private static let programs = "/usr/lib/postgresql/15/bin"

  let folder = "/tmp/daruma-pg-\(UUID().uuidString.prefix(8))"
  private let watchdog: pid_t
  /// When it is closed, also by the end of this process, the watchdog does its work.
  private let life: Int32
  private let counter = Atomic(0)

  init() throws {
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: false)
    try Self.shell("[ $(id -u) != 0 ] || chown postgres '\(folder)'; chmod 755 '\(folder)'")
    var ends: [Int32] = [0, 0]
    guard pipe(&ends) == 0, fcntl(ends[1], F_SETFD, FD_CLOEXEC) == 0 else { throw POSIXError(.EMFILE) }
    life = ends[1]
    watchdog = try Self.spawn(
      """
      trap '' INT TERM HUP; read -r never
      \(Self.user) \(Self.programs)/pg_ctl -D \(folder)/data -m immediate stop; umount -l \(folder)/small; rm -rf \(folder)
      """, input: ends[0])
    Glibc.close(ends[0])
    try Self.shell(
      """
      \(Self.user) \(Self.programs)/initdb -D \(folder)/data -A trust -U postgres -E UTF8 --locale C --no-sync
      cat >>\(folder)/data/postgresql.conf <<END
      listen_addresses = ''
      unix_socket_directories = '\(folder)'
      shared_buffers = 32MB
      max_connections = 200
      synchronous_commit = off
      END
      """)
    try start()
  }

  deinit {
    Glibc.close(life)
    waitpid(watchdog, nil, 0)
  }

  /// initdb and the server refuse to run as root.
  static var user: String { getuid() == 0 ? "setpriv --reuid=postgres --regid=postgres --init-groups" : "" }

  /// Runs a script that must succeed. A server that it starts inherits nothing.
  static func shell(_ script: String) throws {
    let pid = try spawn("set -e; \(script)", input: nil)
    var status: Int32 = 0
    while waitpid(pid, &status, 0) < 0 && errno == EINTR {}
    guard status == 0 else { throw LedgerError(.failed, "\(status): \(script)") }
  }

  private static func spawn(_ script: String, input: Int32?) throws -> pid_t {
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    if let input {
      posix_spawn_file_actions_adddup2(&actions, input, 0)
    } else {
      posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
    }
    for descriptor in Int32(1)...2 { posix_spawn_file_actions_addopen(&actions, descriptor, "/dev/null", O_WRONLY, 0) }
    let closing =
      "for fd in /proc/self/fd/*; do [ ${fd##*/} -lt 3 ] || eval \"exec ${fd##*/}>&-\"; done 2>/dev/null; cd /"
    let words: [String] = ["/bin/bash", "-c", "\(closing); \(script)"]
    let arguments: [UnsafeMutablePointer<CChar>?] = words.map { strdup($0) }
    defer { for argument in arguments { free(argument) } }
    var pid: pid_t = 0
    guard posix_spawn(&pid, "/bin/bash", &actions, nil, arguments + [nil], environ) == 0 else {
      throw POSIXError(.ENOENT)
    }
    return pid
  }

  func start() throws {
    // Just after it was killed, what is left of it may still be in the way.
    try Self.shell(
      """
      for try in 1 2 3 4 5 6 7 8 9; do
        \(Self.user) \(Self.programs)/pg_ctl -D \(folder)/data -l \(folder)/log -w start && exit 0; sleep 0.2
      done; exit 1
      """)
  }

  func restart(_ setting: String) throws {
    try Self.shell(
      "\(Self.user) \(Self.programs)/pg_ctl -D \(folder)/data -l \(folder)/log -w -m fast -o '-c \(setting)' restart")
  }

  /// SIGKILL, for all of the server's processes at once.
  func kill() throws {
    try Self.shell(
      """
      pid=$(head -n 1 \(folder)/data/postmaster.pid)
      kill -STOP $pid; kill -KILL $(cat /proc/$pid/task/$pid/children) $pid
      while [ -d /proc/$pid ] && ! grep -q '^State:.Z' /proc/$pid/status; do sleep 0.01; done
      """)
  }

  /// Stops or goes on with all of the server's processes.
  func signal(_ name: String) throws {
    try Self.shell(
      "pid=$(head -n 1 \(folder)/data/postmaster.pid); kill -\(name) $pid $(cat /proc/$pid/task/$pid/children)")
  }

  func conninfo(_ database: String) -> String { "host=\(folder) user=postgres dbname=\(database)" }

  func connection(_ database: String = "postgres") throws -> PostgreSQL { try PostgreSQL(conninfo(database)) }

  /// An empty database.
  func database(_ options: String = "") throws -> PostgreSQLPlace {
    let name = "test\(counter.add(1, ordering: .relaxed).newValue)"
    let connection = try connection()
    try connection.execute("CREATE DATABASE \(name) \(options)", limit: .seconds(30))
    connection.close()
    return try PostgreSQLPlace(self, name)
  }
}

/// A database of its own, whose ledger is opened by one after the other.
final class PostgreSQLPlace: Place {
  let server: PostgreSQLServer
  let name: String
  let access: PostgreSQLAccess
  private let lease = Mutex<Lease?>(nil)

  init(_ server: PostgreSQLServer, _ name: String) throws(LedgerError) {
    self.server = server
    self.name = name
    access = try PostgreSQLAccess(server.conninfo(name))
  }

  deinit { lease.withLock { $0?.release() } }

  func execute(_ sql: String) throws {
    let connection = try server.connection(name)
    defer { connection.close() }
    try connection.execute(sql)
  }

  /// The first column of the rows, as text.
  func texts(_ sql: String) throws -> [String] {
    let connection = try server.connection(name)
    defer { connection.close() }
    let rows = try connection.rows(sql)
    return (0..<rows.count).map { rows.text($0, 0) }
  }

  /// Whoever holds the lease finds out by being overtaken.
  func overtake() throws -> Lease {
    for _ in 0..<100 {
      try execute("UPDATE daruma.lease SET expiry = '-infinity'")
      // Unless it was just renewed.
      if let lease = try Lease.take(access, holder: "overtaker", logger: quiet) { return lease }
    }
    throw LedgerError(.locked, "the lease is held")
  }

  /// One that its holder gave up, because it was not renewed in time, is held in the database a little longer.
  private func taken() throws(LedgerError) -> Lease {
    for _ in 0..<100 {
      if let lease = try Lease.take(access, holder: "test", logger: quiet) { return lease }
      usleep(100_000)
    }
    throw LedgerError(.locked, "the lease is held")
  }

  func open(
    keys: KeyFile?, create: Bool, restore: Bool, retention: Retention, sources: Sources
  ) throws(LedgerError) -> Ledger {
    let storage = try storage(create: create, sources)
    return try Ledger.open(
      storage, keys: keys, restore: restore, retention: retention, sources: sources, logger: quiet)
  }

  func storage(create: Bool) throws(LedgerError) -> any Storage { try storage(create: create, .system) }

  private func storage(create: Bool, _ sources: Sources) throws(LedgerError) -> any Storage {
    try access.prepare(create: create, uuid: sources.uuid)
    let next: Lease
    if let crashed = lease.withLock({ $0 }), crashed.isHeld, isCrashed.load(ordering: .relaxed) {
      next = crashed
    } else {
      lease.withLock { $0?.release() }
      let taken = try taken()
      next = taken
      lease.withLock { $0 = taken }
    }
    isCrashed.store(false, ordering: .relaxed)
    return PostgreSQLStorage(access, lease: next)
  }

  /// Opened once the last holder's lease is over and the server has come up.
  func opened(retention: Retention = .standard) async throws -> Ledger {
    for _ in 0..<100 {
      do throws(LedgerError) {
        return try open(create: true, retention: retention)
      } catch {
        guard error.code == .locked || error.code == .unreachable else { throw error }
      }
      try await Task.sleep(for: .milliseconds(100))
    }
    return try open(create: true, retention: retention)
  }

  private let isCrashed = Atomic(false)

  func crash(_ ledger: Ledger) async throws {
    let next = try overtake()
    lease.withLock { $0 = next }
    isCrashed.store(true, ordering: .relaxed)
    await ledger.close()
  }

  func image() throws -> [String: Data] {
    var image: [String: Data] = [:]
    for table in ["daruma.resource", "daruma.revision", "daruma.migration"] {
      image[table] = Data(try texts("SELECT t::text FROM \(table) t ORDER BY 1").joined(separator: "\n").utf8)
    }
    return image
  }
}
