import CLinux
import Glibc

/// A network namespace, held alive by a descriptor and named by a mount of it.
package final class NetworkNamespace: Sendable {
  /// Where the namespace is (or was) mounted.
  package let path: String
  /// What tells it from every other namespace of this machine.
  package let inode: UInt64
  let descriptor: Int32

  private init(path: String, owning descriptor: consuming Descriptor) throws(KernelError) {
    var status = stat()
    if fstat(descriptor.raw, &status) < 0 { throw KernelError.last("examine namespace \(path)") }
    self.path = path
    inode = UInt64(status.st_ino)
    self.descriptor = descriptor.release()
  }

  deinit { close(descriptor) }

  /// Makes a new namespace with its loopback link up, mounted at `path`. EEXIST if a namespace is mounted there.
  @discardableResult
  package static func create(at path: String) throws -> NetworkNamespace {
    try makeFolder(parentFolder(path))
    let raw = try onThreadOfItsOwn { () throws -> Int32 in
      if daruma_unshare_network() < 0 { throw KernelError.last("make namespace \(path)") }
      let socket = try Descriptor(
        owning: uninterrupted("open a socket") { Glibc.socket(AF_INET, controlSocketType, 0) })
      if daruma_loopback_up(socket.raw) < 0 { throw KernelError.last("set up lo in \(path)") }
      return try openFile("/proc/thread-self/ns/net", O_RDONLY).release()
    }
    let namespace = try NetworkNamespace(path: path, owning: Descriptor(owning: raw))
    try namespace.mount()
    return namespace
  }

  /// The namespace mounted at `path`; ENOENT if none is.
  package static func open(path: String) throws -> NetworkNamespace {
    let file = try openFile(path, O_RDONLY)
    guard isNamespace(file.raw) else { throw KernelError(code: ENOENT, operation: "open namespace \(path)") }
    return try NetworkNamespace(path: path, owning: file)
  }

  /// The namespace of the calling thread.
  package static func current() throws -> NetworkNamespace {
    let path = "/proc/thread-self/ns/net"
    return try NetworkNamespace(path: path, owning: openFile(path, O_RDONLY))
  }

  private static func isNamespace(_ descriptor: Int32) -> Bool {
    var status = statfs()
    return fstatfs(descriptor, &status) == 0 && status.f_type == 0x6e73_6673
  }

  /// Whether `path` still is this very namespace.
  package func isMounted() -> Bool {
    var status = stat()
    var own = stat()
    guard stat(path, &status) == 0, fstat(descriptor, &own) == 0 else { return false }
    return status.st_ino == own.st_ino && status.st_dev == own.st_dev
  }

  /// Mounts the living namespace again after its name was lost.
  package func remount() throws {
    if !isMounted() { try mount() }
  }

  private func mount() throws(KernelError) {
    try makeFolder(parentFolder(path))
    let file = try openFile(path, O_RDONLY | O_CREAT, mode: 0o444)
    if NetworkNamespace.isNamespace(file.raw) { throw KernelError(code: EEXIST, operation: "mount namespace \(path)") }
    if daruma_bind_mount("/proc/self/fd/\(descriptor)", path) < 0 {
      throw KernelError.last("mount namespace \(path)")
    }
  }

  /// Takes the name away; the namespace goes when nobody holds it any more. No error if there is none.
  package static func unmount(path: String) throws {
    while true {
      if daruma_detach_mount(path) == 0 { continue }
      if errno == EINVAL || errno == ENOENT { break }
      throw KernelError.last("unmount namespace \(path)")
    }
    if unlink(path) < 0 && errno != ENOENT { throw KernelError.last("remove \(path)") }
  }

  /// Runs `body` inside the namespace, on a thread of its own, and waits for it. Sockets made there stay there.
  package func run<T>(_ body: @Sendable () throws -> T) throws -> T {
    try onThreadOfItsOwn {
      if daruma_setns(descriptor) < 0 { throw KernelError.last("enter namespace \(path)") }
      return try body()
    }
  }

  /// Writes a kernel setting of this namespace: `net.ipv4.ip_forward` or `net/ipv4/conf/eth0.1/forwarding`.
  package func sysctl(_ key: String, _ value: String) throws { try sysctl([(key, value)]) }

  /// Writes settings in order.
  package func sysctl(_ settings: [(key: String, value: String)]) throws {
    try run {
      for (key, value) in settings {
        let setting = try openFile(NetworkNamespace.settingPath(key), O_WRONLY)
        let bytes = Array(value.utf8)
        let count = try uninterrupted("write \(key)") { write(setting.raw, bytes, bytes.count) }
        if count != bytes.count { throw KernelError(code: EIO, operation: "write \(key)") }
      }
    }
  }

  /// Reads a kernel setting of this namespace.
  package func sysctl(_ key: String) throws -> String {
    let file = NetworkNamespace.settingPath(key)
    let bytes = try run { try readFile(file, limit: 4096) }
    return String(decoding: bytes.split(separator: UInt8(ascii: "\n")).first ?? [], as: UTF8.self)
  }

  // With a slash in it the key is a path already, so that link names may hold dots.
  private static func settingPath(_ key: String) -> String {
    "/proc/sys/" + (key.contains("/") ? key : String(key.map { $0 == "." ? "/" : $0 }))
  }

  /// The processes inside.
  package func processes() throws -> [Int32] { try NetworkNamespace.processes(inNamespace: inode) }

  /// The processes whose network namespace has this inode.
  package static func processes(inNamespace inode: UInt64) throws -> [Int32] {
    guard let folder = opendir("/proc") else { throw KernelError.last("open /proc") }
    defer { closedir(folder) }
    var found: [Int32] = []
    while let entry = readdir(folder) {
      let name = withUnsafeBytes(of: &entry.pointee.d_name) { bytes in
        String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
      }
      guard let pid = Int32(name) else { continue }
      var status = stat()
      if stat("/proc/\(name)/ns/net", &status) == 0 && UInt64(status.st_ino) == inode { found.append(pid) }
    }
    return found
  }
}

let controlSocketType = Int32(SOCK_DGRAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue)

/// Runs in the namespace, or right here without one.
func run<T>(in namespace: NetworkNamespace?, _ body: @Sendable () throws -> T) throws -> T {
  if let namespace { return try namespace.run(body) }
  return try body()
}
