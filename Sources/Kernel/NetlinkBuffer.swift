import Addresses
import CLinux

/// The number of a netlink attribute, as the headers of its family spell it.
protocol NetlinkCode {
  var code: UInt16 { get }
}

extension NetlinkCode where Self: RawRepresentable, RawValue == UInt32 {
  var code: UInt16 { UInt16(truncatingIfNeeded: rawValue) }
}

extension Int: NetlinkCode {
  var code: UInt16 { UInt16(truncatingIfNeeded: self) }
}

/// Netlink messages in the making. Attributes are four-byte aligned; an attribute's length has 16 bits, so whoever
/// fills a nest keeps it below `NetlinkBuffer.attributeLimit`.
struct NetlinkBuffer: Sendable {
  static let attributeLimit = 60_000

  private(set) var bytes: [UInt8] = []

  var count: Int { bytes.count }

  mutating func reserve(_ count: Int) { bytes.reserveCapacity(count) }

  @inline(__always)
  mutating func append<T: BitwiseCopyable>(_ value: T) {
    withUnsafeBytes(of: value) { bytes.append(contentsOf: $0) }
  }

  @inline(__always)
  mutating func store<T: BitwiseCopyable>(_ value: T, at offset: Int) {
    bytes.withUnsafeMutableBytes { $0.storeBytes(of: value, toByteOffset: offset, as: T.self) }
  }

  private mutating func align() {
    while bytes.count & 3 != 0 { bytes.append(0) }
  }

  mutating func message(
    type: UInt16, flags: Int32, sequence: UInt32, _ fill: (inout NetlinkBuffer) throws -> Void
  ) rethrows {
    let start = bytes.count
    append(nlmsghdr(nlmsg_len: 0, nlmsg_type: type, nlmsg_flags: UInt16(flags), nlmsg_seq: sequence, nlmsg_pid: 0))
    try fill(&self)
    store(UInt32(bytes.count - start), at: start)
  }

  mutating func nest<A: NetlinkCode>(_ attribute: A, _ fill: (inout NetlinkBuffer) throws -> Void) rethrows {
    let start = beginNest(attribute)
    try fill(&self)
    endNest(start)
  }

  mutating func beginNest<A: NetlinkCode>(_ attribute: A) -> Int {
    let start = bytes.count
    append(UInt16(0))
    append(attribute.code | 0x8000)
    return start
  }

  mutating func endNest(_ start: Int) { store(UInt16(bytes.count - start), at: start) }

  mutating func put<A: NetlinkCode>(_ attribute: A, raw: UnsafeRawBufferPointer) {
    append(UInt16(4 + raw.count))
    append(attribute.code)
    bytes.append(contentsOf: raw)
    align()
  }

  mutating func put<A: NetlinkCode>(_ attribute: A, bytes value: [UInt8]) {
    value.withUnsafeBytes { put(attribute, raw: $0) }
  }

  mutating func put<A: NetlinkCode>(_ attribute: A, _ value: String) {
    append(UInt16(4 + value.utf8.count + 1))
    append(attribute.code)
    bytes.append(contentsOf: value.utf8)
    bytes.append(0)
    align()
  }

  @inline(__always)
  mutating func put<A: NetlinkCode, T: FixedWidthInteger & BitwiseCopyable>(_ attribute: A, host value: T) {
    append(UInt16(4 + MemoryLayout<T>.size))
    append(attribute.code)
    append(value)
    align()
  }

  @inline(__always)
  mutating func put<A: NetlinkCode, T: FixedWidthInteger & BitwiseCopyable>(_ attribute: A, big value: T) {
    put(attribute, host: value.bigEndian)
  }

  /// Bytes of a set's element with so many words.
  static func elementSize(_ keyWords: Int, _ valueWords: Int) -> Int {
    12 + 4 * keyWords + (valueWords > 0 ? 8 + 4 * valueWords : 0)
  }

