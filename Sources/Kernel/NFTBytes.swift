package import Addresses
/// A key or value of a set: its fields one after the other, each padded to four bytes, 32 bytes at most.
package struct NFTBytes: Hashable, Sendable, CustomStringConvertible {
  package static let limit = 32

  private var words: (UInt64, UInt64, UInt64, UInt64) = (0, 0, 0, 0)
  private var length: UInt8 = 0

  package init() {}

  /// The first 32 of `bytes`, padded.
  package init<S: Sequence>(raw bytes: S) where S.Element == UInt8 {
    for byte in bytes.prefix(NFTBytes.limit) { push(byte) }
    pad()
  }

  package init(_ address: IPv4) { append(address) }
  package init(port: UInt16) { append(port: port) }
  package init(mark: UInt32) { append(mark: mark) }
  package init(interface: String) { append(interface: interface) }

  package init(_ address: IPv4, port: UInt16) {
    append(address)
    append(port: port)
  }

  package init(_ source: IPv4, _ destination: IPv4) {
    append(source)
    append(destination)
  }

  package init(_ address: IPv4, protocolNumber: UInt8, port: UInt16) {
    append(address)
    append(protocolNumber: protocolNumber)
    append(port: port)
  }

  /// Words in the machine's order, eight at most.
  package init(words: some Sequence<UInt32>) {
    for word in words { add(word) }
  }

  package var count: Int { Int(length) }

  /// Appends its first words, zeros where it has none.
  package func append(words count: Int, to list: inout [UInt32]) {
    for index in 0..<count { list.append(word(at: 4 * index)) }
  }

  package var bytes: [UInt8] { withBytes { Array($0) } }

  package mutating func append(_ address: IPv4) { add(address.value.bigEndian) }
  package mutating func append(port: UInt16) { add(UInt32(port.bigEndian)) }
  package mutating func append(protocolNumber: UInt8) { add(UInt32(protocolNumber)) }
  /// Marks and link indices are in the machine's byte order.
  package mutating func append(mark: UInt32) { add(mark) }

  package mutating func append(_ mac: MAC) {
    for byte in mac.octets { push(byte) }
    pad()
  }

  /// Sixteen bytes; longer names are cut.
  package mutating func append(interface: String) {
    let name = Array(interface.utf8.prefix(15))
    for index in 0..<16 { push(index < name.count ? name[index] : 0) }
  }

  /// The address in the first four bytes from `offset`.
  package func ipv4(at offset: Int = 0) -> IPv4 { IPv4(word(at: offset).bigEndian) }
  package func port(at offset: Int) -> UInt16 { UInt16(truncatingIfNeeded: word(at: offset)).bigEndian }
  package func mark(at offset: Int = 0) -> UInt32 { word(at: offset) }

  package func word(at offset: Int) -> UInt32 {
    guard offset >= 0, offset + 4 <= count else { return 0 }
    return withBytes { $0.loadUnaligned(fromByteOffset: offset, as: UInt32.self) }
  }

  @inline(__always)
  private mutating func add(_ value: UInt32) {
    let offset = Int(length)
    guard offset + 4 <= NFTBytes.limit else { return }
    withUnsafeMutableBytes(of: &words) { $0.storeBytes(of: value, toByteOffset: offset, as: UInt32.self) }
    length += 4
  }

  private mutating func push(_ byte: UInt8) {
    let offset = Int(length)
    guard offset < NFTBytes.limit else { return }
    withUnsafeMutableBytes(of: &words) { $0[offset] = byte }
    length += 1
  }

  private mutating func pad() { length = (length + 3) & ~3 }

  @inline(__always)
  func withBytes<R>(_ body: (UnsafeRawBufferPointer) -> R) -> R {
    withUnsafeBytes(of: words) { body(UnsafeRawBufferPointer(rebasing: $0[..<Int(length)])) }
  }

  init(_ payload: UnsafeRawBufferPointer) {
    let count = min(payload.count, NFTBytes.limit)
    withUnsafeMutableBytes(of: &words) { $0.copyMemory(from: UnsafeRawBufferPointer(rebasing: payload[..<count])) }
    length = UInt8(count)
    pad()
  }

  package static func == (left: NFTBytes, right: NFTBytes) -> Bool {
    left.length == right.length && left.words.0 == right.words.0 && left.words.1 == right.words.1
      && left.words.2 == right.words.2 && left.words.3 == right.words.3
  }

  package func hash(into hasher: inout Hasher) {
    hasher.combine(words.0)
    hasher.combine(words.1)
    hasher.combine(words.2)
    hasher.combine(words.3)
    hasher.combine(length)
  }

  package var description: String {
    bytes.map { byte in
      let text = String(byte, radix: 16)
      return byte < 16 ? "0" + text : text
    }.joined()
  }
}
