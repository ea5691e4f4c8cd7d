import Foundation
import Ledger

/// Several managers over one database.
extension Up {
  func areManagersRunning(_ folder: StateFolder) -> Bool {
    guard let cloud = StateFolder.read(CloudFile.self, folder.cloud) else { return false }
    let names = cloud.allManagers.map(\.name)
    return (managers ?? names.count) == names.count && (postgresql ?? cloud.postgresql) == cloud.postgresql
      && Set(names) == Set(folder.runningManagers)
      && !names.contains { FileManager.default.fileExists(atPath: folder.refusal(of: $0)) }
  }

  func startOtherManagers(_ cloud: CloudFile, _ folder: StateFolder) throws {
    for manager in cloud.allManagers.dropFirst() {
      try start(
        manager.name, ["--name", manager.name, "--port", "\(manager.port)"], folder, as: CloudFile.firstManager)
    }
  }

  /// Those that the cloud has no more, that are to use another database, or that refuse what may have been put right since.
  func stopStrayManagers(_ folder: StateFolder, _ cloud: CloudFile, before: CloudFile?) throws {
    let wanted = Set(cloud.allManagers.map(\.name))
    for name in Set(folder.runningManagers).union(wanted).sorted()
    where cloud.postgresql != before?.postgresql || !wanted.contains(name)
      || FileManager.default.fileExists(atPath: folder.refusal(of: name))
    {
      try folder.stopManager(name)
    }
  }

  /// Checks what was asked for and puts it into `cloud`.
  func setManagers(_ cloud: inout CloudFile, _ isNew: Bool) throws {
    if let postgresql {
      guard isNew || cloud.postgresql != nil else {
        throw CommandFailure(
          "The cloud keeps its ledger in its state folder; move it with `daruma backup` and `daruma restore "
            + "--postgresql`")
      }
      _ = try Self.access(postgresql)
      cloud.postgresql = postgresql
    }
    guard let managers else { return }
    guard (1...CloudFile.managerLimit).contains(managers) else {
      throw CommandFailure("--managers must be 1 to \(CloudFile.managerLimit)")
    }
    guard managers == 1 || cloud.postgresql != nil else {
      throw CommandFailure("Several managers share a PostgreSQL database; name it with --postgresql")
    }
    guard cloud.port + managers - 1 <= 65535 else {
      throw CommandFailure(
        "\(managers) managers need ports \(cloud.port) to \(cloud.port + managers - 1); choose a lower --port")
    }
    cloud.managers = managers
  }

  /// Refuses a database that a new cloud cannot have, before anything is made.
  static func requireEmptyDatabase(_ conninfo: String) throws {
    let access = try access(conninfo)
    do throws(LedgerError) {
      guard try access.holdsLedger() else { return }
    } catch { throw CommandFailure(error.sentence) }
    throw CommandFailure(
      "\(access.name) holds a ledger already; give a new cloud a database of its own, or put the state folder of the "
        + "cloud that it belongs to back")
  }

  private static func access(_ conninfo: String) throws -> PostgreSQLAccess {
    do throws(LedgerError) { return try PostgreSQLAccess(conninfo) } catch { throw CommandFailure(error.sentence) }
  }
}

extension LedgerError {
  /// What is wrong, with the cause if there is one.
  fileprivate var sentence: String { underlying.map { "\(message): \($0)" } ?? message }
}
