import Glibc

/// How this process deals with its memory.
enum Memory {
  /// Keeps what was freed instead of giving it back to the kernel. The ledger frees on one thread what another asks for a
  /// moment later: given back, each page would be mapped and cleared anew. Does nothing where libc has no such setting.
  static func keep() {
    guard let symbol = dlsym(nil, "mallopt") else { return }
    let set = unsafeBitCast(symbol, to: (@convention(c) (Int32, Int32) -> Int32).self)
    _ = set(trimThreshold, 256 << 20)
    _ = set(mapThreshold, 32 << 20)
  }

  /// As in malloc.h, which the module of libc leaves out.
  private static let trimThreshold: Int32 = -1
  private static let mapThreshold: Int32 = -3
}
