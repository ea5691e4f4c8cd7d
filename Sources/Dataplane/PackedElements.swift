import Kernel

/// The elements of one set as words in flat arrays: hundreds of thousands of them are kept, changed and compared with the
/// kernel's in little time and room. A record is the key, the end of a range if the set has ranges, and the value.
struct PackedElements {
  let keyWords: Int
  let endWords: Int
  let valueWords: Int
  let hasVerdicts: Bool

  private(set) var records: [UInt32] = []
  /// A number of the caller's for each record.
  private(set) var tags: [UInt32] = []
  /// One more than the position of a record, or 0; a power of two, found by linear probing.
  private var slots: [UInt32] = []

  private static let seed = UInt64.random(in: .min ... .max)

  init(_ shape: SetShape) {
    func words(_ fields: [NFTType]) -> Int { fields.reduce(0) { $0 + ($1.length + 3) / 4 } }
    keyWords = words(shape.key)
    endWords = shape.flags.contains(.interval) ? keyWords : 0
    switch shape.data {
    case .fields(let fields): valueWords = words(fields)
    case .verdict: valueWords = 1
    case nil: valueWords = 0
    }
    hasVerdicts = shape.data == .verdict
  }

  var stride: Int { keyWords + endWords + valueWords }
  var count: Int { tags.count }
  var isEmpty: Bool { tags.isEmpty }
  /// Whether keys and values are all there is.
  var isPlain: Bool { endWords == 0 && !hasVerdicts }

  mutating func removeAll() {
    records = []
    tags = []
    slots = []
  }

  private func home(_ key: UnsafePointer<UInt32>) -> Int {
    var hash = Self.seed
    for index in 0..<keyWords {
      hash = (hash ^ UInt64(key[index])) &* 0x9E37_79B9_7F4A_7C15
      hash ^= hash >> 29
    }
    hash = hash &* 0xBF58_476D_1CE4_E5B9
    return Int(truncatingIfNeeded: hash >> 32) & (slots.count - 1)
  }

  /// The position of the record with this key.
  func position(_ key: UnsafePointer<UInt32>) -> Int? {
    if slots.isEmpty { return nil }
    return records.withUnsafeBufferPointer { records in
      slots.withUnsafeBufferPointer { slots in
        var slot = home(key)
        while slots[slot] != 0 {
          let position = Int(slots[slot]) - 1
          if isEqual(records, position * stride, key, keyWords) { return position }
          slot = (slot + 1) & (slots.count - 1)
        }
        return nil
      }
    }
  }

  func position(of key: NFTBytes) -> Int? {
    guard key.count == 4 * keyWords else { return nil }
    return withUnsafeTemporaryAllocation(of: UInt32.self, capacity: keyWords) { words -> Int? in
      for index in 0..<keyWords { words[index] = key.word(at: 4 * index) }
      return words.baseAddress.flatMap { position($0) }
    }
  }

  @inline(__always)
  private func isEqual(
    _ records: UnsafeBufferPointer<UInt32>, _ start: Int, _ words: UnsafePointer<UInt32>, _ count: Int
  ) -> Bool {
    for index in 0..<count where records[start + index] != words[index] { return false }
    return true
  }

  /// Whether the record at the position is this one, its value included.
  func isRecord(_ record: UnsafePointer<UInt32>, at position: Int) -> Bool {
    records.withUnsafeBufferPointer { isEqual($0, position * stride, record, stride) }
  }

  func withRecord<R>(at position: Int, _ body: (UnsafePointer<UInt32>) -> R) -> R? {
    records.withUnsafeBufferPointer { records in records.baseAddress.map { body($0 + position * stride) } }
  }

  mutating func setTag(_ tag: UInt32, at position: Int) { tags[position] = tag }

  /// Adds a record whose key is not there.
  mutating func insert(_ record: UnsafePointer<UInt32>, tag: UInt32) {
    if (count + 1) * 4 > slots.count * 3 { grow() }
    records.append(contentsOf: UnsafeBufferPointer(start: record, count: stride))
    tags.append(tag)
    place(count - 1)
  }

  private mutating func place(_ position: Int) {
    var slot = records.withUnsafeBufferPointer { records in
      records.baseAddress.map { home($0 + position * stride) } ?? 0
    }
    while slots[slot] != 0 { slot = (slot + 1) & (slots.count - 1) }
    slots[slot] = UInt32(position + 1)
  }

  private mutating func grow() {
    slots = Array(repeating: 0, count: max(16, slots.count * 2))
    for position in 0..<count { place(position) }
  }

  private func slot(of position: Int) -> Int {
    var slot = withRecord(at: position) { home($0) } ?? 0
    while slots[slot] != UInt32(position + 1) { slot = (slot + 1) & (slots.count - 1) }
    return slot
  }

  /// The last record takes its position.
  mutating func remove(at position: Int) {
    close(slot(of: position))
    let last = count - 1
    if position != last {
      slots[slot(of: last)] = UInt32(position + 1)
      for index in 0..<stride { records[position * stride + index] = records[last * stride + index] }
      tags[position] = tags[last]
    }
    records.removeLast(stride)
    tags.removeLast()
  }

  /// Empties a slot and moves up what was put behind it for want of room.
  private mutating func close(_ slot: Int) {
    let mask = slots.count - 1
    var gap = slot
    var next = (gap + 1) & mask
    while slots[next] != 0 {
      let wanted = withRecord(at: Int(slots[next]) - 1) { home($0) } ?? 0
      if (next - wanted) & mask >= (next - gap) & mask {
        slots[gap] = slots[next]
        gap = next
      }
      next = (next + 1) & mask
    }
    slots[gap] = 0
  }
}
