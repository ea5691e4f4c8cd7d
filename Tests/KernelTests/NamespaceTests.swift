import Addresses
import Glibc
import Kernel
import Testing

struct NamespaceTests {
  @Test func `A namespace is made, loses its name, gets it back and goes`() throws {
    let sandbox = try Sandbox()
    let made = try sandbox.namespace("deep/one")
    #expect(made.isMounted())
    #expect(try NetworkNamespace.open(path: made.path).inode == made.inode)
    #expect(throws: KernelError.self) { try NetworkNamespace.create(at: made.path) }
    #expect(try RouteSocket(in: made).links().map(\.name) == ["lo"])
    #expect(try RouteSocket(in: made).link("lo")?.isUp == true)

    try NetworkNamespace.unmount(path: made.path)
    try NetworkNamespace.unmount(path: made.path)
    #expect(!made.isMounted())
    #expect(throws: KernelError.self) { try NetworkNamespace.open(path: made.path) }
    try made.remount()
    #expect(made.isMounted())
    #expect(try NetworkNamespace.open(path: made.path).inode == made.inode)
  }

  @Test func `A namespace of the same name is another one`() throws {
    let sandbox = try Sandbox()
    let first = try sandbox.namespace("one")
    try NetworkNamespace.unmount(path: first.path)
    let second = try sandbox.namespace("one")
    #expect(!first.isMounted())
    #expect(first.inode != second.inode)
  }

  @Test func `Work runs inside and the caller stays outside`() throws {
    let sandbox = try Sandbox()
    let inside = try sandbox.namespace("one")
    let outside = try NetworkNamespace.current().inode
    #expect(try inside.run { try NetworkNamespace.current().inode } == inside.inode)
    #expect(try NetworkNamespace.current().inode == outside)
    #expect(throws: KernelError(code: EPERM, operation: "x")) {
      try inside.run { throw KernelError(code: EPERM, operation: "x") }
    }
  }

  @Test func `Settings belong to the namespace`() throws {
    let sandbox = try Sandbox()
    let (one, two) = (try sandbox.namespace("one"), try sandbox.namespace("two"))
    let host = try NetworkNamespace.current().sysctl("net.ipv4.ip_forward")
    try one.sysctl("net.ipv4.ip_forward", "1")
    try two.sysctl("net.ipv4.ip_forward", "0")
    #expect(try one.sysctl("net.ipv4.ip_forward") == "1")
    #expect(try two.sysctl("net/ipv4/ip_forward") == "0")
    #expect(try NetworkNamespace.current().sysctl("net.ipv4.ip_forward") == host)
  }

  @Test func `The mount point is private, made once and undone`() throws {
    let folder = "/tmp/daruma-kernel-mount-\(UInt64.random(in: 0 ... .max))"
    try MountPoint.prepare(folder)
    try MountPoint.prepare(folder)
    #expect(try MountPoint.isMountPoint(folder))
    try NetworkNamespace.create(at: folder + "/one")
    try MountPoint.release(folder)
    try MountPoint.release(folder)
    #expect(try !MountPoint.isMountPoint(folder))
    unlink(folder + "/one")
    rmdir(folder)
  }

  @Test func `Processes run in the namespace, are found, known by start time, and end`() throws {
    let sandbox = try Sandbox()
    let inside = try sandbox.namespace("one")
    let child = try sandbox.start("/bin/sleep", ["100"], in: inside)
    #expect(try inside.processes() == [child.pid])
    #expect(child.isAlive)
    #expect(ChildProcess.startTime(child.pid) == child.startTime)
    #expect(!ChildProcess.isAlive(child.pid, startTime: child.startTime + 1))
    #expect(try !ChildProcess(pid: child.pid, startTime: child.startTime + 1).terminate())
    #expect(getsid(child.pid) == child.pid)
    #expect(try child.terminate())
    #expect(!child.isAlive)
    #expect(ChildProcess.startTime(child.pid) == nil)
    #expect(try inside.processes().isEmpty)
    #expect(throws: KernelError.self) {
      try ChildProcess.spawn(executable: "/nowhere/program", arguments: [], namespace: inside)
    }
  }

  @Test func `A process that ignores the request is killed after the grace time`() throws {
    let sandbox = try Sandbox()
    let log = sandbox.folder + "/log"
    let child = try ChildProcess.spawn(
      executable: "/bin/sh",
      arguments: ["-c", "trap '' TERM; echo ready; ls /proc/self/fd | wc -w; while :; do sleep 1; done"],
      environment: ["PATH": "/usr/bin:/bin"], logPath: log)
    try eventually { try sandbox.output("/bin/cat", [log]).split(separator: "\n").count == 2 }
    // The three standard ones and the folder being listed.
    #expect(try sandbox.output("/bin/cat", [log]) == "ready\n4\n")
    #expect(try child.terminate(grace: .milliseconds(50)))
    #expect(!child.isAlive)
  }

  @Test func `Sockets made inside are used from outside`() throws {
    let sandbox = try Sandbox()
    let (one, two) = (try sandbox.namespace("one"), try sandbox.namespace("two"))
    let listener = try NamespaceSocket.listenTCP(.loopback, port: 7777, in: one)
    let near = try NamespaceSocket.connectTCP(.loopback, port: 7777, in: one)
    let far = try NamespaceSocket.connectTCP(.loopback, port: 7777, in: two)
    var watched = [pollfd(fd: near.raw, events: Int16(POLLOUT), revents: 0)]
    #expect(poll(&watched, 1, 2000) == 1)
    #expect(NamespaceSocket.connectionError(near) == 0)
    #expect(NamespaceSocket.connectionError(far) == ECONNREFUSED)
    #expect(listener.raw >= 0)
    let udp = try NamespaceSocket.bindUDP(.loopback, port: 7777, in: two)
    #expect(udp.raw >= 0)
  }

  @Test func `Hundreds of namespaces leave nothing behind`() throws {
    func descriptors() throws -> Int {
      let folder = try #require(opendir("/proc/self/fd"))
      defer { closedir(folder) }
      var count = 0
      while readdir(folder) != nil { count += 1 }
      return count
    }
    let sandbox = try Sandbox()
    var time = ContinuousClock().measure {}
    var all: [NetworkNamespace] = []
    time = try ContinuousClock().measure { for i in 0..<300 { all.append(try sandbox.namespace("n\(i)")) } }
    print("300 namespaces made in \(time)")
    let busy = try descriptors()
    let last = try #require(all.last)
    time = try ContinuousClock().measure { for _ in 0..<1000 { try last.run {} } }
    print("one run in a namespace takes \(time / 1000)")
    #expect(busy >= 300)
    all.removeAll()
  }
}
