internal import FoundationEssentials
import Glibc

/// Where revisions become durable before they are in the database: a file beside it, which has its full size from the
/// beginning. Each append is one write that passes the page cache by and returns when the disk has it, which takes less than
/// a commit of SQLite, and leaves the database to be written beside it.
///
/// Two areas are filled by turns. One is used again only once all that was in it is durable in the database, so the areas
/// hold whatever the database may lose.
///
/// All numbers are little-endian. The file begins with `magic` and a number of 16 bytes that names this opening of the log.
/// An entry fills whole blocks: that number, the first revision (8 bytes), how many there are (4), the entry's length (4), and
/// of each its time (8), its content's length (4), its chain (32) and content. It ends with the last revision's chain, so that
/// one that was cut short is recognised wherever the disk stopped; whether all of it is there, the chain tells.
final class AppendLog {
  static let magic = Array("DARUMA appended\n".utf8)
  static let block = 4096
  static let areaSize = 4 << 20
  static let areaCount = 2
  static let size = block + areaCount * areaSize
  static let entryHead = 32
  static let recordHead = 44

  static func path(of database: String) -> String { database + "-appended" }

  private let path: String
  private var descriptor: Int32 = -1
  private let opening: UUID
  private var buffer: UnsafeMutableRawBufferPointer
  private var area = 0
  /// Where in the area to write next.
  private var place = 0
  /// The last revision in each.
  private var last: [UInt64]

  /// Begins the log anew. What it held is given up, and must be durable in the database.
  init(of database: String, opening: UUID) throws(LedgerError) {
    path = Self.path(of: database)
    self.opening = opening
    last = Array(repeating: 0, count: Self.areaCount)
    buffer = .allocate(byteCount: 16 * Self.block, alignment: Self.block)
    buffer.initializeMemory(as: UInt8.self, repeating: 0)
    descriptor = try Self.open(path)
    try fill()
    for (position, byte) in Self.magic.enumerated() { buffer[position] = byte }
    store(opening, at: Self.magic.count)
    try write(Self.block, at: 0)
    try flushFolder(of: path)
  }

  deinit {
    if descriptor >= 0 { Glibc.close(descriptor) }
    buffer.deallocate()
  }

  /// Linux's; the C library shows it only to who asks for GNU's extensions.
  private static var direct: Int32 {
    #if arch(arm64) || arch(arm)
      0o200000
    #else
      0o40000
    #endif
  }

  private static func open(_ path: String) throws(LedgerError) -> Int32 {
    let flags = O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_DSYNC
    var descriptor = Glibc.open(path, flags | direct, 0o600)
    // Not every file system can.
    if descriptor < 0, errno == EINVAL { descriptor = Glibc.open(path, flags, 0o600) }
    guard descriptor >= 0 else { throw error("\(path) cannot be opened") }
    return descriptor
  }

  private static func error(_ what: String) -> LedgerError {
    LedgerError(errno == ENOSPC ? .diskFull : .failed, "\(what): \(systemError())")
  }

  /// Writes zeros where there was nothing, so that no later write has to find room or to change more than its own blocks.
  private func fill() throws(LedgerError) {
    var status = stat()
    guard fstat(descriptor, &status) == 0 else { throw Self.error("\(path) cannot be looked at") }
    var place = Int(status.st_size) / Self.block * Self.block
    if place < Self.size { grow(to: Self.areaSize / 4) }
    while place < Self.size {
      let count = min(buffer.count, Self.size - place)
      try write(count, at: place)
      place += count
    }
  }

  private func grow(to count: Int) {
    guard count > buffer.count else { return }
    buffer.deallocate()
    buffer = .allocate(byteCount: count, alignment: Self.block)
    buffer.initializeMemory(as: UInt8.self, repeating: 0)
  }

  private func write(_ count: Int, at offset: Int) throws(LedgerError) {
    var done = 0
    while done < count {
      let rest = UnsafeRawBufferPointer(rebasing: buffer[done..<count])
      let written = pwrite(descriptor, rest.baseAddress, rest.count, off_t(offset + done))
      guard written > 0 else { throw Self.error("\(path) cannot be written") }
      // What was cut short inside of a block is written again from the block's beginning, which also tells why.
      done = (done + written) / Self.block * Self.block
    }
  }

  private func store(_ uuid: UUID, at offset: Int) {
    withUnsafeBytes(of: uuid.uuid) { UnsafeMutableRawBufferPointer(rebasing: buffer[offset...]).copyMemory(from: $0) }
  }

  /// The bytes of an entry that holds `records`.
  static func length(of records: [RevisionRecord]) -> Int {
    let bytes = records.reduce(entryHead + Checksum.byteCount) { $0 + recordHead + $1.content.count }
    return (bytes + block - 1) / block * block
  }

  /// Durable when it returns. After `diskFull` nothing of it is found by whoever reads the log.
  ///
  /// - Parameter settled: called before an area is used again, with the last revision that has to be durable elsewhere.
  func append(_ records: [RevisionRecord], settled: (UInt64) throws(LedgerError) -> Void) throws(LedgerError) {
    guard let first = records.first, let end = records.last else { return }
    let length = Self.length(of: records)
    if place + length > Self.areaSize {
      let next = (area + 1) % Self.areaCount
      try settled(last[next])
      area = next
      place = 0
    }
    grow(to: length)
    store(opening, at: 0)
    buffer.storeBytes(of: first.number.littleEndian, toByteOffset: 16, as: UInt64.self)
    buffer.storeBytes(of: UInt32(records.count).littleEndian, toByteOffset: 24, as: UInt32.self)
    buffer.storeBytes(of: UInt32(length).littleEndian, toByteOffset: 28, as: UInt32.self)
    var offset = Self.entryHead
    for record in records {
      buffer.storeBytes(of: record.time.bitPattern.littleEndian, toByteOffset: offset, as: UInt64.self)
      buffer.storeBytes(of: UInt32(record.content.count).littleEndian, toByteOffset: offset + 8, as: UInt32.self)
      copy(record.chain, to: offset + 12)
      record.content.withUnsafeBytes {
        UnsafeMutableRawBufferPointer(rebasing: buffer[(offset + Self.recordHead)...]).copyMemory(from: $0)
      }
      offset += Self.recordHead + record.content.count
    }
    copy(end.chain, to: length - Checksum.byteCount)
    try write(length, at: Self.block + area * Self.areaSize + place)
    place += length
    last[area] = end.number
  }

  private func copy(_ chain: Checksum, to offset: Int) {
    chain.withBytes { UnsafeMutableRawBufferPointer(rebasing: buffer[offset...]).copyMemory(from: $0) }
  }
}
