internal import CPostgres
internal import FoundationEssentials
import Glibc

/// One connection to a PostgreSQL server, for one thread at a time. No call takes longer than its limit, whether the
/// server answers or not; whatever does is given up, and the connection with it.
final class PostgreSQL {
  private var connection: OpaquePointer?
  /// The names of prepared statements, by their text.
  private var prepared: [String: String] = [:]

  /// Each of the hosts that `conninfo` names has a few seconds to answer.
  init(_ conninfo: String) throws(Failure) {
    // What comes first can be overridden by `conninfo`, which is read where `dbname` stands.
    let parameters = [
      ("connect_timeout", "3"), ("tcp_user_timeout", "3000"), ("keepalives_idle", "1"), ("keepalives_interval", "1"),
      ("keepalives_count", "3"), ("fallback_application_name", "daruma"), ("dbname", conninfo),
      ("client_encoding", "UTF8"),
    ]
    let keywords = parameters.map { strdup($0.0) }
    let values = parameters.map { strdup($0.1) }
    defer { for string in keywords + values { free(string) } }
    connection = PQconnectdbParams(
      keywords.map { UnsafePointer($0) } + [nil], values.map { UnsafePointer($0) } + [nil], 1)
    guard PQstatus(connection) == CONNECTION_OK else {
      let failure = lost()
      close()
      throw failure
    }
    // Otherwise libpq prints what the server remarks.
    PQsetNoticeReceiver(connection, { _, _ in }, nil)
    PQsetnonblocking(connection, 1)
  }

  deinit { close() }

  func close() {
    PQfinish(connection)
    connection = nil
  }

  /// Runs statements that take nothing and whose rows are of no interest.
  func execute(_ sql: String, limit: Duration = .seconds(6)) throws(Failure) {
    let end = ContinuousClock.now + limit
    guard PQsendQuery(connection, sql) == 1 else { throw lost() }
    _ = try result(end)
  }

  /// Runs a statement, which is prepared when it is first met. Alone, it is a transaction.
  func rows(_ sql: String, _ parameters: [Parameter] = [], limit: Duration = .seconds(6)) throws(Failure) -> Rows {
    let end = ContinuousClock.now + limit
    let name = try prepare(sql, parameters, end)
    // One buffer for all, never empty: a parameter without an address would be NULL.
    var buffer: [UInt8] = [0]
    var ends: [Int] = []
    for parameter in parameters {
      parameter.write(to: &buffer)
      ends.append(buffer.count)
    }
    let starts = [1] + ends.dropLast()
    let sent = buffer.withUnsafeBytes { buffer in
      let start = buffer.baseAddress?.assumingMemoryBound(to: CChar.self)
      return PQsendQueryPrepared(
        connection, name, Int32(parameters.count), zip(starts, ends).map { start?.advanced(by: $0.0) },
        zip(starts, ends).map { Int32($1 - $0) }, parameters.map { _ in 1 }, 1)
    }
    guard sent == 1 else { throw lost() }
    return try result(end)
  }

  private func prepare(
    _ sql: String, _ parameters: [Parameter], _ end: ContinuousClock.Instant
  ) throws(Failure) -> String {
    if let name = prepared[sql] { return name }
    let name = "s\(prepared.count)"
    guard PQsendPrepare(connection, name, sql, Int32(parameters.count), parameters.map(\.type)) == 1 else {
      throw lost()
    }
    _ = try result(end)
    prepared[sql] = name
    return name
  }

  private func result(_ end: ContinuousClock.Instant) throws(Failure) -> Rows {
    var failure: Failure?
    var last: Rows?
    while true {
      try wait(end) { PQisBusy($0) == 0 }
      guard let result = PQgetResult(connection) else { break }
      let rows = Rows(result)
      failure = failure ?? rows.failure
      last = rows
    }
    if PQstatus(connection) != CONNECTION_OK {
      throw failure.map { Failure($0.state, $0.message, isLost: true) } ?? lost()
    }
    if let failure { throw failure }
    guard let last else { throw lost() }
    return last
  }

  /// Sends what there is to send, and receives until `isDone`.
  private func wait(_ end: ContinuousClock.Instant, _ isDone: (OpaquePointer?) -> Bool) throws(Failure) {
    while true {
      let unsent = PQflush(connection)
      guard unsent >= 0 else { throw lost() }
      if unsent == 0, isDone(connection) { return }
      guard try poll(end, Int16(unsent == 0 ? POLLIN : POLLIN | POLLOUT)) else {
        close()
        throw Failure("", "the server did not answer in time", isLost: true)
      }
      guard PQconsumeInput(connection) == 1 else { throw lost() }
    }
  }

  /// False when nothing happened until `end`.
  private func poll(_ end: ContinuousClock.Instant, _ events: Int16) throws(Failure) -> Bool {
    let socket = PQsocket(connection)
    guard socket >= 0 else { throw lost() }
    while true {
      let left = end - .now
      guard left > .zero else { return false }
      var descriptor = pollfd(fd: socket, events: events, revents: 0)
      // Rounded up, so that the last millisecond is not spent in a busy loop.
      let milliseconds = left / .milliseconds(1) + 1
      if Glibc.poll(&descriptor, 1, Int32(min(milliseconds, 60_000))) > 0 { return true }
    }
  }

  /// Whether somebody notified what this connection listens to before `limit` was over.
  func hears(within limit: Duration) throws(Failure) -> Bool {
    let end = ContinuousClock.now + limit
    while true {
      guard PQconsumeInput(connection) == 1 else { throw lost() }
      var heard = false
      while let notification = PQnotifies(connection) {
        PQfreemem(notification)
        heard = true
      }
      if heard { return true }
      guard try poll(end, Int16(POLLIN)) else { return false }
    }
  }