  /// Elements of a set from records of words: those numbered from `first`, or at the positions numbered so.
  mutating func appendElements(
    _ records: [UInt32], keyWords: Int, valueWords: Int, first: Int, count: Int, positions: [Int]?
  ) {
    func header(_ length: Int, _ type: UInt32) -> UInt32 { UInt32(length) | type << 16 }
    let size = NetlinkBuffer.elementSize(keyWords, valueWords)
    let nested: UInt32 = 0x8000
    let whole = header(size, UInt32(NFTA_LIST_ELEM.rawValue) | nested)
    let key = header(8 + 4 * keyWords, UInt32(NFTA_SET_ELEM_KEY.rawValue) | nested)
    let keyValue = header(4 + 4 * keyWords, UInt32(NFTA_DATA_VALUE.rawValue))
    let data = header(8 + 4 * valueWords, UInt32(NFTA_SET_ELEM_DATA.rawValue) | nested)
    let dataValue = header(4 + 4 * valueWords, UInt32(NFTA_DATA_VALUE.rawValue))
    let stride = keyWords + valueWords
    let start = bytes.count
    NetlinkBuffer.zeros.withUnsafeBytes { zeros in
      bytes.append(contentsOf: UnsafeRawBufferPointer(rebasing: zeros[..<(count * size)]))
    }
    bytes.withUnsafeMutableBytes { bytes in
      records.withUnsafeBufferPointer { records in
        guard let source = records.baseAddress, let base = bytes.baseAddress else { return }
        var target = (base + start).assumingMemoryBound(to: UInt32.self)
        for number in first..<(first + count) {
          let record = source + stride * (positions?[number] ?? number)
          target[0] = whole
          target[1] = key
          target[2] = keyValue
          for index in 0..<keyWords { target[3 + index] = record[index] }
          target += 3 + keyWords
          if valueWords == 0 { continue }
          target[0] = data
          target[1] = dataValue
          for index in 0..<valueWords { target[2 + index] = record[keyWords + index] }
          target += 2 + valueWords
        }
      }
    }
  }

  private static let zeros = [UInt8](repeating: 0, count: attributeLimit + 4096)

  mutating func put<A: NetlinkCode>(_ attribute: A, _ value: IPv4) { put(attribute, big: value.value) }
  mutating func put<A: NetlinkCode>(_ attribute: A, _ value: MAC) { put(attribute, bytes: value.octets) }
}

/// The attributes in a piece of a message; what is cut short ends the sequence.
struct NetlinkAttributes: Sequence, IteratorProtocol {
  private var rest: UnsafeRawBufferPointer

  init(_ bytes: UnsafeRawBufferPointer) { rest = bytes }

  init(_ bytes: UnsafeRawBufferPointer, after header: Int) {
    rest = bytes.count > header ? UnsafeRawBufferPointer(rebasing: bytes[header...]) : .init(start: nil, count: 0)
  }

  mutating func next() -> (type: UInt16, payload: UnsafeRawBufferPointer)? {
    guard rest.count >= 4 else { return nil }
    let length = Int(rest.loadUnaligned(as: UInt16.self))
    let type = rest.loadUnaligned(fromByteOffset: 2, as: UInt16.self) & 0x3fff
    guard length >= 4, length <= rest.count else { return nil }
    let payload = UnsafeRawBufferPointer(rebasing: rest[4..<length])
    rest = UnsafeRawBufferPointer(rebasing: rest[Swift.min((length + 3) & ~3, rest.count)...])
    return (type, payload)
  }
}

extension UnsafeRawBufferPointer {
  func host<T: FixedWidthInteger & BitwiseCopyable>(_ type: T.Type = T.self) -> T {
    count >= MemoryLayout<T>.size ? loadUnaligned(as: T.self) : 0
  }

  func big<T: FixedWidthInteger & BitwiseCopyable>(_ type: T.Type = T.self) -> T { T(bigEndian: host()) }

  var text: String { String(decoding: prefix { $0 != 0 }, as: UTF8.self) }
  var ipv4: IPv4 { IPv4(big()) }

  func structure<T: BitwiseCopyable>(_ type: T.Type) -> T? {
    count >= MemoryLayout<T>.size ? loadUnaligned(as: T.self) : nil
  }
}

extension rtattr_type_t: NetlinkCode {}
