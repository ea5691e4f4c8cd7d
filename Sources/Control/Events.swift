package import CloudModel
package import FoundationEssentials
import Ledger

/// Which events are meant: all of those that meet every condition.
package struct EventSelection: Sendable {
  package var ids: [ID<Event>]?
  package var type: String?
  package var start: Date?
  package var end: Date?

  package init() {}

  func includes(_ event: Event) -> Bool {
    (type == nil || event.type == type) && start.map { event.created >= $0 } ?? true
      && end.map { event.created <= $0 } ?? true
  }
}

extension Control {
  /// Puts events away: they are listed only if archived ones are asked for.
  package func archiveEvents(_ selection: EventSelection, by caller: Caller) async throws {
    try await transact(cause(caller, "archiveEvents")) { draft in
      for var event in try Self.events(selection, caller, draft) where event.archived != true {
        event.archived = true
        try draft.put(event)
      }
    }
  }

  package func deleteEvents(_ selection: EventSelection, by caller: Caller) async throws {
    try await transact(cause(caller, "deleteEvents")) { draft in
      for event in try Self.events(selection, caller, draft) { try draft.remove(event.id) }
    }
  }

  /// Events of a user are of its account, those of an administrator of everybody that it may act for.
  private static func events(
    _ selection: EventSelection, _ caller: Caller, _ draft: borrowing Draft
  ) throws -> [Event] {
    guard selection.ids != nil || selection.type != nil || selection.start != nil || selection.end != nil else {
      throw ControlError(.invalidParameter, "either ids, type, enddate or startdate must be passed in")
    }
    let state = draft.state
    if let ids = selection.ids {
      return try ids.compactMap { state.events[$0] }.filter { event in
        try Access.require(caller, owner: event.account, in: state)
        return selection.includes(event)
      }
    }
    let within =
      caller.type == .user ? state.events.matching("account", .id(caller.account)) : Array(state.events.all)
    return within.filter { selection.includes($0) && Access.allows(caller, owner: $0.account, in: state) }
  }
}
