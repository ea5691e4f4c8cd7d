import Crypto
import Foundation
import FoundationNetworking
import NIOPosix
import NIOSSL

/// A caller of the cloud's own public API, signed as CloudStack's clients do.
struct APIClient: Sendable {
  let endpoint: String
  let apiKey: String
  let secretKey: String
  let trust: Trust

  init(_ admin: AdminFile) {
    self.init(endpoint: admin.endpoint, apiKey: admin.apikey, secretKey: admin.secretkey)
  }

  init(endpoint: String, apiKey: String, secretKey: String, trust: Trust = .system) {
    self.endpoint = endpoint
    self.apiKey = apiKey
    self.secretKey = secretKey
    self.trust = trust
  }

  /// The same caller at another of the cloud's managers.
  func at(port: Int) -> APIClient {
    APIClient(endpoint: "http://127.0.0.1:\(port)/client/api", apiKey: apiKey, secretKey: secretKey)
  }

  private static let session: URLSession = {
    let configuration = URLSessionConfiguration.ephemeral
    configuration.httpMaximumConnectionsPerHost = 64
    configuration.timeoutIntervalForRequest = 90
    return URLSession(configuration: configuration)
  }()

  typealias Object = [String: any Sendable]

  /// Calls one command; the answer is what stands in its envelope.
  func call(_ command: String, _ parameters: [String: String] = [:]) async throws -> Object {
    var all = parameters
    all["command"] = command
    all["response"] = "json"
    all["apiKey"] = apiKey
    let query = all.sorted { $0.key < $1.key }.map { "\($0.key)=\(Self.encode($0.value))" }.joined(separator: "&")
    let code = HMAC<Insecure.SHA1>.authenticationCode(
      for: Data(query.lowercased().utf8), using: SymmetricKey(data: Data(secretKey.utf8)))
    let signature = Self.encode(Data(code).base64EncodedString())
    let data = try await send("\(query)&signature=\(signature)")
    guard let envelope = try? JSONSerialization.jsonObject(with: data) as? [String: Any], envelope.count == 1,
      let body = envelope.values.first as? [String: Any]
    else {
      throw CommandFailure(
        "\(endpoint) does not answer as CloudStack's API does; an endpoint is like http://HOST:8080/client/api")
    }
    if let text = body["errortext"] as? String {
      throw CommandFailure("\(command): \(text) (\(body["errorcode"] ?? 0))")
    }
    return Self.sendable(body)
  }

  private func send(_ form: String) async throws -> Data {
    guard let url = URL(string: endpoint), url.host != nil, ["http", "https"].contains(url.scheme) else {
      throw CommandFailure("The endpoint \(endpoint) is no http or https URL")
    }
    try Task.checkCancellation()
    if url.scheme == "https" { return try await sendSecurely(form, to: url) }
    var request = URLRequest(url: url)
    request.httpMethod = "POST"
    request.setValue("application/x-www-form-urlencoded", forHTTPHeaderField: "Content-Type")
    request.httpBody = Data(form.utf8)
    // A cancelled request of URLSession may never come back, and one that is on its way is soon answered.
    let sent = request
    do { return try await Task { try await Self.session.data(for: sent).0 }.value } catch {
      throw CommandFailure("\(endpoint) cannot be reached: \(error.localizedDescription)")
    }
  }

  private func sendSecurely(_ form: String, to url: URL) async throws -> Data {
    do { return try await SecureExchange(url: url, trust: trust).post(form) } catch let failure as CommandFailure {
      throw CommandFailure("\(endpoint): \(failure)")
    } catch let error as NIOSSLError {
      throw CommandFailure(
        "\(endpoint) shows no certificate that is trusted; name its authority's, a PEM file, by `verify` in "
          + "~/.cloudstack.ini, CLOUDSTACK_VERIFY or SSL_CERT_FILE (\(error))")
    } catch let error as NIOConnectionError {
      let reason = error.connectionErrors.first.map { "\($0.error)" } ?? "its name has no address"
      throw CommandFailure("\(endpoint) cannot be reached: \(reason)")
    } catch {
      throw CommandFailure("\(endpoint) cannot be reached: \(error)")
    }
  }

  /// Calls an asynchronous command and waits for its job; the answer is the job's result.
  func run(_ command: String, _ parameters: [String: String] = [:], timeout: Duration = .seconds(120)) async throws
    -> Object
  {
    let started = try await call(command, parameters)
    guard let job = started["jobid"] as? String else { return started }
    let deadline = ContinuousClock.now + timeout
    var pause = Duration.milliseconds(4)
    while ContinuousClock.now < deadline {
      let answer = try await call("queryAsyncJobResult", ["jobid": job])
      switch answer["jobstatus"] as? Int {
      case 1: return answer["jobresult"] as? Object ?? [:]
      case 2:
        let result = answer["jobresult"] as? Object
        throw CommandFailure("\(command): \(result?["errortext"] as? String ?? "failed")")
      default: break
      }
      try await Task.sleep(for: pause)
      pause = min(pause * 2, .milliseconds(400))
    }
    throw CommandFailure("\(command): not finished after \(timeout)")
  }

  /// Every row of a list command.
  func list(_ command: String, _ parameters: [String: String] = [:]) async throws -> [Object] {
    let answer = try await call(command, parameters)
    return answer.values.compactMap { $0 as? [Object] }.first ?? []
  }

  private static func encode(_ text: String) -> String {
    var encoded = ""
    for byte in text.utf8 {
      switch byte {
      case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
        UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"),
        UInt8(ascii: "*"):
        encoded.unicodeScalars.append(Unicode.Scalar(byte))
      default:
        encoded += "%" + (byte < 16 ? "0" : "") + String(byte, radix: 16, uppercase: true)
      }
    }
    return encoded
  }

  private static func sendable(_ object: [String: Any]) -> Object {
    object.compactMapValues(sendable)
  }

  private static func sendable(_ value: Any) -> (any Sendable)? {
    switch value {
    case let text as String: text
    case let number as NSNumber: number.objCType.pointee == 99 /* c */ ? number.boolValue : Self.number(number)
    case let object as [String: Any]: sendable(object)
    case let list as [[String: Any]]: list.map { sendable($0) as Object }
    case let list as [Any]: list.compactMap(sendable)
    default: nil
    }
  }

  private static func number(_ number: NSNumber) -> any Sendable {
    number.doubleValue == number.doubleValue.rounded() ? number.intValue : number.doubleValue
  }
}