  private func lost() -> Failure {
    let message = connection.map { String(cString: PQerrorMessage($0)) } ?? "the connection is closed"
    return Failure("", message, isLost: connection == nil || PQstatus(connection) != CONNECTION_OK)
  }

  /// What the server, or the way to it, said.
  struct Failure: Error, CustomStringConvertible {
    /// SQLSTATE; empty when it was not the server that spoke.
    let state: String
    let message: String
    let isLost: Bool

    init(_ state: String, _ message: String, isLost: Bool = false) {
      self.state = state
      self.message = message.split(whereSeparator: \.isNewline).joined(separator: " ")
      self.isLost = isLost
    }

    /// No room on the disk, in memory, or for another connection.
    var isFull: Bool { state.hasPrefix("53") }
    var isLocked: Bool { state == "55P03" }
    /// The same may succeed later, or over another connection.
    var isPassing: Bool {
      isLost || isLocked || state == "57014" || ["08", "40"].contains(state.prefix(2)) || state.hasPrefix("57P")
    }
    var description: String { state.isEmpty ? message : "\(message) (\(state))" }
  }

  /// A value on its way to the server, in binary form.
  enum Parameter {
    case number(UInt64)
    case uuid(UUID)
    case text(String)
    case checksum(Checksum)
    case numbers([UInt64])
    case doubles([Double])
    case blobs([[UInt8]])
    case checksums([Checksum])
    case uuids([UUID])
    case texts([String])

    /// The server's number of the type.
    var type: Oid {
      switch self {
      case .number: 20
      case .uuid: 2950
      case .text: 25
      case .checksum: 17
      case .numbers: 1016
      case .doubles: 1022
      case .blobs, .checksums: 1001
      case .uuids: 2951
      case .texts: 1009
      }
    }

    func write(to bytes: inout [UInt8]) {
      switch self {
      case .number(let number): bytes.append(bigEndian: number)
      case .uuid(let uuid): Swift.withUnsafeBytes(of: uuid.uuid) { bytes.append(contentsOf: $0) }
      case .text(let text): bytes.append(contentsOf: text.utf8)
      case .checksum(let checksum): checksum.withBytes { bytes.append(contentsOf: $0) }
      case .numbers(let numbers): Self.write(numbers, 20, to: &bytes) { $1.append(bigEndian: $0) }
      case .doubles(let doubles): Self.write(doubles, 701, to: &bytes) { $1.append(bigEndian: $0.bitPattern) }
      case .blobs(let blobs): Self.write(blobs, 17, to: &bytes) { $1.append(contentsOf: $0) }
      case .checksums(let sums): Self.write(sums, 17, to: &bytes) { Parameter.checksum($0).write(to: &$1) }
      case .uuids(let uuids): Self.write(uuids, 2950, to: &bytes) { Parameter.uuid($0).write(to: &$1) }
      case .texts(let texts): Self.write(texts, 25, to: &bytes) { $1.append(contentsOf: $0.utf8) }
      }
    }

    /// An array: dimensions, whether there are nulls, the elements' type, their count, the first index; then each element
    /// after its length.
    private static func write<Element>(
      _ elements: [Element], _ type: UInt32, to bytes: inout [UInt8], _ write: (Element, inout [UInt8]) -> Void
    ) {
      for number in [1, 0, type, UInt32(elements.count), 1] { bytes.append(bigEndian: number) }
      for element in elements {
        let start = bytes.count
        bytes.append(bigEndian: UInt32(0))
        write(element, &bytes)
        let length = UInt32(bytes.count - start - 4).bigEndian
        Swift.withUnsafeBytes(of: length) { bytes.replaceSubrange(start..<start + 4, with: $0) }
      }
    }
  }

  /// What a statement returned.
  final class Rows {
    private let result: OpaquePointer

    fileprivate init(_ result: OpaquePointer) { self.result = result }
    deinit { PQclear(result) }

    fileprivate var failure: Failure? {
      guard PQresultStatus(result) == PGRES_FATAL_ERROR else { return nil }
      let state = PQresultErrorField(result, Int32(UnicodeScalar("C").value)).map { String(cString: $0) } ?? ""
      return Failure(state, String(cString: PQresultErrorMessage(result)))
    }

    var count: Int { Int(PQntuples(result)) }

    private func withBytes<Value>(_ row: Int, _ column: Int, _ body: (UnsafeRawBufferPointer) -> Value) -> Value {
      let (row, column) = (Int32(row), Int32(column))
      let start = PQgetvalue(result, row, column)
      return body(UnsafeRawBufferPointer(start: start, count: Int(PQgetlength(result, row, column))))
    }

    func bytes(_ row: Int, _ column: Int) -> [UInt8] { withBytes(row, column) { Array($0) } }
    func text(_ row: Int, _ column: Int) -> String { withBytes(row, column) { String(decoding: $0, as: UTF8.self) } }
    func checksum(_ row: Int, _ column: Int) -> Checksum? { withBytes(row, column) { Checksum(bytes: $0) } }
    func double(_ row: Int, _ column: Int) -> Double { Double(bitPattern: number(row, column)) }

    /// Of a `bigint`, as its bits.
    func number(_ row: Int, _ column: Int) -> UInt64 {
      withBytes(row, column) { $0.reduce(0) { $0 << 8 | UInt64($1) } }
    }

    func uuid(_ row: Int, _ column: Int) -> UUID? {
      withBytes(row, column) { $0.count == 16 ? UUID(uuid: $0.loadUnaligned(as: uuid_t.self)) : nil }
    }
  }
}

extension [UInt8] {
  fileprivate mutating func append(bigEndian number: some FixedWidthInteger) {
    Swift.withUnsafeBytes(of: number.bigEndian) { append(contentsOf: $0) }
  }
}
