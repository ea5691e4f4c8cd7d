import CloudModel
import Control

/// Which commands the accounts of a role may call.
enum Permission {
  /// The first rule of the role that fits decides, else what the command declares for the role's type.
  static func allows(_ role: Role, _ command: Command) -> Bool {
    role.isEnabled && (role.decision(on: command.name) ?? command.roles.contains(Roles(role.type)))
  }

  static func allows(_ caller: Caller, _ command: Command, in state: CloudState) -> Bool {
    role(of: caller, in: state).map { allows($0, command) } ?? false
  }

  private static func role(of caller: Caller, in state: CloudState) -> Role? {
    state.accounts[caller.account].flatMap(state.role)
  }

  /// Refuses to make, or to act for, somebody who may call what the caller may not.
  static func requireNoEscalation(
    to role: Role?, by caller: Caller, in state: CloudState
  ) throws(APIError) {
    guard let role, let own = Self.role(of: caller, in: state), own.id != role.id,
      own.id != Role.builtIn(.rootAdmin)?.id
    else { return }
    if let more = Catalog.all.first(where: { allows(role, $0) && !allows(own, $0) }) {
      throw .denied("The role \(role.name) may call \(more.name), which your own may not")
    }
  }
}

extension Request {
  /// See `Permission.requireNoEscalation`: for the account that `id` names.
  func requireNoEscalation(to id: ID<Account>?) throws(APIError) {
    guard let account = id.flatMap({ state.accounts[$0] }), account.id != caller.account else { return }
    try Permission.requireNoEscalation(to: state.role(of: account), by: caller, in: state)
  }

  func requireNoEscalation(toUser id: ID<User>) throws(APIError) {
    try requireNoEscalation(to: state.users[id]?.account)
  }
}
