import FoundationEssentials
import Glibc

/// A libvirtd of the node's own: in a given network namespace and in a mount namespace where libvirt's system folders
/// are folders of `folder`. The host's libvirt is not touched, and taps are looked up in the given network namespace.
///
/// It is a daemon: it and the machines outlive this process. Machines outlive libvirtd too; started again over the same
/// folder it finds them by what it keeps under `run`. Needs CAP_SYS_ADMIN; a service manager must not end this process's
/// whole control group with it (systemd: `KillMode=process`).
package struct PrivateLibvirt: Sendable {
  /// Absolute; holds run, lib, log, etc, cache.
  package let folder: String
  /// A network namespace file, as `/run/netns/NAME`.
  package let networkNamespace: String

  package init(stateFolder: String, networkNamespace: String) {
    self.folder = stateFolder + "/libvirt"
    self.networkNamespace = networkNamespace
  }

  package var socketPath: String { folder + "/run/libvirt-sock" }
  package var logPath: String { folder + "/log/libvirtd.log" }

  /// The pid of a running machine's QEMU.
  package func processID(ofMachine name: String) -> Int32? {
    guard !name.contains("/"), let text = TextFile.read("\(folder)/run/qemu/\(name).pid"),
      let pid = Int32(text.split(whereSeparator: \.isWhitespace).first ?? ""),
      // The file outlives a crash; the id may be another program's by then.
      let command = TextFile.read("/proc/\(pid)/cmdline"), command.contains("guest=\(name),")
    else { return nil }
    return pid
  }

  package var isRunning: Bool { recorded()?.process.isAlive == true }

  /// Starts libvirtd unless it runs. Returns when its socket listens.
  package func ensureRunning(timeLimit: Duration = .seconds(20)) async throws {
    let record = recorded()
    if record?.process.isAlive == true {
      if access(socketPath, F_OK) == 0 { return }
      // Nobody can reach it any more.
      try await stop()
    }
    try prepare(sameBoot: record?.bootID == Self.bootID())
    unlink(pidPath)
    let output = folder + "/start.log"
    let status = try await Program.run(
      [
        "/usr/bin/nsenter", "--net=\(networkNamespace)", "/usr/bin/unshare", "--mount", "--propagation", "private",
        "/bin/sh", "-c", Self.startScript, "sh", folder,
      ],
      output: output, timeLimit: timeLimit)
    let log = TextFile.read(output) ?? ""
    guard let status else {
      throw HypervisorError(.daemonStart, "libvirtd did not start in \(timeLimit); see \(logPath)")
    }
    guard status == 0 else {
      throw HypervisorError(
        .daemonStart, "libvirtd did not start (status \(status)); see \(logPath). It said: \(log.suffix(500))")
    }
    guard let pid = Int32(TextFile.read(pidPath)?.split(whereSeparator: \.isWhitespace).first ?? ""),
      let process = ProcessIdentity.of(pid)
    else {
      throw HypervisorError(.daemonStart, "libvirtd started and ended at once; see \(logPath)")
    }
    let new = Record(process: process, bootID: Self.bootID())
    try TextFile.write(String(decoding: JSONEncoder().encode(new), as: UTF8.self), to: recordPath)
  }

  /// Ends libvirtd; the machines go on running.
  package func stop(timeLimit: Duration = .seconds(10)) async throws {
    guard let process = recorded()?.process, process.isAlive else { return }
    let deadline = ContinuousClock.now + timeLimit
    kill(process.pid, SIGTERM)
    while process.isAlive {
      if ContinuousClock.now >= deadline { kill(process.pid, SIGKILL) }
      if ContinuousClock.now >= deadline + .seconds(5) {
        throw HypervisorError(.timeLimit, "libvirtd (process \(process.pid)) does not end")
      }
      try await Task.sleep(for: .milliseconds(20))
    }
  }

  // MARK: - Files

  struct Record: Codable {
    var process: ProcessIdentity
    var bootID: String
  }

  private var recordPath: String { folder + "/libvirtd.json" }
  private var pidPath: String { folder + "/run/libvirtd.pid" }

  package var daemonPID: Int32? {
    guard let process = recorded()?.process, process.isAlive else { return nil }
    return process.pid
  }

  private func recorded() -> Record? {
    guard let text = TextFile.read(recordPath) else { return nil }
    return try? JSONDecoder().decode(Record.self, from: Data(text.utf8))
  }

  static func bootID() -> String {
    TextFile.read("/proc/sys/kernel/random/boot_id")?.filter { !$0.isWhitespace } ?? ""
  }

  private func prepare(sameBoot: Bool) throws {
    try TextFile.makeFolder(folder, mode: 0o711)
    if !sameBoot, access(folder + "/run", F_OK) == 0 {
      // libvirtd would believe process ids of before the boot and could kill a stranger.
      try FileManager.default.removeItem(atPath: folder + "/run")
    }
    for name in ["run", "lib", "log", "etc", "cache", "drivers"] { try TextFile.makeFolder("\(folder)/\(name)") }
    try TextFile.write(Self.qemuConfiguration, to: folder + "/etc/qemu.conf")
    try TextFile.write(Self.libvirtdConfiguration, to: folder + "/etc/libvirtd.conf")
    // Only the QEMU driver: the network and filter drivers would put rules into the namespace.
    let driver = "libvirt_driver_qemu.so"
    guard let installed = Self.driverFolders.first(where: { access("\($0)/\(driver)", R_OK) == 0 }) else {
      throw HypervisorError(.daemonStart, "libvirt's QEMU driver is missing; install libvirt-daemon-driver-qemu")
    }
    unlink("\(folder)/drivers/\(driver)")
    symlink("\(installed)/\(driver)", "\(folder)/drivers/\(driver)")
    // libvirtd looks its build's default user up even when another one is configured.
    try account("passwd", line: "libvirt-qemu:x:64055:64055:libvirt:/nonexistent:/usr/sbin/nologin")
    try account("group", line: "libvirt-qemu:x:64055:")
  }

  private func account(_ name: String, line: String) throws {
    var text = (try? String(contentsOfFile: "/etc/\(name)", encoding: .utf8)) ?? ""
    if !text.split(separator: "\n").contains(where: { $0.hasPrefix("libvirt-qemu:") }) {
      if !text.isEmpty, !text.hasSuffix("\n") { text += "\n" }
      text += line + "\n"
    }
    try TextFile.write(text, to: "\(folder)/\(name)", mode: 0o644)
  }

  private static let driverFolders = [
    "/usr/lib/x86_64-linux-gnu/libvirt/connection-driver", "/usr/lib64/libvirt/connection-driver",
    "/usr/lib/libvirt/connection-driver",
  ]

  private static let qemuConfiguration = """
    security_driver = "none"
    user = "root"
    group = "root"
    dynamic_ownership = 0
    remember_owner = 0
    cgroup_controllers = []
    namespaces = []
    stdio_handler = "file"

    """

  private static let libvirtdConfiguration = """
    unix_sock_rw_perms = "0700"
    unix_sock_ro_perms = "0700"
    auth_unix_ro = "none"
    auth_unix_rw = "none"
    log_outputs = "3:file:/var/log/libvirt/libvirtd.log"

    """

  /// A fresh /sys shows the network namespace's devices and hides the control groups; without a system bus libvirtd
  /// registers nothing with the host's systemd. `--daemon` returns when the sockets listen.
  private static let startScript = """
    set -e
    for pair in run:/run/libvirt lib:/var/lib/libvirt log:/var/log/libvirt etc:/etc/libvirt cache:/var/cache/libvirt
    do
      mkdir -p "${pair#*:}"
      mount --bind "$1/${pair%%:*}" "${pair#*:}"
    done
    mount --bind "$1/passwd" /etc/passwd
    mount --bind "$1/group" /etc/group
    umount -R -l /sys
    mount -t sysfs sysfs /sys
    cd /
    export LIBVIRT_DRIVER_DIR="$1/drivers" DBUS_SYSTEM_BUS_ADDRESS=unix:path=/nonexistent
    exec /usr/sbin/libvirtd --daemon --config /etc/libvirt/libvirtd.conf --pid-file /run/libvirt/libvirtd.pid
    """
}
