package import CloudModel
import FoundationEssentials
import Ledger

/// Accounts whose instances may be in a network of somebody else's.
extension Control {
  private static let permittedAccounts = 100

  package func createNetworkPermissions(
    _ id: ID<Network>, accounts: [ID<Account>], names: [String], by caller: Caller
  ) async throws {
    try await change(id, "createNetworkPermissions", "NETWORK.PERMISSIONS.CREATE", caller) { network, draft in
      var permitted = network.permitted ?? []
      for account in try Self.accounts(accounts, names, network, draft)
      where account != network.account && !permitted.contains(account) {
        permitted.append(account)
      }
      guard permitted.count <= Self.permittedAccounts else {
        throw ControlError(.resourceLimit, "At most \(Self.permittedAccounts) accounts may use a network")
      }
      network.permitted = permitted
    }
  }

  package func removeNetworkPermissions(
    _ id: ID<Network>, accounts: [ID<Account>], names: [String], by caller: Caller
  ) async throws {
    try await change(id, "removeNetworkPermissions", "NETWORK.PERMISSIONS.REMOVE", caller) { network, draft in
      let gone = Set(try Self.accounts(accounts, names, network, draft))
      network.permitted = network.permitted?.filter { !gone.contains($0) }
    }
  }

  package func resetNetworkPermissions(_ id: ID<Network>, by caller: Caller) async throws {
    try await change(id, "resetNetworkPermissions", "NETWORK.PERMISSIONS.RESET", caller) { network, _ in
      network.permitted = nil
    }
  }

  /// The accounts that are meant: of the network's domain, as all who may be permitted.
  private static func accounts(
    _ ids: [ID<Account>], _ names: [String], _ network: Network, _ draft: borrowing Draft
  ) throws -> [ID<Account>] {
    guard !ids.isEmpty || !names.isEmpty else {
      throw ControlError(.invalidParameter, "Name accounts or accountids")
    }
    guard let domain = draft.get(network.account)?.domain else {
      throw ControlError(.invalidParameter, "The network's account is gone")
    }
    let named = try names.map { name in
      guard let account = draft.state.accounts.first("name", .scoped(domain.uuid, name.lowercased())) else {
        throw ControlError(.invalidParameter, "Unable to find the account \(name) in the network's domain")
      }
      return account.id
    }
    for id in ids where draft.get(id)?.domain != domain {
      throw ControlError(.permissionDenied, "Only accounts of the network's domain can be permitted")
    }
    return ids + named
  }

  private func change(
    _ id: ID<Network>, _ command: String, _ type: String, _ caller: Caller,
    _ body: @escaping @Sendable (inout Network, borrowing Draft) throws -> Void
  ) async throws {
    try await transact(cause(caller, command)) { draft in
      var network = try Self.network(id, caller, draft)
      try Access.require(caller, owner: network.account, in: draft.state)
      guard network.guestType == .isolated else {
        throw ControlError(.invalidParameter, "The shared network of a zone is everybody's; it has no permissions")
      }
      try body(&network, draft)
      if network.permitted?.isEmpty == true { network.permitted = nil }
      try draft.put(network)
      try draft.put(
        Self.event(
          type, "Permissions of network \(network.name)", network.account, caller.user, draft,
          resourceType: "Network", resource: id.uuid))
    }
  }
}
