import CloudModel
import Control

extension Commands {
  static let sshKeyPairs = [
    Command(
      "createSSHKeyPair", "Makes an SSH key pair and tells its private key, once",
      [.string("name", "the key pair's name, unique in the account", required: true)] + Parameter.owner,
      response: .newSSHKeyPair, object: "keypair"
    ) { request in
      let made = try await request.control.createSSHKeyPair(
        name: request.string("name"), account: request.arguments.string("account"),
        domain: request.arguments.id("domainid"), by: request.caller)
      return try request.created(made.id, "keypair") {
        var fields = request.latest.fields(of: $0)
        fields.add("privatekey", made.privateKey)
        return fields
      }
    },
    Command(
      "registerSSHKeyPair", "Registers the public key of an SSH key pair",
      [
        .string("name", "the key pair's name, unique in the account", required: true),
        .string("publickey", "the public key as OpenSSH writes it", required: true, length: 5120),
      ] + Parameter.owner, response: .sshKeyPair, object: "keypair"
    ) { request in
      let id = try await request.control.registerSSHKeyPair(
        name: request.string("name"), publicKey: request.string("publickey"),
        account: request.arguments.string("account"), domain: request.arguments.id("domainid"), by: request.caller)
      return try request.created(id, "keypair") { request.latest.fields(of: $0) }
    },
    Command(
      "deleteSSHKeyPair", "Deletes an SSH key pair; instances keep their keys",
      [.string("name", "the key pair's name", required: true)] + Parameter.owner,
      response: .success
    ) { request in
      try await request.control.deleteSSHKeyPair(
        name: request.string("name"), account: request.arguments.string("account"),
        domain: request.arguments.id("domainid"), by: request.caller)
      return .success()
    },
    Command(
      "listSSHKeyPairs", "Lists SSH key pairs",
      [
        .string("fingerprint", "the MD5 of the public key, in pairs of digits"),
        .id("id", .sshKeyPair, "the key pair's id"),
        .string("name", "the key pair's name"),
      ] + Parameter.scope, response: .sshKeyPair
    ) { request in
      let rows = try request.visible(request.state.sshKeyPairs) { $0.account }.filter {
        request.matches("name", $0.name) && request.matches("fingerprint", $0.fingerprint)
      }
      return try request.page("sshkeypair", rows.oldestFirst(\.created)) {
        [$0.name]
      } fields: {
        request.view.fields(of: $0)
      }
    },
  ]
}
