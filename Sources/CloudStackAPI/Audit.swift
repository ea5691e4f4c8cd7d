import CloudModel
import Control
import FoundationEssentials
import Logging
import Synchronization

/// What is said of one call in all lines of the log that are about it, and in its answer.
enum RequestID {
  @TaskLocal static var current: String?

  private static let process = String(UInt32.random(in: .min ... .max), radix: 16)
  private static let count = Atomic(0)

  /// Another one than any before it, in this process and most likely in all others.
  static func next() -> String {
    "\(process)-\(count.wrappingAdd(1, ordering: .relaxed).newValue)"
  }
}

extension APIServer {
  /// One line for each call that writes, done or refused: who asked for what, and what came of it. Secrets, and what maps
  /// hold, are left out.
  func audit(_ command: Command, by caller: Caller, _ arguments: Arguments?, status: Int, job: String? = nil) {
    guard !command.isReading else { return }
    var metadata: Logger.Metadata = [
      "command": "\(command.name)", "user": "\(caller.user)", "account": "\(caller.account)", "status": "\(status)",
    ]
    if let request = RequestID.current { metadata["request"] = "\(request)" }
    if let job { metadata["job"] = "\(job)" }
    if let arguments { metadata["parameters"] = "\(Self.bounded(arguments.told(of: command)))" }
    logger.info("audit", metadata: metadata)
  }
}

extension Arguments {
  private static let longest = 64

  /// `name=value` for each parameter that was given, separated by spaces.
  fileprivate func told(of command: Command) -> String {
    command.parameters.filter { has($0.name) }.map { parameter in
      "\(parameter.name)=\(parameter.isSensitive ? "***" : value(of: parameter))"
    }.joined(separator: " ")
  }

  private func value(of parameter: Parameter) -> String {
    let name = parameter.name
    let text: String? =
      switch parameter.type {
      case .boolean: boolean(name).map(String.init)
      case .integer, .long: integer(name).map(String.init)
      case .string: string(name)
      case .uuid: uuid(name)?.uuidString.lowercased() ?? (isEvery(name) ? "-1" : nil)
      case .date: date(name).map(WireDate.text)
      case .list: (strings(name) ?? ids(name, Account.self)?.map(\.description))?.joined(separator: ",")
      case .double, .map: nil
      }
    guard var text else { return "..." }
    if text.count > Self.longest { text = text.prefix(Self.longest) + "..." }
    // So that no value looks like another parameter.
    let isWord = text.utf8.allSatisfy { $0 > 0x20 && $0 != 0x22 && $0 != 0x5C }
    return isWord ? text : "\"\(text.replacing("\\", with: "\\\\").replacing("\"", with: "\\\""))\""
  }
}

extension Parameter {
  private static let sensitive: Set<String> = [
    "certificate", "certchain", "currentpassword", "ipsecpsk", "password", "privatekey", "url", "userapikey",
    "userdata",
    "usersecretkey",
  ]

  /// Whether its value is told to nobody, nor to the log. URLs may carry a name and a password.
  package var isSensitive: Bool { Self.sensitive.contains(name) }
}

extension Reply {
  /// The job that the call began, if it did.
  var job: String? {
    if case .object(let fields) = self, case .string(let id)? = fields["jobid"] { id } else { nil }
  }
}
