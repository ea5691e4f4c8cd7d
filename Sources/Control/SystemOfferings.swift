package import CloudModel
import FoundationEssentials

extension ServiceOffering {
  /// What routers have that were given nothing else. Every cloud has it, nobody changes it, and it has no row.
  package static let ofRouters = ServiceOffering(
    id: ID(UUID(uuid: (0, 0, 0, 0, 0, 0, 0x40, 0, 0x80, 0, 0, 0, 0, 0, 1, 1))),
    name: "System Offering For Software Router", displayText: "System Offering For Software Router", cpuNumber: 1,
    cpuSpeedMHz: 500, memoryMiB: 512, created: Date(timeIntervalSince1970: 0))
}
