import Glibc

/// Records one after the other, each with a serial number and checksums over its header and its content.
enum RecordFile {
  static let headerSize = 20
  static let recordLimit = 1 << 30

  struct Record: Equatable {
    var serial: UInt64
    var payload: [UInt8]
  }

  struct Contents {
    var records: [Record] = []
    /// Bytes that hold these records.
    var size = 0
    /// What is wrong after them, other than a record that was not written to its end.
    var damage: String?
  }

  static func encode(_ record: Record) -> [UInt8] {
    var header: [UInt8] = []
    header.reserveCapacity(headerSize + record.payload.count)
    append(UInt32(record.payload.count), to: &header)
    append(record.serial, to: &header)
    append(header.withUnsafeBytes { Checksum.crc32($0) }, to: &header)
    append(record.payload.withUnsafeBytes { Checksum.crc32($0) }, to: &header)
    return header + record.payload
  }

  static func decode(_ bytes: [UInt8]) -> Contents {
    bytes.withUnsafeBytes { bytes in
      var contents = Contents()
      while contents.size < bytes.count {
        let rest = bytes.count - contents.size
        let start = contents.size
        if rest < headerSize { return contents }
        let length = Int(load(UInt32.self, bytes, start))
        guard load(UInt32.self, bytes, start + 12) == Checksum.crc32(.init(rebasing: bytes[start..<start + 12])) else {
          // A file that was made longer but not written yet reads as zeros.
          if !bytes[start...].allSatisfy({ $0 == 0 }) { contents.damage = "the record at byte \(start) is damaged" }
          return contents
        }
        let end = start + headerSize + length
        if end > bytes.count { return contents }
        let payload = UnsafeRawBufferPointer(rebasing: bytes[(start + headerSize)..<end])
        guard load(UInt32.self, bytes, start + 16) == Checksum.crc32(payload) else {
          if end < bytes.count { contents.damage = "the record at byte \(start) is damaged" }
          return contents
        }
        contents.records.append(Record(serial: load(UInt64.self, bytes, start + 4), payload: Array(payload)))
        contents.size = end
      }
      return contents
    }
  }

  static func append(_ value: some FixedWidthInteger, to bytes: inout [UInt8]) {
    withUnsafeBytes(of: value.littleEndian) { bytes.append(contentsOf: $0) }
  }

  private static func load<T: FixedWidthInteger>(_: T.Type, _ bytes: UnsafeRawBufferPointer, _ offset: Int) -> T {
    T(littleEndian: bytes.loadUnaligned(fromByteOffset: offset, as: T.self))
  }
}

/// Files of the agent's own state.
enum StateFile {
  /// nil if there is none.
  static func read(_ path: String, limit: Int = 4 << 30) throws(AgentError) -> [UInt8]? {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    if descriptor < 0 {
      if errno == ENOENT { return nil }
      throw failure("read", path)
    }
    defer { close(descriptor) }
    var status = stat()
    if fstat(descriptor, &status) < 0 { throw failure("read", path) }
    let size = Int(status.st_size)
    if size > limit { throw AgentError(.storage, "\(path) is larger than \(limit) bytes") }
    var filled = 0
    var problem: AgentError?
    let bytes = [UInt8](unsafeUninitializedCapacity: size) { buffer, count in
      while filled < size {
        let got = Glibc.read(descriptor, buffer.baseAddress?.advanced(by: filled), size - filled)
        if got < 0 && errno == EINTR { continue }
        if got < 0 { problem = failure("read", path) }
        if got <= 0 { break }
        filled += got
      }
      count = filled
    }
    if let problem { throw problem }
    return bytes
  }

  /// Writes at the offset, cuts the file there and returns when all of it is durable.
  static func write(_ bytes: [UInt8], to path: String, at offset: Int) throws(AgentError) {
    let descriptor = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0o600)
    if descriptor < 0 { throw failure("write", path) }
    defer { close(descriptor) }
    var written = 0
    while written < bytes.count {
      let count = bytes.withUnsafeBytes {
        pwrite(descriptor, $0.baseAddress?.advanced(by: written), bytes.count - written, off_t(offset + written))
      }
      if count < 0 && errno == EINTR { continue }
      if count <= 0 {
        let error = failure("write", path)
        ftruncate(descriptor, off_t(offset))
        throw error
      }
      written += count
    }
    if ftruncate(descriptor, off_t(offset + bytes.count)) < 0 || fsync(descriptor) < 0 {
      let error = failure("write", path)
      ftruncate(descriptor, off_t(offset))
      throw error
    }
  }

  /// Puts the file in place of another; durable when it returns.
  static func rename(_ path: String, to target: String) throws(AgentError) {
    if Glibc.rename(path, target) < 0 { throw failure("replace", target) }
    try syncFolder(of: target)
  }

  static func syncFolder(of path: String) throws(AgentError) {
    let folder = path.lastIndex(of: "/").map { String(path[..<$0]) } ?? "."
    let descriptor = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    if descriptor < 0 { throw failure("write", folder) }
    defer { close(descriptor) }
    if fsync(descriptor) < 0 { throw failure("write", folder) }
  }

  static func makeFolder(_ path: String) throws(AgentError) {
    var prefix = path.hasPrefix("/") ? "" : "."
    for part in path.split(separator: "/") {
      prefix += "/" + part
      if mkdir(prefix, 0o700) < 0 && errno != EEXIST { throw failure("make", prefix) }
    }
  }

  private static func failure(_ what: String, _ path: String) -> AgentError {
    let hint = errno == ENOSPC || errno == EDQUOT ? "; free some disk space" : ""
    return AgentError(.storage, "cannot \(what) \(path)\(hint)", cause: String(cString: strerror(errno)))
  }
}
