package import CloudModel
import Crypto
import Ledger

extension Control {
  /// Gives a stopped instance another password: `wanted`, or one that is drawn. The job's result tells it.
  package func resetPasswordForVirtualMachine(
    _ id: ID<VirtualMachine>, to wanted: String?, by caller: Caller
  ) async throws -> Started {
    let password = Self.password(wanted)
    return try await begin(
      "resetPasswordForVirtualMachine", .virtualMachine, by: caller,
      about: { draft in
        var machine = try Self.machine(id, caller, draft)
        guard let template = draft.get(machine.template) else {
          throw ControlError(.invalidParameter, "The template of the instance does not exist")
        }
        try Self.requirePasswords(machine, template)
        guard machine.state == .stopped else { throw Self.wrongState(machine, "given a password; stop it first") }
        machine.encryptedPassword = Self.encrypted(password, for: machine)
        try draft.put(machine)
        try draft.put(
          Self.event(
            "VM.RESETPASSWORD", "Resetting the password of \(machine.name)", machine.account, caller.user, draft,
            resourceType: "VirtualMachine", resource: id.uuid))
        return About(resource: id.uuid, password: password)
      })
  }

  /// Nothing takes a password to a machine of a real hypervisor.
  static func takesPassword(_ machine: VirtualMachine, _ template: Template) -> Bool {
    template.isPasswordEnabled && machine.hypervisor == .simulator
  }

  static func requirePasswords(_ machine: VirtualMachine, _ template: Template) throws {
    guard template.isPasswordEnabled else {
      throw ControlError(
        .invalidParameter, "Unable to set a password for the instance: its template is not password enabled")
    }
    try requireSimulator(machine, "A password")
  }

  /// The password that was asked for, or a random one without letters that look alike.
  static func password(_ wanted: String?) -> String {
    if let wanted, !wanted.isEmpty { return wanted }
    let letters = Array("abcdefghijkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789")
    var random = SystemRandomNumberGenerator()
    return String((0..<12).compactMap { _ in letters.randomElement(using: &random) })
  }

  /// For the first of the instance's keys that can carry it.
  static func encrypted(_ password: String, for machine: VirtualMachine) -> String? {
    for key in machine.keys ?? [] {
      if let text = SSHPublicKey(key.publicKey)?.encrypt(password) { return text }
    }
    return nil
  }
}
