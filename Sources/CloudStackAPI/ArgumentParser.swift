import CloudModel
import Control
import FoundationEssentials

/// Turns what was sent into `Arguments`.
struct ArgumentParser {
  let command: Command
  let caller: Caller
  let state: CloudState

  func parse(_ form: Form) throws(APIError) -> Arguments {
    var plain: [String: String] = [:]
    var maps: [String: [(name: String, value: String)]] = [:]
    for sent in form.names {
      guard let value = form[sent] else { continue }
      try refuseControlCharacters(value, of: sent)
      if let bracket = sent.firstIndex(of: "[") {
        maps[sent[..<bracket].lowercased(), default: []].append((String(sent[bracket...]), value))
      } else {
        plain[sent.lowercased()] = value
      }
    }
    let role = Roles(caller.type)
    var arguments = Arguments()
    for parameter in command.parameters where parameter.roles.contains(role) {
      if parameter.type == .map {
        if let entries = maps[parameter.name] { arguments.set(parameter.name, .rows(try rows(entries, parameter))) }
      } else if let text = plain[parameter.name] {
        if let value = try value(text, parameter) { arguments.set(parameter.name, value) }
      }
      if parameter.isRequired && !arguments.has(parameter.name) {
        throw plain[parameter.name] == nil
          ? .missing(parameter.name, command) : .parameter("Invalid value provided for API arg: \(parameter.name)")
      }
    }
    for refused in command.refused where refused.roles.contains(role) {
      let text = plain[refused.name] ?? ""
      if maps[refused.name] != nil || !text.isEmpty && text.lowercased() != refused.accepted {
        throw .value("The parameter \(refused.name) of \(command.name) is not supported")
      }
    }
    try actForProject(&arguments)
    return arguments
  }

  /// What is asked for a project is asked for its account.
  private func actForProject(_ arguments: inout Arguments) throws(APIError) {
    guard let project = arguments.id("projectid", Project.self).flatMap({ state.projects[$0] }) else { return }
    let role = project.member(caller.account, caller.user).flatMap { $0.isAdmin ? nil : $0.role }.flatMap(project.role)
    if let role, !role.allows(command.name) {
      throw .denied("The project role \(role.name) does not allow \(command.name)")
    }
    guard command.actsForAccounts, let account = state.accounts[project.account] else { return }
    guard !arguments.has("account") else {
      throw .value("Account and projectid can't be specified together")
    }
    arguments.set("account", .string(account.name))
    arguments.set("domainid", .uuid(account.domain.uuid))
  }

  private func refuseControlCharacters(_ value: String, of name: String) throws(APIError) {
    if value.utf8.contains(where: { $0 < 0x20 && $0 != 0x0A && $0 != 0x0D || $0 == 0x7F }) {
      throw .parameter(
        "Received value for parameter \(name) is invalid, contains illegal ASCII non-printable characters")
    }
  }

  /// `nil` when an empty value means that none was given.
  private func value(_ text: String, _ parameter: Parameter) throws(APIError) -> Arguments.Value? {
    switch parameter.type {
    case .boolean:
      return text.isEmpty && parameter.isRequired ? nil : .boolean(text.lowercased() == "true")
    case .integer:
      let trimmed = text.filter { $0 != " " }
      if trimmed.isEmpty { return nil }
      guard let number = Int32(trimmed) else { throw .notANumber(text, parameter) }
      return .integer(Int(number))
    case .long:
      guard let number = Int(text) else { throw .notANumber(text, parameter) }
      return .integer(number)
    case .double:
      let trimmed = text.filter { $0 != " " }
      if trimmed.isEmpty { return nil }
      guard let number = Double(trimmed), number.isFinite else { throw .notANumber(text, parameter) }
      return .double(number)
    case .string:
      if text.isEmpty && parameter.isRequired { return nil }
      try check(text, parameter)
      return .string(text)
    case .uuid:
      return text.isEmpty ? nil : try uuid(text, parameter)
    case .list:
      let elements = text.split(separator: ",").map { $0.filter { $0 != " " } }.filter { !$0.isEmpty }
      if elements.isEmpty { return nil }
      if parameter.element == .uuid {
        var uuids: [UUID] = []
        for element in elements {
          if case .uuid(let uuid) = try uuid(element, parameter) { uuids.append(uuid) }
        }
        return .uuids(uuids)
      }
      for element in elements { try check(element, parameter) }
      return .strings(elements)
    case .date:
      if text.isEmpty { return nil }
      guard let date = WireDate.parse(text, endOfDay: parameter.name.hasPrefix("end")) else {
        throw .parameter("Unable to parse date \(text) for command \(command.name), please pass dates as ISO 8601")
      }
      return .date(date)
    case .map: return nil
    }
  }

  private func check(_ text: String, _ parameter: Parameter) throws(APIError) {
    if text.utf16.count > parameter.length {
      throw .parameter("Value greater than max allowed length \(parameter.length) for param: \(parameter.name)")
    }
  }

  private func uuid(_ text: String, _ parameter: Parameter) throws(APIError) -> Arguments.Value {
    if text == "-1" && (parameter.allowsEvery || parameter.entity?.name == Entity.project.name) { return .everyUUID }
    guard let uuid = UUID(uuidString: text), let owner = parameter.entity?.owner(uuid, state) else {
      throw .unknown(text, parameter: parameter.name, command: command)
    }
    guard owner.isOpen(to: caller, in: state) else { throw .denied() }
    return .uuid(uuid)
  }

  /// Groups `[index].field` by index.
  private func rows(
    _ entries: [(name: String, value: String)], _ parameter: Parameter
  ) throws(APIError) -> [[String: String]] {
    var rows: [Int: [String: String]] = [:]
    for entry in entries {
      let parts = entry.name.split(separator: "]", omittingEmptySubsequences: false)
      guard parts.count == 2, parts[0].filter({ $0 == "[" }).count == 1, let index = Int(parts[0].dropFirst()),
        parts[1].count > 1, parts[1].first == ".", !parts[1].contains("[")
      else {
        throw APIError(430, "The map parameter \(parameter.name)\(entry.name) is not of the form name[index].field")
      }
      try check(entry.value, parameter)
      rows[index, default: [:]][String(parts[1].dropFirst())] = entry.value
    }
    return rows.sorted { $0.key < $1.key }.map(\.value)
  }
}

extension APIError {
  fileprivate static func notANumber(_ text: String, _ parameter: Parameter) -> APIError {
    .parameter("Invalid value \(text) for parameter \(parameter.name), it must be a number")
  }
}
