import ArgumentParser
import Crypto
import Foundation
import Glibc
import Synchronization

/// Takes static NATs away and gives them again through the API, by one caller for each of them, for `Benchmarks/rebuild`.
///
/// The callers share the processors with the cloud that is measured, so they do no more than they must: a thread and a kept
/// connection each, and answers are searched, not parsed.
struct ChangeBenchmark: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "change-benchmark", abstract: "Measure changes through the API.", shouldDisplay: false)

  /// What is to be done, from the standard input: it holds a key.
  struct Order: Decodable {
    let port: UInt16
    let key: String
    let secret: String
    let seconds: Double
    /// The parameters of `enableStaticNat`, for each caller.
    let rules: [[String: String]]
  }

  func run() throws {
    let order = try JSONDecoder().decode(Order.self, from: FileHandle.standardInput.readDataToEndOfFile())
    let begin = ContinuousClock.now
    let changes = Mutex<[String]>([])
    let failures = Mutex<[String]>([])
    let callers = DispatchGroup()
    for rule in order.rules {
      callers.enter()
      Thread.detachNewThread {
        defer { callers.leave() }
        do {
          let caller = try ChangeCaller(order)
          var own: [String] = []
          while (ContinuousClock.now - begin).seconds < order.seconds {
            for (command, parameters) in [
              ("disableStaticNat", ["ipaddressid": rule["ipaddressid"] ?? ""]), ("enableStaticNat", rule),
            ] {
              let start = ContinuousClock.now
              try caller.run(command, parameters)
              own.append("[\((start - begin).seconds), \((ContinuousClock.now - start).seconds * 1000)]")
            }
          }
          changes.withLock { $0 += own }
        } catch {
          failures.withLock { $0.append("\(error)") }
        }
      }
    }
    callers.wait()
    if let failure = failures.withLock({ $0.first }) { throw CommandFailure(failure) }
    print("[\(changes.withLock { $0.joined(separator: ", ") })]")
  }
}

/// One caller with a connection of its own.
private final class ChangeCaller {
  private let descriptor: Int32
  private let key: String
  private let secret: SymmetricKey
  private var answer = [UInt8](repeating: 0, count: 65_536)

  init(_ order: ChangeBenchmark.Order) throws {
    key = order.key
    secret = SymmetricKey(data: Data(order.secret.utf8))
    descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = order.port.bigEndian
    address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
    let status = withUnsafePointer(to: &address) { address in
      address.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
      }
    }
    guard status == 0 else { throw CommandFailure("the API cannot be reached: \(String(cString: strerror(errno)))") }
    var yes: Int32 = 1
    setsockopt(descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, &yes, socklen_t(MemoryLayout<Int32>.size))
  }

  deinit { close(descriptor) }

  /// Calls a command and returns when it has succeeded, with its job if it begins one.
  func run(_ command: String, _ parameters: [String: String]) throws {
    let started = try call(command, parameters)
    guard let job = value("jobid", in: started) else {
      if value("errorcode", in: started) == nil { return }
      throw CommandFailure("\(command): \(String(decoding: answer[started], as: UTF8.self))")
    }
    while true {
      let asked = try call("queryAsyncJobResult", ["jobid": job])
      switch value("jobstatus", in: asked) {
      case "1": return
      case "0": usleep(20_000)
      default: throw CommandFailure("\(command): \(String(decoding: answer[asked], as: UTF8.self))")
      }
    }
  }

  /// Where in `answer` the answer's body is.
  private func call(_ command: String, _ parameters: [String: String]) throws -> Range<Int> {
    var all = parameters
    all["command"] = command
    all["response"] = "json"
    all["apiKey"] = key
    // Nothing of it needs to be escaped but the signature.
    let query = all.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }.joined(separator: "&")
    let code = HMAC<Insecure.SHA1>.authenticationCode(for: Array(query.lowercased().utf8), using: secret)
    var form = Array("\(query)&signature=".utf8)
    for byte in Data(code).base64EncodedString().utf8 {
      switch byte {
      case UInt8(ascii: "+"): form += "%2B".utf8
      case UInt8(ascii: "/"): form += "%2F".utf8
      case UInt8(ascii: "="): form += "%3D".utf8
      default: form.append(byte)
      }
    }
    var request = Array(
      """
      POST /client/api HTTP/1.1\r
      Host: 127.0.0.1\r
      Content-Type: application/x-www-form-urlencoded\r
      Content-Length: \(form.count)\r
      \r

      """.utf8)
    request += form
    guard send(descriptor, &request, request.count, Int32(MSG_NOSIGNAL)) == request.count else {
      throw CommandFailure("the API took no more")
    }
    return try receive()
  }

  private func receive() throws -> Range<Int> {
    var count = 0
    while true {
      let more = answer[count...].withUnsafeMutableBytes { recv(descriptor, $0.baseAddress, $0.count, 0) }
      guard more > 0 else { throw CommandFailure("the API ended the connection") }
      count += more
      guard let end = place(of: "\r\n\r\n", in: 0..<count) else { continue }
      guard let field = place(of: "content-length: ", in: 0..<end) ?? place(of: "Content-Length: ", in: 0..<end) else {
        throw CommandFailure("the API does not say how long its answer is")
      }
      let body = end + 4
      let length = answer[(field + 16)...].prefix { $0 >= 0x30 && $0 <= 0x39 }.reduce(0) { $0 * 10 + Int($1 - 0x30) }
      if count - body >= length { return body..<body + length }
    }
  }

  private func place(of text: StaticString, in range: Range<Int>) -> Int? {
    place(UnsafeRawBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount), in: range)
  }

  private func place(_ wanted: UnsafeRawBufferPointer, in range: Range<Int>) -> Int? {
    answer.withUnsafeBytes { bytes in
      guard let begin = bytes.baseAddress, let first = wanted.first else { return nil }
      var place = range.lowerBound
      let end = range.upperBound - wanted.count
      while place <= end, let found = memchr(begin + place, Int32(first), end - place + 1) {
        place = UnsafeRawPointer(found) - begin
        if bytes[place..<place + wanted.count].elementsEqual(wanted) { return place }
        place += 1
      }
      return nil
    }
  }

  /// Of the first member called `name`.
  private func value(_ name: String, in body: Range<Int>) -> String? {
    let member = Array("\"\(name)\":".utf8)
    guard let place = member.withUnsafeBytes({ place($0, in: body) }) else { return nil }
    let rest = answer[(place + member.count)..<body.upperBound].drop { $0 == 0x20 || $0 == 0x22 }
    return String(
      decoding: rest.prefix { byte in
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
          UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"):
          true
        default: false
        }
      }, as: UTF8.self)
  }
}
