import CloudModel
import Control
import FoundationEssentials
import Ledger

extension Commands {
  /// History and undo.
  static let revisions = [
    Command(
      "listRevisions", "Lists what was ever changed, newest first", roles: .admin,
      [
        .long("revision", "only this one, with the fields that it changed"),
        .date("startdate", "revisions of then or later"), .date("enddate", "revisions until then"),
        .integer("page", "the page to answer with, from 1; needs pagesize"),
        .integer("pagesize", "how many entries a page has, 500 at most"),
      ], response: .revision
    ) { request in
      let control = request.control
      if let number = request.arguments.integer("revision") {
        let found = try control.revisions(from: UInt64(clamping: number), to: UInt64(clamping: number))
        return .list("revision", found.map { fields(of: $0, request, detailed: true) }, count: found.count)
      }
      let end = try request.arguments.date("enddate").map(control.revision(at:)) ?? control.snapshot.revision
      var first = control.oldestRevision
      if let start = request.arguments.date("startdate") {
        first = try control.revision(at: start.addingTimeInterval(-0.000_001)) + 1
      }
      guard first <= end else { return .list("revision", [], count: 0) }
      let count = Int(end - first + 1)
      let (offset, size) = try request.window()
      guard offset < count else { return .list("revision", [], count: count) }
      let newest = end - UInt64(offset)
      let oldest = newest - UInt64(min(size, Int(newest - first + 1)) - 1)
      let page = try control.revisions(from: oldest, to: newest)
      return .list("revision", page.map { fields(of: $0, request, detailed: false) }, count: count)
    },
    Command(
      "listResourceHistory", "Lists what became of one resource, newest first, also of one that is gone",
      [.string("resourceid", "the resource's id", required: true)] + Parameter.paging, response: .revision
    ) { request in
      let text = try request.string("resourceid")
      guard let id = UUID(uuidString: text) else { throw APIError.invalid("resourceid", text, "it is not an id") }
      let state = request.state
      var rows: [Fields] = []
      for revision in try request.control.history(of: id) {
        let changes = View.visible(revision.changes.filter { $0.id == id }, request.caller, state)
        if changes.isEmpty { continue }
        rows.append(fields(of: revision, changes, request, detailed: true))
      }
      // Whose history it is not is told the same as when there is none.
      return try request.page("revision", rows) { _ in
        []
      } fields: {
        $0
      }
    },
    .job(
      "revertRevision", "Takes back what one revision did, as a new revision",
      [.long("revision", "the revision's number, as listRevisions and listResourceHistory tell it", required: true)]
    ) { request in
      let number = try request.require("revision", Arguments.integer)
      guard number > 0 else { throw APIError.invalid("revision", String(number), "revisions count from 1") }
      return try await request.control.revertRevision(UInt64(number), by: request.caller)
    },
    .job(
      "revertNetwork",
      "Brings back what a network, or everything of the network that an account has, was at a past moment",
      [
        .id("networkid", .network, "an isolated network"), .id("accountid", .account, "an account"),
        .long("revision", "the last revision that stays"), .date("date", "the instant to go back to"),
      ]
    ) { request in
      let moment: PastMoment
      switch (request.arguments.integer("revision"), request.arguments.date("date")) {
      case (let number?, nil) where number >= 0: moment = .revision(UInt64(number))
      case (nil, let date?): moment = .instant(date)
      default: throw APIError.value("Either revision or date must be given")
      }
      return try await request.control.revertNetwork(
        request.arguments.id("networkid"), account: request.arguments.id("accountid"), to: moment, by: request.caller)
    },
  ]

  private static func fields(of revision: Revision, _ request: Request, detailed: Bool) -> Fields {
    fields(
      of: revision, View.visible(revision.changes, request.caller, request.state), request, detailed: detailed)
  }

  private static func fields(
    of revision: Revision, _ changes: [ResourceChange], _ request: Request, detailed: Bool
  ) -> Fields {
    var fields = Fields()
    fields.add("revision", Int(revision.number))
    fields.add("created", WireDate.text(revision.time))
    fields.add("actor", actor(revision.cause.actor, request))
    fields.add("command", revision.cause.command)
    fields.add("jobid", revision.cause.job?.uuidString.lowercased())
    fields.add("change", changes.map { View.change($0, detailed: detailed) })
    return fields
  }

  /// A user by name, if the caller may know who it is.
  private static func actor(_ text: String, _ request: Request) -> String {
    guard text.hasPrefix("user/"), let id = ID<User>(text.dropFirst(5)) else { return text }
    guard let user = request.state.users[id] else { return request.caller.isRootAdmin ? text : "a user" }
    return Access.allows(request.caller, owner: user.account, in: request.state) ? user.username : "an administrator"
  }
}
