import CloudModel
import Control

extension Commands {
  static let userStates = [
    Command("deleteUser", "Deletes a user", roles: .admins, [user], response: .success) { request in
      try request.requireNoEscalation(toUser: request.id("id"))
      try await request.control.deleteUser(request.id("id"), by: request.caller)
      return .success()
    },
    Command("enableUser", "Lets a user act again", roles: .admins, [user], response: .user) { request in
      try await request.control.enableUser(request.id("id"), by: request.caller)
      return try told(request)
    },
    .job("disableUser", "Shuts a user out", roles: .admins, [user], response: .user) { request in
      try request.requireNoEscalation(toUser: request.id("id"))
      return try await request.control.disableUser(request.id("id"), by: request.caller)
    },
    Command("lockUser", "Shuts a user out for a while", roles: .admins, [user], response: .user) { request in
      try request.requireNoEscalation(toUser: request.id("id"))
      try await request.control.lockUser(request.id("id"), by: request.caller)
      return try told(request)
    },
    Command(
      "moveUser", "Gives a user to another account of the same domain", roles: .admin,
      [
        user,
        .string("account", "the account's name, instead of its id"),
        .id("accountid", .account, "the account's id"),
      ], response: .success
    ) { request in
      let (id, account) = (try request.id("id", User.self), request.arguments.id("accountid", Account.self))
      let name = request.arguments.string("account")
      try request.requireNoEscalation(toUser: id)
      let named = name.flatMap { name in
        request.state.users[id].flatMap {
          request.state.accounts.first("name", .scoped($0.domain.uuid, name.lowercased()))?.id
        }
      }
      try request.requireNoEscalation(to: account ?? named)
      try await request.control.moveUser(id, toAccount: name, or: account, by: request.caller)
      return .success()
    },
  ]

  private static func told(_ request: Request) throws -> Reply {
    try request.created(request.id("id", User.self), "user") { request.latest.fields(of: $0) }
  }
}
