import CloudModel
import FoundationEssentials
import Ledger
import Logging

extension Control {
  /// What is due by time in storage.
  func sweepStorage(_ state: CloudState, _ now: Date) async {
    for volume in state.volumes.matching("expunging", .number(1)) {
      guard let due = volume.expungeAfter, due <= now else { continue }
      await attempt("could not expunge a volume", volume.id.description) { try await self.expunge(volume.id) }
    }
    for policy in state.snapshotPolicies.all where policy.due <= now {
      await attempt("could not carry out a snapshot policy", policy.id.description) {
        try await self.carryOut(policy.id)
      }
    }
  }

  private func expunge(_ id: ID<Volume>) async throws {
    _ = try await transact(Cause(actor: "system/sweep", command: "expungeVolume", job: nil)) { draft in
      guard let volume = draft.get(id), volume.state == .destroyed, volume.virtualMachine == nil,
        let due = volume.expungeAfter, due <= draft.now
      else { return }
      try Self.remove(volume, &draft)
      try draft.put(
        Self.event(
          "VOLUME.DELETE", "Expunged volume \(volume.name)", volume.account, nil, draft, resourceType: "Volume",
          resource: id.uuid))
    }
  }

  private func attempt(_ what: String, _ id: String, _ body: () async throws -> Void) async {
    do { try await body() } catch {
      logger.error("\(what)", metadata: ["id": "\(id)", "error": "\(error)"])
    }
  }
}

extension Control {
  /// Gives the instances of a cloud from before there were volumes their ROOT volumes, once. What fails is done at the next start.
  func takeUpVolumes() async {
    @Sendable func lacking(_ state: CloudState) -> [VirtualMachine] {
      state.virtualMachines.all.filter { machine in
        state.volumes.first("device", .scoped(machine.id.uuid, "0")) == nil
      }
    }
    guard !lacking(state).isEmpty else { return }
    do {
      _ = try await transact(Cause(actor: "system/storage", command: "takeUpVolumes", job: nil)) { draft in
        for machine in lacking(draft.state).sorted(by: { $0.id < $1.id }) {
          var root = Volume.root(
            of: machine, id: draft.newID(), sizeBytes: draft.get(machine.template)?.sizeBytes ?? 0)
          root.state = .ready
          try draft.put(root)
        }
        if draft.state.diskOfferings.isEmpty { try Self.putDiskOfferings(&draft) }
      }
    } catch {
      logger.error("the ROOT volumes of instances could not be taken up", metadata: ["error": "\(error)"])
    }
  }
}
