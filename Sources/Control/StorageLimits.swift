import CloudModel

/// How much of storage one account can have, whatever its own limits say.
enum StorageLimits {
  static let dataVolumes = 10_000
  static let snapshots = 10_000
  static let templates = 1_000
  static let sharedWith = 1_000

  static func requireRoomForVolume(of account: ID<Account>, _ state: CloudState) throws(ControlError) {
    try require(state.volumes.count("data", .id(account)), dataVolumes, "volumes")
    try require(.volume, account, state)
  }

  static func requireRoomForSnapshot(of account: ID<Account>, _ state: CloudState) throws(ControlError) {
    try require(state.snapshots.count("account", .id(account)), snapshots, "snapshots")
    try require(.snapshot, account, state)
  }

  static func requireRoomForTemplate(of account: ID<Account>, _ state: CloudState) throws(ControlError) {
    try require(state.templates.count("account", .id(account)), templates, "templates and ISOs")
    try require(.template, account, state)
  }

  private static func require(
    _ type: LimitedResource, _ account: ID<Account>, _ state: CloudState
  ) throws(ControlError) {
    guard let owner = state.accounts[account] else { return }
    try ResourceLimits.require(type, for: owner, in: state)
  }

  private static func require(_ count: Int, _ limit: Int, _ what: String) throws(ControlError) {
    guard count < limit else {
      throw ControlError(.resourceLimit, "The account has \(limit) \(what), which is the limit; delete some first")
    }
  }
}
