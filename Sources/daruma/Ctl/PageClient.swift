import ArgumentParser
import Foundation
import FoundationNetworking

/// Which page is written on, and as whom.
struct PageOption: ParsableArguments {
  @OptionGroup var state: StateOption
  @Option(help: "The URL of a page that `daruma page` serves (default: this machine's manager's).") var page: String?
  @Option(help: "A file whose first line is the operator's name:token (default: that of this machine's manager).")
  var tokenFile: String?

  func client() async throws -> PageClient {
    let path = tokenFile ?? state.folder.pageOperators
    guard page == nil || tokenFile != nil else { throw CommandFailure("--page goes with --token-file") }
    guard let text = try? String(contentsOfFile: path, encoding: .utf8),
      let line = text.split(whereSeparator: \.isNewline).first(where: { !$0.hasPrefix("#") }), line.contains(":")
    else { throw CommandFailure("\(path) cannot be read or has no line name:token") }
    let base: String
    if let page {
      base = page.hasSuffix("/") ? String(page.dropLast()) : page
    } else {
      base = try await Self.leader(state)
    }
    guard let url = URL(string: base + "/status/operator/"), ["http", "https"].contains(url.scheme) else {
      throw CommandFailure("\(base) is no http or https URL of a page")
    }
    return PageClient(root: url, credentials: Data(line.utf8).base64EncodedString())
  }

  /// Of several managers, the one whose page may be written on.
  private static func leader(_ state: StateOption) async throws -> String {
    guard let cloud = StateFolder.read(CloudFile.self, state.folder.cloud) else {
      throw CommandFailure("There is no cloud in \(state.folder.path); name a page with --page")
    }
    let managers = cloud.allManagers
    guard managers.count > 1 else { return "http://127.0.0.1:\(cloud.port)" }
    let roles = await Status.roles(managers)
    guard let leader = managers.first(where: { roles[$0.name] == "leads" }) else {
      throw CommandFailure("No manager leads at the moment; try again soon")
    }
    return "http://127.0.0.1:\(leader.port)"
  }
}

/// A caller of the page's own interface for operators.
struct PageClient {
  let root: URL
  let credentials: String

  /// An id as a part of a path.
  static func part(_ id: String) throws -> String {
    guard !id.isEmpty, id.allSatisfy({ $0.isASCII && ($0.isLetter || $0.isNumber) }) else {
      throw CommandFailure("“\(id)” is no id; `daruma ctl page list` shows them")
    }
    return id
  }

  func get(_ path: String) async throws -> Data { try await send(path, nil) }

  /// - Returns: the id of what was made or changed.
  func post(_ path: String, _ fields: [String: String]) async throws -> String {
    let data = try await send(path, JSONEncoder().encode(fields))
    guard let id = (try? JSONDecoder().decode([String: String].self, from: data))?["id"] else {
      throw CommandFailure("the page answered with something else than an id")
    }
    return id
  }

  private func send(_ path: String, _ body: Data?) async throws -> Data {
    guard let url = URL(string: path, relativeTo: root) else { throw CommandFailure("bad path \(path)") }
    var request = URLRequest(url: url, timeoutInterval: 20)
    request.httpMethod = body == nil ? "GET" : "POST"
    request.httpBody = body
    request.setValue("application/json", forHTTPHeaderField: "Content-Type")
    request.setValue("Basic \(credentials)", forHTTPHeaderField: "Authorization")
    let sent = request
    let (data, response): (Data, URLResponse)
    do { (data, response) = try await Self.session.data(for: sent) } catch let error as URLError
      where error.code == .cancelled
    {
      throw CommandFailure(Self.unknownOperator)
    } catch {
      throw CommandFailure("the page at \(root) cannot be reached: \(error.localizedDescription)")
    }
    let status = (response as? HTTPURLResponse)?.statusCode ?? 0
    guard status == 200 else {
      let told = (try? JSONDecoder().decode([String: String].self, from: data))?["error"]
      throw CommandFailure(
        told
          ?? (status == 401 ? Self.unknownOperator : "the page answered \(status)"))
    }
    return data
  }

  /// Also how the end of an exchange is to be understood in which other credentials were asked for.
  private static let unknownOperator = "the page does not know this operator's name and token"
  private static let session = URLSession(
    configuration: .ephemeral, delegate: NoFurtherCredentials(), delegateQueue: nil)
}

/// The credentials are in the request; where the page does not take them, nobody is asked for others.
private final class NoFurtherCredentials: NSObject, URLSessionTaskDelegate {
  func urlSession(
    _ session: URLSession, task: URLSessionTask, didReceive challenge: URLAuthenticationChallenge,
    completionHandler: @escaping @Sendable (URLSession.AuthChallengeDisposition, URLCredential?) -> Void
  ) {
    completionHandler(.rejectProtectionSpace, nil)
  }
}
