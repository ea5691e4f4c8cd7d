import Glibc

/// Opens kernel settings below `/proc/sys/net` of the calling thread's namespace. The kernel finds the folders of a kind of
/// settings (`ipv4/conf`) by walking through those of all namespaces, so each is held open.
struct SettingFolders: ~Copyable {
  private var descriptors: [Substring: Int32] = [:]

  deinit { for descriptor in descriptors.values { close(descriptor) } }

  /// -1 and `errno` if that fails.
  mutating func open(_ path: String) -> Int32 {
    let parts = path.split(separator: "/", maxSplits: 2)
    guard parts.count == 3 else { return Glibc.open("/proc/sys/net/" + path, O_WRONLY | O_CLOEXEC) }
    let kind = path[..<parts[1].endIndex]
    let known = descriptors[kind]
    let folder = known ?? Glibc.open("/proc/sys/net/" + kind, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    if folder < 0 { return -1 }
    descriptors[kind] = folder
    return openat(folder, String(parts[2]), O_WRONLY | O_CLOEXEC)
  }
}
