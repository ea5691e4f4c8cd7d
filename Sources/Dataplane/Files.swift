import Glibc
import Kernel

/// Small files under the state folder.
enum Files {
  /// Makes the folder and those above it.
  static func makeFolder(_ path: String) throws {
    var made = ""
    for part in path.split(separator: "/") {
      made += "/" + part
      if mkdir(made, 0o755) < 0 && errno != EEXIST {
        throw KernelError(code: errno, operation: "make folder \(made)")
      }
    }
  }

  /// Puts a file in place at once: readers see the old or the new one.
  static func write(_ path: String, _ text: String) throws {
    let draft = path + ".new"
    let file = open(draft, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644)
    if file < 0 { throw KernelError(code: errno, operation: "write \(path)") }
    let bytes = Array(text.utf8)
    var done = 0
    while done < bytes.count {
      let count = bytes.withUnsafeBytes { Glibc.write(file, $0.baseAddress?.advanced(by: done), bytes.count - done) }
      if count <= 0 {
        let code = errno
        close(file)
        unlink(draft)
        throw KernelError(code: code, operation: "write \(path)")
      }
      done += count
    }
    close(file)
    try rename(draft, to: path)
  }

  static func rename(_ path: String, to target: String) throws {
    if Glibc.rename(path, target) < 0 { throw KernelError(code: errno, operation: "write \(target)") }
  }

  /// The first MiB of a file; nil if there is none.
  static func read(_ path: String) -> String? {
    let file = open(path, O_RDONLY | O_CLOEXEC)
    if file < 0 { return nil }
    defer { close(file) }
    var bytes = [UInt8](repeating: 0, count: 1 << 20)
    var filled = 0
    while filled < bytes.count {
      let room = bytes.count - filled
      let count = bytes.withUnsafeMutableBytes { Glibc.read(file, $0.baseAddress?.advanced(by: filled), room) }
      if count <= 0 { break }
      filled += count
    }
    return String(decoding: bytes[..<filled], as: UTF8.self)
  }

  static func names(in folder: String) -> [String] {
    guard let handle = opendir(folder) else { return [] }
    defer { closedir(handle) }
    var found: [String] = []
    while let entry = readdir(handle) {
      let name = withUnsafeBytes(of: &entry.pointee.d_name) { bytes in
        String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
      }
      if name != "." && name != ".." { found.append(name) }
    }
    return found.sorted()
  }

  static func remove(_ path: String) { unlink(path) }
}
