internal import FoundationEssentials
import Glibc

/// Finds in an `AppendLog` what the database does not have yet.
struct AppendLogReading {
  let path: String
  let opening: UUID
  private let bytes: [UInt8]

  /// One that was found. Its revisions are not proven.
  private struct Entry {
    let records: [RevisionRecord]
    let first: UInt64
    var last: UInt64 { first + UInt64(records.count) - 1 }
  }

  /// `nil` when there is no log beside the database, or not all of its beginning.
  init?(of database: String) throws(LedgerError) {
    path = AppendLog.path(of: database)
    let descriptor = Glibc.open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW)
    guard descriptor >= 0 else {
      if errno == ENOENT { return nil }
      throw .damaged("\(path) cannot be opened: \(systemError())")
    }
    defer { Glibc.close(descriptor) }
    var status = stat()
    guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
      throw .damaged("\(path) is not a file")
    }
    guard status.st_mode & 0o077 == 0 else {
      throw LedgerError(.damaged, "\(path) is open to other users; run chmod 600 on it")
    }
    var bytes = [UInt8](repeating: 0, count: AppendLog.size)
    var count = 0
    while count < bytes.count {
      let read = bytes[count...].withUnsafeMutableBytes { pread(descriptor, $0.baseAddress, $0.count, off_t(count)) }
      guard read >= 0 else { throw .damaged("\(path) cannot be read: \(systemError())") }
      if read == 0 { break }
      count += read
    }
    guard count == AppendLog.size, bytes.starts(with: AppendLog.magic),
      let opening = UUID(bytes: Data(bytes[AppendLog.magic.count..<AppendLog.magic.count + 16]))
    else { return nil }
    self.bytes = bytes
    self.opening = opening
  }

  /// The revisions that follow `head`. An entry that the disk took only in part is none: nobody was told of it.
  ///
  /// - Parameter isStill: Nobody writes the log, so what is in it has to follow without a gap; anything else is `damaged`.
  func tail(after head: Head, isStill: Bool) throws(LedgerError) -> [RevisionRecord] {
    var tail: [RevisionRecord] = []
    var number = head.revision
    var chain = head.chain
    let entries = entries()
    for entry in entries where entry.last > number {
      var end = chain
      let records = entry.records.drop { $0.number <= number }
      let follows =
        records.first?.number == number + 1
        && records.allSatisfy { record in
          let link = Checksum.link(after: end, record)
          end = record.chain
          return link == record.chain
        }
      guard follows else {
        if !isStill { break }
        // Nothing was written after what was not acknowledged.
        guard entry.first == number + 1, entry.last == entries.last?.last else {
          throw .damaged("revision \(number + 1) in \(path) is missing or altered")
        }
        break
      }
      tail += records
      number = entry.last
      chain = end
    }
    return tail
  }

  /// All that look like one, older ones too, by their numbers.
  private func entries() -> [Entry] {
    var entries: [Entry] = []
    let mark = opening.data
    for area in 0..<AppendLog.areaCount {
      var place = AppendLog.block + area * AppendLog.areaSize
      let end = place + AppendLog.areaSize
      while place < end {
        let found = entry(in: bytes[place..<end], mark)
        if let entry = found?.entry { entries.append(entry) }
        place += found?.length ?? AppendLog.block
      }
    }
    return entries.sorted { $0.first < $1.first }
  }

  private func entry(in bytes: ArraySlice<UInt8>, _ mark: Data) -> (entry: Entry, length: Int)? {
    guard bytes.starts(with: mark) else { return nil }
    func number(_ place: Int, _ count: Int) -> UInt64 {
      bytes[place..<place + count].reversed().reduce(0) { $0 << 8 | UInt64($1) }
    }
    let start = bytes.startIndex
    let first = number(start + 16, 8)
    let count = Int(number(start + 24, 4))
    let length = Int(number(start + 28, 4))
    guard count > 0, first > 0, length >= AppendLog.block, length <= bytes.count, length % AppendLog.block == 0,
      UInt64.max - first > UInt64(count)
    else { return nil }
    var place = start + AppendLog.entryHead
    let end = start + length - Checksum.byteCount
    var records: [RevisionRecord] = []
    for position in 0..<UInt64(count) {
      guard place + AppendLog.recordHead <= end else { return nil }
      let content = place + AppendLog.recordHead
      let size = Int(number(place + 8, 4))
      guard content + size <= end, let chain = Checksum(bytes: bytes[place + 12..<content]) else { return nil }
      records.append(
        RevisionRecord(
          number: first + position, time: Double(bitPattern: number(place, 8)),
          content: Array(bytes[content..<content + size]), chain: chain))
      place = content + size
    }
    guard records.last?.chain == Checksum(bytes: bytes[end..<end + Checksum.byteCount]) else { return nil }
    return (Entry(records: records, first: first), length)
  }
}
