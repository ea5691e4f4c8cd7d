package import CloudModel
import Ledger

package struct PermissionChange: Sendable {
  package enum Operation: String, Sendable {
    case add, remove, reset
  }

  package var isPublic: Bool?
  package var isFeatured: Bool?
  package var isExtractable: Bool?
  package var operation: Operation?
  /// Names of accounts in the owner's domain.
  package var accounts: [String] = []

  package init() {}
}

extension Control {
  /// Says who may use an image besides its owner.
  package func updatePermissions(
    _ kind: ImageKind, _ id: ID<Template>, _ change: PermissionChange, by caller: Caller
  ) async throws {
    try await transact(cause(caller, "update\(kind.rawValue)Permissions")) { draft in
      var image = try Self.image(kind, id, caller, draft)
      guard var registration = image.registration else {
        throw ControlError(.unsupported, "\(image.name) came with the cloud and is everybody's")
      }
      guard caller.type != .user || change.isPublic != true && change.isFeatured != true else {
        throw ControlError(.invalidParameter, "Only private templates/ISO can be created.")
      }
      guard caller.isRootAdmin || change.isExtractable == nil else {
        throw ControlError(.permissionDenied, "Only ROOT admins are allowed to modify this attribute: isextractable")
      }
      registration.isPublic = change.isPublic ?? registration.isPublic
      registration.isFeatured = change.isFeatured ?? registration.isFeatured
      registration.isExtractable = change.isExtractable ?? registration.isExtractable
      image.registration = registration
      let named = try Self.accounts(change.accounts, besides: image, draft)
      var shared = image.sharedWith ?? []
      switch change.operation {
      case .add: shared += named.filter { !shared.contains($0) }
      case .remove: shared.removeAll { named.contains($0) }
      case .reset:
        shared = []
        image.registration?.isPublic = false
        image.registration?.isFeatured = false
      case nil:
        guard named.isEmpty else {
          throw ControlError(.invalidParameter, "accounts go with op, which is add, remove or reset")
        }
      }
      guard shared.count <= StorageLimits.sharedWith else {
        throw ControlError(.resourceLimit, "An image can be shared with \(StorageLimits.sharedWith) accounts at most")
      }
      image.sharedWith = shared.isEmpty ? nil : shared
      try draft.put(image)
      try draft.put(Self.event(kind.event("UPDATE"), "Changed who may use \(image.name)", image, caller, draft))
    }
  }

  private static func accounts(
    _ names: [String], besides image: Template, _ draft: borrowing Draft
  ) throws -> [ID<Account>] {
    guard let owner = draft.get(image.account) else {
      throw ControlError(.invalidParameter, "The owner of \(image.name) no longer exists")
    }
    return try names.map { name in
      guard let account = draft.state.accounts.first("name", .scoped(owner.domain.uuid, name.lowercased())) else {
        throw ControlError(.invalidParameter, "Unable to find account \(name) in the domain of the owner")
      }
      guard account.id != owner.id else {
        throw ControlError(.invalidParameter, "The owner \(name) may use \(image.name) anyway")
      }
      return account.id
    }
  }
}
