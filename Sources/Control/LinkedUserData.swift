package import CloudModel
import FoundationEssentials
import Ledger

extension Control {
  /// Gives a template or ISO user data for its instances, or with no `source` takes it away.
  package func link(
    _ source: ID<RegisteredUserData>?, to kind: ImageKind, _ id: ID<Template>, policy: UserDataPolicy,
    by caller: Caller
  ) async throws {
    try await transact(cause(caller, "linkUserDataToTemplate")) { draft in
      var image = try Self.image(kind, id, caller, draft)
      if let source {
        guard let found = draft.get(source) else {
          throw ControlError(.invalidParameter, "Unable to find user data \(source)")
        }
        try Access.require(caller, owner: found.account, in: draft.state)
      }
      image.linkedUserData = source
      image.userDataPolicy = source == nil ? nil : policy
      try draft.put(image)
      try draft.put(Self.event(kind.event("UPDATE"), "Changed the user data of \(image.name)", image, caller, draft))
    }
  }

  static func unlink(_ source: ID<RegisteredUserData>, _ draft: inout Draft) throws {
    for var image in draft.state.templates.matching("userdata", .id(source)) {
      image.linkedUserData = nil
      image.userDataPolicy = nil
      try draft.put(image)
    }
  }

  /// Brings together what an instance was given and what its template has for it.
  static func mergeUserData(into machine: inout VirtualMachine, _ draft: borrowing Draft) throws {
    guard let template = draft.get(machine.template), let link = template.linkedUserData,
      let linked = draft.get(link)?.content
    else { return }
    guard !machine.userData.isEmpty else {
      machine.userData = linked
      return
    }
    switch template.userDataPolicy ?? .allowOverride {
    case .allowOverride: break
    case .denyOverride:
      throw ControlError(
        .invalidParameter,
        "UserData input is not allowed here since template \(template.name) is configured to deny any userdata")
    case .append:
      machine.userData = MultipartUserData.of([linked, machine.userData])
      try requireUserData(machine.userData)
    }
  }
}

/// Several user data as one that cloud-init takes apart again: a MIME message with a part for each.
enum MultipartUserData {
  static func of(_ contents: [[UInt8]]) -> [UInt8] {
    let parts = contents.map(part)
    var boundary = "daruma-user-data"
    while parts.contains(where: { $0.contains(Array("--\(boundary)".utf8)) }) { boundary += "-" }
    var text = Array("Content-Type: multipart/mixed; boundary=\"\(boundary)\"\r\nMIME-Version: 1.0\r\n\r\n".utf8)
    for part in parts { text += Array("--\(boundary)\r\n".utf8) + part + Array("\r\n".utf8) }
    return text + Array("--\(boundary)--\r\n".utf8)
  }

  /// What is a MIME message itself becomes a part as it is.
  private static func part(_ content: [UInt8]) -> [UInt8] {
    let start = String(decoding: content.prefix(64), as: UTF8.self).lowercased()
    if start.hasPrefix("content-type:") || start.hasPrefix("mime-version:") { return content }
    let head =
      "Content-Type: \(type(of: content, start))\r\nMIME-Version: 1.0\r\nContent-Transfer-Encoding: base64\r\n\r\n"
    let lines = Data(content).base64EncodedData(options: [
      .lineLength76Characters, .endLineWithCarriageReturn, .endLineWithLineFeed,
    ])
    return Array(head.utf8) + Array(lines)
  }

  /// By how it begins, as cloud-init has it.
  private static func type(of content: [UInt8], _ start: String) -> String {
    if content.starts(with: [0x1F, 0x8B]) { return "application/gzip" }
    let types: KeyValuePairs = [
      "## template: jinja": "text/jinja2", "#!": "text/x-shellscript", "#include": "text/x-include-url",
      "#cloud-config-archive": "text/cloud-config-archive", "#cloud-config": "text/cloud-config",
      "#cloud-boothook": "text/cloud-boothook", "#part-handler": "text/part-handler",
    ]
    return types.first { start.hasPrefix($0.key) }?.value ?? "text/plain"
  }
}
