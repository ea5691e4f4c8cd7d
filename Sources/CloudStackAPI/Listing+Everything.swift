import CloudModel
import Control
import FoundationEssentials

extension Request {
  /// What changes neither which rows a list has nor their order.
  private static let indifferent: Set<String> = [
    "details", "isrecursive", "listall", "page", "pagesize", "projectid", "userdata",
  ]

  /// Whether a root administrator asks for all there is, so that nothing needs to be gone through but the page.
  private var isOfEverything: Bool {
    caller.isRootAdmin && arguments.flag("listall") && arguments.names.allSatisfy(Self.indifferent.contains)
  }

  /// The page of a list that has everything; nil for any other list. `fields` gets a request that sees the same state.
  func pageOfEverything<R: Resource>(
    _ name: String, _ order: CreationOrder<R>, fields: (R, Request) -> Fields
  ) async throws -> Reply? {
    guard isOfEverything else { return nil }
    let (state, all) = try await order.present(in: control.ledger)
    let request = Request(
      command: command, caller: caller, arguments: arguments, control: control, state: state,
      instanceOrder: instanceOrder, isPost: isPost)
    let table = R.table(in: state)
    var places = all
    if scope.projects == .none {
      let hidden = Set(
        state.projects.all.flatMap { table.matching("account", .id($0.account)).map(\.id) })
      if !hidden.isEmpty { places.removeAll { hidden.contains($0.id) } }
    }
    return try page(name, places) { _ in
      []
    } fields: { place in
      table[place.id].map { fields($0, request) } ?? Fields()
    }
  }
}
