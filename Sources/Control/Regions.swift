package import CloudModel
import FoundationEssentials
import Ledger

extension Control {
  private static let regionLimit = 256
  /// The region that this cloud itself is.
  static let ownRegion = 1

  package func addRegion(_ number: Int, name: String, endpoint: String, by caller: Caller) async throws -> ID<Region> {
    try await administer("addRegion", by: caller) { draft in
      try Self.limit(draft.state.regions.count, to: Self.regionLimit, "regions")
      guard (1...Int(Int32.max)).contains(number) else {
        throw ControlError(.invalidParameter, "The id of a region is a positive number")
      }
      guard draft.state.regions.first("number", .number(UInt64(number))) == nil else {
        throw ControlError(.invalidParameter, "Region with id: \(number) already exists")
      }
      let region = Region(
        id: draft.newID(), number: number, name: try Self.checked(name),
        endpoint: try Self.checked(endpoint, "endpoint"), created: draft.now)
      try draft.put(region)
      return region.id
    }
  }

  package func updateRegion(
    _ number: Int, name: String?, endpoint: String?, by caller: Caller
  ) async throws -> ID<Region> {
    try await administer("updateRegion", by: caller) { draft in
      var region = try Self.region(number, draft)
      if let name { region.name = try Self.checked(name) }
      if let endpoint { region.endpoint = try Self.checked(endpoint, "endpoint") }
      try draft.put(region)
      return region.id
    }
  }

  package func removeRegion(_ number: Int, by caller: Caller) async throws {
    try await administer("removeRegion", by: caller) { draft in
      guard number != Self.ownRegion else {
        throw ControlError(.invalidParameter, "The region 1 is this cloud itself and cannot be removed")
      }
      try draft.remove(try Self.region(number, draft).id)
    }
  }

  private static func region(_ number: Int, _ draft: borrowing Draft) throws -> Region {
    guard number > 0, let region = draft.state.regions.first("number", .number(UInt64(number))) else {
      throw ControlError(.invalidParameter, "Region with id: \(number) does not exist")
    }
    return region
  }
}
