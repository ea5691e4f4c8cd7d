import Synchronization

/// Buffers for what sockets receive, used again and again: one for each thread that is at it.
enum ReceiveRoom {
  static let size = 64 << 10

  // Only their owner of the moment touches what they point to.
  private struct Spare: @unchecked Sendable {
    var rooms: [UnsafeMutableRawBufferPointer] = []
  }

  private static let spare = Mutex(Spare())

  static func take() -> UnsafeMutableRawBufferPointer {
    spare.withLock { $0.rooms.popLast()?.baseAddress }.map { UnsafeMutableRawBufferPointer(start: $0, count: size) }
      ?? .allocate(byteCount: size, alignment: 16)
  }

  static func give(_ room: UnsafeMutableRawBufferPointer) {
    spare.withLock { $0.rooms.append(room) }
  }
}
