internal import FoundationEssentials
internal import GRDBSQLite

/// One connection to a database file, for one thread at a time.
final class SQLite {
  private var connection: OpaquePointer?
  private var statements: [String: Statement] = [:]
  /// Pages in the log after the last commit of this connection, once `watchLog` was called.
  private(set) var logLength = 0

  init(_ path: String, readOnly: Bool = false) throws(Failure) {
    let flags = (readOnly ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE) | SQLITE_OPEN_NOMUTEX
    let code = sqlite3_open_v2(path, &connection, flags, nil)
    guard code == SQLITE_OK else {
      let failure = Failure(connection, code)
      sqlite3_close_v2(connection)
      connection = nil
      throw failure
    }
    sqlite3_extended_result_codes(connection, 1)
    sqlite3_busy_timeout(connection, 0)
  }

  deinit { try? close() }

  func close() throws(Failure) {
    for statement in statements.values { statement.end() }
    statements = [:]
    guard let connection else { return }
    let code = sqlite3_close(connection)
    self.connection = nil
    guard code == SQLITE_OK else { throw Failure(nil, code) }
  }

  /// Runs statements that take nothing and whose rows are of no interest.
  func execute(_ sql: String) throws(Failure) {
    let code = sqlite3_exec(connection, sql, nil, nil, nil)
    guard code == SQLITE_OK else { throw Failure(connection, code) }
  }

  /// Prepared when it is first asked for.
  func statement(_ sql: String) throws(Failure) -> Statement {
    if let statement = statements[sql] { return statement }
    var pointer: OpaquePointer?
    let code = sqlite3_prepare_v3(connection, sql, -1, UInt32(SQLITE_PREPARE_PERSISTENT), &pointer, nil)
    guard code == SQLITE_OK, let pointer else { throw Failure(connection, code) }
    let statement = Statement(pointer, connection)
    statements[sql] = statement
    return statement
  }

  var isInTransaction: Bool { sqlite3_get_autocommit(connection) == 0 }

  /// All or nothing. After an error nothing of it is left, if that can be had at all.
  func transaction(_ body: () throws -> Void) throws {
    try statement("BEGIN IMMEDIATE").run()
    do {
      try body()
      try statement("COMMIT").run()
    } catch {
      if isInTransaction { try? execute("ROLLBACK") }
      throw error
    }
  }

  /// Keeps `logLength`. The log is not written into the database by commits any more.
  func watchLog() {
    sqlite3_wal_hook(
      connection,
      { owner, _, _, length in
        guard let owner else { return SQLITE_OK }
        Unmanaged<SQLite>.fromOpaque(owner)._withUnsafeGuaranteedRef { $0.logLength = Int(length) }
        return SQLITE_OK
      }, Unmanaged.passUnretained(self).toOpaque())
  }

  /// Writes of the log what no reader needs there into the database. Returns how long the log was and how much of it is in
  /// the database, in pages.
  func emptyLog() throws(Failure) -> (length: Int, written: Int) {
    var length: Int32 = 0
    var written: Int32 = 0
    let code = sqlite3_wal_checkpoint_v2(connection, nil, SQLITE_CHECKPOINT_PASSIVE, &length, &written)
    guard code == SQLITE_OK else { throw Failure(connection, code) }
    return (Int(length), Int(written))
  }

  /// Waits until what was written into the database is on the disk.
  func flush() throws(Failure) {
    var file: UnsafeMutablePointer<sqlite3_file>?
    let found = withUnsafeMutablePointer(to: &file) {
      sqlite3_file_control(connection, nil, SQLITE_FCNTL_FILE_POINTER, $0)
    }
    guard found == SQLITE_OK, let file, let sync = file.pointee.pMethods?.pointee.xSync else { return }
    let code = sync(file, SQLITE_SYNC_NORMAL | SQLITE_SYNC_DATAONLY)
    guard code == SQLITE_OK else { throw Failure(nil, code) }
  }

  struct Failure: Error, CustomStringConvertible {
    /// SQLite's extended result code.
    let code: Int32
    let message: String

    init(_ connection: OpaquePointer?, _ code: Int32) {
      self.code = code
      message = String(cString: connection.map { sqlite3_errmsg($0) } ?? sqlite3_errstr(code))
    }

