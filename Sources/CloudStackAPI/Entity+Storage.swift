import CloudModel
import Control

extension Entity {
  static let diskOffering = Entity(DiskOffering.kind, "diskoffering") { uuid, state in
    guard let offering = state.diskOfferings[ID(uuid)], !offering.isRemoved else { return nil }
    return offering.domains.isEmpty ? .everybody : .domains(offering.domains)
  }

  static let iso = Entity("iso", "iso") { uuid, state in
    state.templates[ID(uuid)].flatMap { $0.isISO ? ownership(of: $0) : nil }
  }

  static let osCategory = Entity("oscategory", "oscategory") { uuid, _ in
    OperatingSystem.categories.contains { $0.id == uuid } ? .everybody : nil
  }

  static let osType = Entity("ostype", "ostype") { uuid, _ in
    OperatingSystem.named(uuid) == nil ? nil : .everybody
  }

  static let serviceOffering = Entity(ServiceOffering.kind, "serviceoffering") { uuid, state in
    if uuid == ServiceOffering.ofRouters.id.uuid { return .everybody }
    guard let offering = state.serviceOfferings[ID(uuid)], offering.isRemoved != true else { return nil }
    return offering.domains.map(Ownership.domains) ?? .everybody
  }

  static let snapshot = Entity(VolumeSnapshot.self, "snapshot") { snapshot, _ in .account(snapshot.account) }
  static let snapshotPolicy = Entity(SnapshotPolicy.self, "snapshotpolicy") { policy, _ in .account(policy.account) }

  /// A template or an ISO: what instances can be made of.
  static let template = Entity(Template.kind, "template") { uuid, state in
    state.templates[ID(uuid)].flatMap(ownership)
  }

  static let volume = Entity(Volume.self, "volume") { volume, _ in .account(volume.account) }

  private static func ownership(of image: Template) -> Ownership? {
    if image.isRemoved == true { return nil }
    if image.isPublic { return .everybody }
    guard let shared = image.sharedWith else { return .account(image.account) }
    return .accounts([image.account] + shared)
  }
}
