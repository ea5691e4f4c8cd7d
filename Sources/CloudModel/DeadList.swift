internal import CProcessor

/// Something that a version no longer has and its predecessor still did, in two words.
struct Dead {
  enum Kind: UInt64 {
    case node, row, entry
    /// An entry whose key refers to memory of its own.
    case textEntry
  }

  /// The place, with the kind in its lowest bits and the size in its highest.
  private let word: UInt64
  let birth: UInt64

  @inline(__always)
  init(_ kind: Kind, _ place: UnsafeMutableRawPointer, units: Int, birth: UInt64) {
    word = UInt64(UInt(bitPattern: place)) | kind.rawValue | UInt64(units) << 48
    self.birth = birth
  }

  @inline(__always) var kind: Kind { Kind(rawValue: word & 15).unsafelyUnwrapped }
  @inline(__always) var units: Int { Int(word >> 48) }
  @inline(__always) var place: UnsafeMutableRawPointer {
    UnsafeMutableRawPointer(bitPattern: UInt(word & 0xffff_ffff_fff0)).unsafelyUnwrapped
  }
}

/// A list that is added to and joined to another in no time.
struct DeadList {
  private struct Chunk {
    static var room: Int { 63 }
    var next: UnsafeMutableRawPointer?
    var count = 0
  }

  private typealias Place = UnsafeMutablePointer<Chunk>

  private var head: UnsafeMutableRawPointer?
  private var tail: UnsafeMutableRawPointer?

  var isEmpty: Bool { head == nil }

  @inline(__always)
  mutating func append(_ dead: Dead) {
    guard let tail, chunk(tail).pointee.count < Chunk.room else { return appendToNew(dead) }
    let place = chunk(tail)
    records(tail)[place.pointee.count] = dead
    place.pointee.count += 1
  }

  private mutating func appendToNew(_ dead: Dead) {
    let new = UnsafeMutableRawPointer.allocate(byteCount: 16 * (Chunk.room + 1), alignment: 16)
    chunk(new).initialize(to: Chunk(next: nil, count: 1))
    records(new)[0] = dead
    if let tail { chunk(tail).pointee.next = new } else { head = new }
    tail = new
  }

  /// Takes over all that `other` lists.
  mutating func join(_ other: inout DeadList) {
    guard let first = other.head else { return }
    if let tail { chunk(tail).pointee.next = first } else { head = first }
    tail = other.tail
    other = DeadList()
  }

  /// Takes out what was born after `limit` and hands it to `body`.
  mutating func remove(after limit: UInt64, _ body: (Dead) -> Void) {
    var rest = head
    self = DeadList()
    var kept = DeadList()
    while let memory = rest {
      rest = chunk(memory).pointee.next
      let count = chunk(memory).pointee.count
      var stays = 0
      for position in 0..<count {
        let dead = records(memory)[position]
        if dead.birth > limit {
          body(dead)
        } else {
          records(memory)[stays] = dead
          stays += 1
        }
      }
      if stays == 0 {
        memory.deallocate()
      } else {
        chunk(memory).initialize(to: Chunk(next: nil, count: stays))
        var one = DeadList()
        one.head = memory
        one.tail = memory
        kept.join(&one)
      }
    }
    self = kept
  }

  /// Takes everything out and hands each place to `body`, which looks at what is there: so it is fetched beforehand.
  mutating func drain(_ body: (UnsafeMutableRawPointer) -> Void) {
    var rest = head
    self = DeadList()
    while let memory = rest {
      rest = chunk(memory).pointee.next
      let count = chunk(memory).pointee.count
      for position in 0..<count {
        for offset in stride(from: 0, to: 256, by: 64) { processor_prefetch(records(memory)[position].place + offset) }
      }
      for position in 0..<count { body(records(memory)[position].place) }
      memory.deallocate()
    }
  }

  /// Forgets everything.
  mutating func clear() { remove(after: 0) { _ in } }

  @inline(__always)
  private func chunk(_ memory: UnsafeMutableRawPointer) -> Place { memory.assumingMemoryBound(to: Chunk.self) }

  @inline(__always)
  private func records(_ memory: UnsafeMutableRawPointer) -> UnsafeMutablePointer<Dead> {
    (memory + 16).assumingMemoryBound(to: Dead.self)
  }
}
