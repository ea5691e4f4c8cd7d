import CLinux
import Glibc

/// A folder below which mounts stay private to this mount namespace.
package enum MountPoint {
  /// Makes the folder and, unless it is one already, a private mount point. What is mounted below it afterwards does
  /// not propagate to other mount namespaces.
  package static func prepare(_ folder: String) throws(KernelError) {
    try makeFolder(folder)
    if try isMountPoint(folder) == false {
      if daruma_bind_mount(folder, folder) < 0 { throw KernelError.last("bind mount \(folder)") }
    }
    if daruma_make_mount_private(folder) < 0 { throw KernelError.last("make mount \(folder) private") }
  }

  /// Undoes `prepare`, with everything mounted below; no error if there is nothing to undo.
  package static func release(_ folder: String) throws(KernelError) {
    while try isMountPoint(folder) {
      if daruma_detach_mount(folder) < 0 { throw KernelError.last("unmount \(folder)") }
    }
  }

  package static func isMountPoint(_ folder: String) throws(KernelError) -> Bool {
    guard let resolved = realpath(folder, nil) else {
      if errno == ENOENT || errno == ENOTDIR { return false }
      throw KernelError.last("resolve \(folder)")
    }
    defer { free(resolved) }
    let wanted = Array(String(cString: resolved).utf8)
    let table = try readFile("/proc/self/mountinfo", limit: 64 << 20)
    for line in table.split(separator: UInt8(ascii: "\n")) {
      let fields = line.split(separator: UInt8(ascii: " "), maxSplits: 5)
      if fields.count > 4 && unescaped(fields[4]) == wanted { return true }
    }
    return false
  }

  // The kernel writes blanks and backslashes of a path as three octal digits.
  private static func unescaped(_ field: ArraySlice<UInt8>) -> [UInt8] {
    var result: [UInt8] = []
    var rest = field
    while let byte = rest.popFirst() {
      if byte == UInt8(ascii: "\\") && rest.count >= 3 {
        result.append(rest.prefix(3).reduce(0) { $0 &* 8 &+ ($1 &- 0x30) })
        rest = rest.dropFirst(3)
      } else {
        result.append(byte)
      }
    }
    return result
  }
}