    var primaryCode: Int32 { code & 0xff }
    var isBusy: Bool { primaryCode == SQLITE_BUSY }
    /// SQLITE_IOERR_SHMSIZE too: the shared memory of the log is a file.
    var isFull: Bool { primaryCode == SQLITE_FULL || code == SQLITE_IOERR | (19 << 8) }
    var description: String { "SQLite \(code): \(message)" }
  }

  final class Statement {
    private var pointer: OpaquePointer?
    private let connection: OpaquePointer?

    init(_ pointer: OpaquePointer, _ connection: OpaquePointer?) {
      self.pointer = pointer
      self.connection = connection
    }

    func end() {
      sqlite3_finalize(pointer)
      pointer = nil
    }

    func bind(_ position: Int32, _ number: UInt64) { sqlite3_bind_int64(pointer, position, Int64(bitPattern: number)) }
    func bind(_ position: Int32, _ number: Double) { sqlite3_bind_double(pointer, position, number) }
    func bind(_ position: Int32, _ checksum: Checksum) { checksum.withBytes { bind(position, $0) } }
    func bind(_ position: Int32, _ bytes: [UInt8]) { bytes.withUnsafeBytes { bind(position, $0) } }
    func bind(_ position: Int32, _ uuid: UUID) { withUnsafeBytes(of: uuid.uuid) { bind(position, $0) } }

    func bind(_ position: Int32, _ text: String) {
      var text = text
      text.withUTF8 { text in
        text.withMemoryRebound(to: CChar.self) { characters in
          _ = sqlite3_bind_text(pointer, position, characters.baseAddress, Int32(characters.count), Self.copied)
        }
      }
    }

    private func bind(
      _ position: Int32, _ bytes: UnsafeRawBufferPointer, _ keeping: sqlite3_destructor_type? = copied
    ) {
      if bytes.isEmpty {
        sqlite3_bind_zeroblob(pointer, position, 0)
      } else {
        sqlite3_bind_blob64(pointer, position, bytes.baseAddress, UInt64(bytes.count), keeping)
      }
    }

    private static let copied = unsafeBitCast(-1, to: sqlite3_destructor_type.self)

    /// Moves to the next row; false, and ready for another run, when there is none.
    func step() throws(Failure) -> Bool {
      let code = sqlite3_step(pointer)
      if code == SQLITE_ROW { return true }
      let failure = code == SQLITE_DONE ? nil : Failure(connection, code)
      sqlite3_reset(pointer)
      if let failure { throw failure }
      return false
    }

    /// To the end, whatever the rows are.
    func run() throws(Failure) { while try step() {} }

    /// The same with `bytes` bound, which are not copied.
    func run(with bytes: [UInt8], at position: Int32) throws(Failure) {
      let outcome = bytes.withUnsafeBytes { bytes in
        bind(position, bytes, nil)
        defer { sqlite3_bind_null(pointer, position) }
        return Result { () throws(Failure) in try run() }
      }
      try outcome.get()
    }

    /// Ends a run before its last row.
    func reset() { sqlite3_reset(pointer) }

    func isBlob(_ column: Int32) -> Bool { sqlite3_column_type(pointer, column) == SQLITE_BLOB }
    func number(_ column: Int32) -> UInt64 { UInt64(bitPattern: sqlite3_column_int64(pointer, column)) }
    func double(_ column: Int32) -> Double { sqlite3_column_double(pointer, column) }

    func bytes(_ column: Int32) -> [UInt8] { withBytes(column) { Array($0) } }
    func text(_ column: Int32) -> String { withBytes(column) { String(decoding: $0, as: UTF8.self) } }
    func checksum(_ column: Int32) -> Checksum? { withBytes(column) { Checksum(bytes: $0) } }

    func uuid(_ column: Int32) -> UUID? {
      withBytes(column) { $0.count == 16 ? UUID(uuid: $0.loadUnaligned(as: uuid_t.self)) : nil }
    }

    private func withBytes<Value>(_ column: Int32, _ body: (UnsafeRawBufferPointer) -> Value) -> Value {
      // In this order: asking for the blob may convert the value and so change its length.
      let start = sqlite3_column_blob(pointer, column)
      return body(UnsafeRawBufferPointer(start: start, count: Int(sqlite3_column_bytes(pointer, column))))
    }
  }
}
