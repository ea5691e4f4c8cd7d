internal import Crypto
internal import FoundationEssentials
import Glibc

/// Reads the frames of one file from its beginning.
struct FrameReader {
  let name: String
  let header: FrameHeader
  private let descriptor: Int32
  private let cipher: FrameCipher?
  private var number: UInt64 = 0
  private(set) var chain: Checksum
  private var input: Input

  enum Next {
    case frame(FrameType, [UInt8])
    /// The file ends here, between two frames.
    case over
    /// The last frame was not written to its end.
    case torn
  }

  private static let lengthLimit = 1 << 31

  /// The descriptor stays the caller's.
  init(_ descriptor: Int32, _ name: String, _ secret: BackupSecret?) throws(LedgerError) {
    self.descriptor = descriptor
    self.name = name
    input = Input(descriptor: descriptor, name: name)
    header = try FrameHeader(input.take(FrameHeader.byteCount + Checksum.byteCount), name)
    cipher = try FrameCipher(header, secret, name)
    chain = .start(of: header)
  }

  /// Only the header.
  static func header(of path: String) throws(LedgerError) -> FrameHeader {
    let descriptor = try openFile(path)
    defer { Glibc.close(descriptor) }
    var input = Input(descriptor: descriptor, name: path)
    return try FrameHeader(input.take(FrameHeader.byteCount + Checksum.byteCount), path)
  }

  mutating func next() throws(LedgerError) -> Next {
    let head = try input.take(5)
    guard head.count == 5 else { return head.isEmpty ? .over : .torn }
    let length = Int(FrameHeader.number(head[..<4]))
    guard length <= Self.lengthLimit else { throw .unusable("frame \(number) of \(name) is altered") }
    let payload = try input.take(length)
    let checksum = payload.count == length ? try input.take(Checksum.byteCount) : []
    guard checksum.count == Checksum.byteCount else { return .torn }
    let expected = Checksum.frame(after: chain, number, head[4], payload)
    guard expected.bytes == checksum else {
      // A file that grew but was not filled reads as zeros.
      if try input.isOver { return .torn }
      if length == 0, head[4] == 0, try input.isZero { return .torn }
      throw .unusable("frame \(number) of \(name) is altered, or out of its place")
    }
    guard let type = FrameType(rawValue: head[4]) else {
      throw .unusable("\(name) has a frame of the unknown type \(head[4])")
    }
    defer {
      number += 1
      chain = expected
    }
    guard let cipher else { return .frame(type, payload) }
    guard let plain = cipher.open(payload, type, number, after: chain) else {
      throw LedgerError(.invalid, "\(name) was not encrypted with this key or passphrase; give the right one")
    }
    return .frame(type, plain)
  }

  /// What comes out of a file, in any pieces.
  private struct Input {
    let descriptor: Int32
    let name: String
    private var buffer: [UInt8] = []
    private var start = 0

    init(descriptor: Int32, name: String) {
      self.descriptor = descriptor
      self.name = name
    }

    /// `count` bytes, or all that are left.
    mutating func take(_ count: Int) throws(LedgerError) -> [UInt8] {
      while buffer.count - start < count {
        guard try fill(max(1 << 18, min(count - (buffer.count - start), 1 << 22))) else { break }
      }
      let end = min(buffer.count, start + count)
      defer { start = end }
      return Array(buffer[start..<end])
    }

    /// Whether everything was taken.
    var isOver: Bool { mutating get throws(LedgerError) { start == buffer.count ? try !fill(1 << 18) : false } }

    var isZero: Bool {
      mutating get throws(LedgerError) {
        while true {
          guard buffer[start...].allSatisfy({ $0 == 0 }) else { return false }
          start = buffer.count
          guard try fill(1 << 18) else { return true }
        }
      }
    }

    private mutating func fill(_ count: Int) throws(LedgerError) -> Bool {
      buffer.removeSubrange(..<start)
      start = 0
      var chunk = [UInt8](repeating: 0, count: count)
      while true {
        let got = Glibc.read(descriptor, &chunk, count)
        if got < 0 && errno == EINTR { continue }
        guard got >= 0 else { throw .unusable("\(name) cannot be read: \(systemError())") }
        buffer += chunk[..<got]
        return got > 0
      }
    }
  }

  /// A file to be read from its beginning; anything else is an error.
  static func openFile(_ path: String) throws(LedgerError) -> Int32 {
    let descriptor = Glibc.open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY)
    guard descriptor >= 0 else {
      let reason = errno == ENOENT ? "there is no \(path)" : "\(path) cannot be opened: \(systemError())"
      throw LedgerError(.absent, reason)
    }
    var status = stat()
    guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
      Glibc.close(descriptor)
      throw LedgerError(.invalid, "\(path) is not a file")
    }
    return descriptor
  }
}
