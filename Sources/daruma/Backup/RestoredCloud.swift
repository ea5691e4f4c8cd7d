import Addresses
import CloudModel
import Foundation
import Ledger

/// The files beside the ledger that `up` needs, where a machine has none: they follow from the ledger.
struct RestoredCloud {
  let folder: StateFolder
  let port: Int
  /// Of secrets, where it is not the usual one.
  let secretsKeyFile: String?
  /// The database that the ledger was restored into, if it was one.
  var postgresql: String?

  func prepare(_ snapshot: Snapshot) throws {
    if FileManager.default.fileExists(atPath: folder.cloud) {
      guard let postgresql else { return }
      guard var cloud = StateFolder.read(CloudFile.self, folder.cloud) else {
        throw CommandFailure("\(folder.cloud) is damaged; put it back or remove it")
      }
      cloud.postgresql = postgresql
      return try StateFolder.write(cloud, to: folder.cloud)
    }
    let state = snapshot.state
    guard let node = state.nodes.all.min(by: { $0.name < $1.name }),
      let admin = state.users.all.first(where: { user in
        user.username == "admin" && user.apiKey != nil && user.secretKey != nil
          && state.accounts[user.account]?.type == .rootAdmin
      })
    else { throw CommandFailure("The backup holds no cloud: there is no node or no administrator in it") }
    let prefix = IPv4Prefix(node.hostAddress, length: 24)
    let base = "http://127.0.0.1:\(port)"
    if !FileManager.default.fileExists(atPath: folder.admin) {
      try StateFolder.write(
        AdminFile(
          endpoint: base + "/client/api", apikey: admin.apiKey ?? "", secretkey: admin.secretKey ?? "",
          username: admin.username, password: "", statusurl: base + "/status"), to: folder.admin)
    }
    try StateFolder.write(
      CloudFile(
        port: port, publicRange: prefix.description, hostLink: node.hostLink, node: node.name,
        ledger: snapshot.ledger.uuidString.lowercased(), excluded: HostAddresses.inUse(within: prefix).keys.sorted(),
        secretsKeyFile: secretsKeyFile, postgresql: postgresql),
      to: folder.cloud)
  }
}
