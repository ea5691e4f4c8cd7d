import CloudModel

extension Entity {
  static let affinityGroup = Entity(AffinityGroup.self, "affinitygroup") { group, _ in .account(group.account) }
  static let instanceGroup = Entity(InstanceGroup.self, "instancegroup") { group, _ in .account(group.account) }
  static let instanceSchedule = Entity(InstanceSchedule.self, "vmschedule") { schedule, state in
    state.virtualMachines[schedule.virtualMachine].map { .account($0.account) } ?? .rootAdmin
  }
  static let instanceSnapshot = Entity(InstanceSnapshot.self, "vmsnapshot") { snapshot, _ in
    .account(snapshot.account)
  }
  static let registeredUserData = Entity(RegisteredUserData.self, "userdata") { source, _ in .account(source.account) }
  static let sshKeyPair = Entity(SSHKeyPair.self, "sshkeypair") { pair, _ in .account(pair.account) }
}
