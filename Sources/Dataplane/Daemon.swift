import Glibc
import Kernel

/// A program that runs in a namespace and is kept running. It is recorded by number and start time, so that it is
/// found again by a later agent, and never mistaken.
struct Daemon {
  let name: String
  let executable: String
  let arguments: [String]
  let recordPath: String
  let logPath: String
  private(set) var process: ChildProcess?

  init(name: String, executable: String, arguments: [String], configuration: NetworkConfiguration) {
    self.name = name
    self.executable = executable
    self.arguments = arguments
    recordPath = configuration.processDirectory + "/" + name
    logPath = configuration.serviceDirectory + "/" + name + ".log"
    process = Daemon.recorded(recordPath)
  }

  var isAlive: Bool { process?.isAlive == true }

  /// True if it had to be started.
  mutating func ensure(in namespace: NetworkNamespace) throws -> Bool {
    if isAlive { return false }
    let started = try ChildProcess.spawn(
      executable: executable, arguments: arguments, namespace: namespace, logPath: logPath)
    do {
      try Files.write(recordPath, "\(started.pid) \(started.startTime) \(executable)\n")
    } catch {
      // What nobody could find again is not left running.
      _ = try? started.terminate(grace: .zero)
      throw error
    }
    process = started
    return true
  }

  func signal(_ number: Int32) { if let process, process.isAlive { kill(process.pid, number) } }

  mutating func stop() throws {
    try process?.terminate(grace: .milliseconds(500))
    process = nil
    Files.remove(recordPath)
  }

  static func recorded(_ path: String) -> ChildProcess? {
    guard let fields = Files.read(path)?.split(whereSeparator: { $0 == " " || $0 == "\n" }), fields.count >= 2,
      let pid = Int32(fields[0]), let startTime = UInt64(fields[1])
    else { return nil }
    return ChildProcess(pid: pid, startTime: startTime)
  }
}
