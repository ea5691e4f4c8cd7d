package import CloudModel
import Ledger

extension Control {
  static let ownLimit = 1000

  /// Makes a key pair. The private key is in the answer and nowhere else.
  package func createSSHKeyPair(
    name: String, account: String?, domain: ID<Domain>?, by caller: Caller
  ) async throws -> (id: ID<SSHKeyPair>, privateKey: String) {
    // What is refused anyway is not worth the search for primes.
    let state = self.state
    let owner = try Access.recipient(for: caller, account: account, domain: domain, in: state)
    try Self.requireRoom(for: name, owner, in: state)
    let made = try await NewSSHKeyPair.make()
    let id = try await putKeyPair("createSSHKeyPair", name, made.publicKey, account, domain, caller)
    return (id, made.privateKey)
  }

  package func registerSSHKeyPair(
    name: String, publicKey: String, account: String?, domain: ID<Domain>?, by caller: Caller
  ) async throws -> ID<SSHKeyPair> {
    guard let key = SSHPublicKey(publicKey) else {
      throw ControlError(.invalidParameter, "Public key is invalid; give it as OpenSSH writes it")
    }
    return try await putKeyPair("registerSSHKeyPair", name, key, account, domain, caller)
  }

  private func putKeyPair(
    _ command: String, _ name: String, _ key: SSHPublicKey, _ account: String?, _ domain: ID<Domain>?, _ caller: Caller
  ) async throws -> ID<SSHKeyPair> {
    try await transact(cause(caller, command)) { draft in
      let owner = try Access.recipient(for: caller, account: account, domain: domain, in: draft.state)
      try Self.requireRoom(for: name, owner, in: draft.state)
      guard draft.state.sshKeyPairs.first("fingerprint", .scoped(owner.id.uuid, key.fingerprint)) == nil else {
        throw ControlError(
          .invalidParameter, "A key pair with this public key already exists for account \(owner.name)")
      }
      let id: ID<SSHKeyPair> = draft.newID()
      try draft.put(
        SSHKeyPair(
          id: id, name: name, account: owner.id, publicKey: key.text, fingerprint: key.fingerprint, created: draft.now))
      try draft.put(
        Self.event(
          "REGISTER.SSH.KEYPAIR", "Registered SSH key pair \(name)", owner.id, caller.user, draft,
          resourceType: "SSHKeyPair", resource: id.uuid))
      return id
    }
  }

  private static func requireRoom(for name: String, _ owner: Account, in state: CloudState) throws(ControlError) {
    guard !name.isEmpty else { throw ControlError(.invalidParameter, "name may not be empty") }
    guard state.sshKeyPairs.first("name", .scoped(owner.id.uuid, name.lowercased())) == nil else {
      throw ControlError(.invalidParameter, "A key pair with name '\(name)' already exists for account \(owner.name)")
    }
    guard state.sshKeyPairs.count("account", .id(owner.id)) < ownLimit else {
      throw ControlError(.resourceLimit, "An account has at most \(ownLimit) SSH key pairs")
    }
  }

  /// Instances keep the key that they were given.
  package func deleteSSHKeyPair(
    name: String, account: String?, domain: ID<Domain>?, by caller: Caller
  ) async throws {
    try await transact(cause(caller, "deleteSSHKeyPair")) { draft in
      let owner = try Access.owner(for: caller, account: account, domain: domain, in: draft.state)
      let pair = try Self.keyPair(name, of: owner.id, draft)
      try draft.remove(pair.id)
      try draft.put(
        Self.event(
          "SSH.KEYPAIR.DELETE", "Deleted SSH key pair \(pair.name)", owner.id, caller.user, draft,
          resourceType: "SSHKeyPair", resource: pair.id.uuid))
    }
  }

  /// Gives a stopped instance other keys. A password that was encrypted for the former ones is forgotten.
  package func resetSSHKeyForVirtualMachine(
    _ id: ID<VirtualMachine>, keyPairs names: [String], by caller: Caller
  ) async throws -> Started {
    try await change(id, "resetSSHKeyForVirtualMachine", "VM.RESETSSHKEY", by: caller) { machine, draft in
      guard machine.state == .stopped else { throw Self.wrongState(machine, "given other SSH keys; stop it first") }
      guard !names.isEmpty else { throw ControlError(.invalidParameter, "Name the key pairs by keypair or keypairs") }
      machine.keys = try Self.keys(named: names, of: machine.account, draft)
      machine.encryptedPassword = nil
    }
  }

  private static let keysPerInstance = 16

  static func keys(
    named names: [String], of owner: ID<Account>, _ draft: borrowing Draft
  ) throws -> [InstanceKey]? {
    guard names.count <= keysPerInstance else {
      throw ControlError(.invalidParameter, "An instance has at most \(keysPerInstance) SSH key pairs")
    }
    var keys: [InstanceKey] = []
    for name in names {
      let pair = try keyPair(name, of: owner, draft)
      if !keys.contains(where: { $0.name == pair.name }) {
        keys.append(InstanceKey(name: pair.name, publicKey: pair.publicKey))
      }
    }
    return keys.isEmpty ? nil : keys
  }

  private static func keyPair(
    _ name: String, of owner: ID<Account>, _ draft: borrowing Draft
  ) throws -> SSHKeyPair {
    guard let pair = draft.state.sshKeyPairs.first("name", .scoped(owner.uuid, name.lowercased())) else {
      throw ControlError(.invalidParameter, "A key pair with name '\(name)' does not exist for the account")
    }
    return pair
  }
}
