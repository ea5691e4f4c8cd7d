internal import CProcessor
import Glibc

/// The memory of a family of versions: blocks of whole units from slabs that are given back all together at the end.
///
/// Free blocks are listed beside the memory, not in it: what is freed is cold, and is not touched before it is used again.
struct Pool {
  /// In bytes.
  static var unit: Int { 16 }
  /// In units: a node with items only. Nodes of many items with the same hash, which are larger, are allocated singly.
  private static var largest: Int { 1 + TrieNode.fan }

  /// In bytes. In memory of such pages the processor finds its way without looking each small page up first.
  private static var hugePage: Int { 2 << 20 }

  private struct Stack {
    var blocks: UnsafeMutablePointer<UnsafeMutableRawPointer>?
    var count = 0
    var capacity = 0

    mutating func grow() {
      let larger = UnsafeMutablePointer<UnsafeMutableRawPointer>.allocate(capacity: max(8, capacity * 2))
      if let blocks {
        larger.moveInitialize(from: blocks, count: count)
        blocks.deallocate()
      }
      blocks = larger
      capacity = max(8, capacity * 2)
    }
  }

  /// By size.
  private let free: UnsafeMutablePointer<Stack>
  private var slabs: [UnsafeMutableRawPointer] = []
  private var next = UnsafeMutableRawPointer(bitPattern: 16).unsafelyUnwrapped
  private var left = 0
  private var slabSize = 64
  /// The number of blocks in use.
  private(set) var used = 0

  init() {
    free = .allocate(capacity: Self.largest + 1)
    free.initialize(repeating: Stack(), count: Self.largest + 1)
  }

  /// Gives all memory back.
  func destroy() {
    for size in 0...Self.largest { free[size].blocks?.deallocate() }
    free.deallocate()
    for slab in slabs { slab.deallocate() }
  }

  @inline(__always)
  mutating func take(_ units: Int) -> UnsafeMutableRawPointer {
    used += 1
    if units > Self.largest { return .allocate(byteCount: units * Self.unit, alignment: Self.unit) }
    if free[units].count > 0 {
      let count = free[units].count - 1
      free[units].count = count
      let blocks = free[units].blocks.unsafelyUnwrapped
      // What is taken soon is in no cache, and will be written to.
      if count > 1 {
        let soon = blocks[count - 2]
        processor_prefetch_to_write(soon)
        if units > 4 { processor_prefetch_to_write(soon + 64) }
        if units > 8 { processor_prefetch_to_write(soon + 128) }
      }
      return blocks[count]
    }
    if left < units { refill(units) }
    let block = next
    next += units * Self.unit
    left -= units
    return block
  }

  @inline(__always)
  mutating func put(_ block: UnsafeMutableRawPointer, _ units: Int) {
    used -= 1
    if units > Self.largest { return block.deallocate() }
    push(block, units)
  }

  @inline(__always)
  private mutating func push(_ block: UnsafeMutableRawPointer, _ units: Int) {
    if free[units].count == free[units].capacity { free[units].grow() }
    free[units].blocks.unsafelyUnwrapped[free[units].count] = block
    free[units].count += 1
  }

  /// What was left of the last slab becomes blocks, too.
  private mutating func refill(_ units: Int) {
    while left > 0 {
      let size = min(left, Self.largest)
      push(next, size)
      next += size * Self.unit
      left -= size
    }
    // Small tables need little; large ones few, large slabs.
    slabSize = min(slabSize * 2, Self.hugePage / Self.unit)
    let bytes = slabSize * Self.unit
    next = .allocate(byteCount: bytes, alignment: bytes == Self.hugePage ? bytes : 64)
    if bytes == Self.hugePage { madvise(next, bytes, MADV_HUGEPAGE) }
    left = slabSize
    slabs.append(next)
  }

  /// Takes over all that `other` has, which is not to be used any more.
  mutating func adopt(_ other: Pool) {
    slabs += other.slabs
    used += other.used
    slabSize = max(slabSize, other.slabSize)
    for size in 0...Self.largest {
      for position in 0..<other.free[size].count { push(other.free[size].blocks.unsafelyUnwrapped[position], size) }
      other.free[size].blocks?.deallocate()
    }
    other.free.deallocate()
    var (rest, left) = (other.next, other.left)
    while left > 0 {
      let size = min(left, Self.largest)
      push(rest, size)
      rest += size * Self.unit
      left -= size
    }
  }
}
