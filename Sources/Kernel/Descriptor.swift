import Glibc

/// A file descriptor that is closed with its owner.
package struct Descriptor: ~Copyable, Sendable {
  package let raw: Int32

  /// Takes over an open descriptor.
  package init(owning raw: Int32) { self.raw = raw }

  deinit { close(raw) }

  /// Hands the open descriptor to the caller, who closes it.
  package consuming func release() -> Int32 {
    let raw = self.raw
    discard self
    return raw
  }
}

func openFile(_ path: String, _ flags: Int32, mode: mode_t = 0) throws(KernelError) -> Descriptor {
  let raw = try uninterrupted("open \(path)") { open(path, flags | O_CLOEXEC, mode) }
  return Descriptor(owning: raw)
}

/// At most `limit` bytes of a file.
func readFile(_ path: String, limit: Int) throws(KernelError) -> [UInt8] {
  let file = try openFile(path, O_RDONLY)
  let raw = file.raw
  var bytes = [UInt8](repeating: 0, count: min(limit, 65536))
  var filled = 0
  while filled < limit {
    if filled == bytes.count { bytes.append(contentsOf: repeatElement(0, count: min(bytes.count, limit - filled))) }
    let room = bytes.count - filled
    let start = filled
    let count = try uninterrupted("read \(path)") {
      bytes.withUnsafeMutableBytes { read(raw, $0.baseAddress?.advanced(by: start), room) }
    }
    if count == 0 { break }
    filled += count
  }
  bytes.removeLast(bytes.count - filled)
  return bytes
}

func makeFolder(_ path: String) throws(KernelError) {
  if path.isEmpty || path == "/" { return }
  var status = stat()
  if stat(path, &status) == 0 {
    if status.st_mode & S_IFMT != S_IFDIR { throw KernelError(code: ENOTDIR, operation: "make folder \(path)") }
    return
  }
  try makeFolder(parentFolder(path))
  if mkdir(path, 0o755) < 0 && errno != EEXIST { throw KernelError.last("make folder \(path)") }
}

func parentFolder(_ path: String) -> String {
  guard let slash = path.lastIndex(of: "/") else { return "" }
  return String(path[..<slash])
}
