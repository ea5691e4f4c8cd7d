package import FoundationEssentials

/// What runs in instances, as templates and ISOs say. The list is declared; ids are those of its positions for ever.
package struct OperatingSystem: Hashable, Sendable {
  package struct Category: Hashable, Sendable {
    package let id: UUID
    package let name: String
  }

  package let id: UUID
  package let name: String
  package let category: Category

  /// Both lists may only grow, at the end of a category and with numbers of their own.
  private static let declared: [(number: UInt8, category: String, systems: [(number: UInt8, name: String)])] = [
    (1, "CentOS", [(1, "CentOS 7"), (2, "CentOS 8"), (3, "CentOS Stream 9")]),
    (2, "Debian", [(4, "Debian GNU/Linux 11 (64-bit)"), (5, "Debian GNU/Linux 12 (64-bit)")]),
    (3, "Oracle", [(6, "Oracle Linux 8"), (7, "Oracle Linux 9")]),
    (4, "RedHat", [(8, "Red Hat Enterprise Linux 8"), (9, "Red Hat Enterprise Linux 9")]),
    (5, "SUSE", [(10, "SUSE Linux Enterprise Server 15 (64-bit)"), (11, "openSUSE Leap 15 (64-bit)")]),
    (
      6, "Windows",
      [(12, "Windows 10 (64-bit)"), (13, "Windows Server 2019 (64-bit)"), (14, "Windows Server 2022 (64-bit)")]
    ),
    (7, "Other", [(15, "Other Linux (64-bit)"), (16, "Other (64-bit)"), (17, "Other PV (64-bit)")]),
    (8, "Unix", [(18, "FreeBSD 13 (64-bit)"), (19, "FreeBSD 14 (64-bit)")]),
    (9, "Ubuntu", [(20, "Ubuntu 20.04 LTS"), (21, "Ubuntu 22.04 LTS"), (22, "Ubuntu 24.04 LTS")]),
    (10, "Rocky Linux", [(23, "Rocky Linux 8"), (24, "Rocky Linux 9")]),
    (11, "Fedora", [(25, "Fedora Linux (64-bit)")]),
  ]

  package static let categories: [Category] = declared.map { category(number: $0.number, $0.category) }

  package static let all: [OperatingSystem] = declared.flatMap { entry in
    entry.systems.map {
      OperatingSystem(
        id: uuid(0x05, $0.number), name: $0.name, category: category(number: entry.number, entry.category))
    }
  }

  private static let byID = Dictionary(uniqueKeysWithValues: all.map { ($0.id, $0) })

  package static func named(_ id: UUID) -> OperatingSystem? { byID[id] }

  /// What the templates that come with the cloud run.
  package static let otherLinux: UUID = uuid(0x05, 15)

  private static func category(number: UInt8, _ name: String) -> Category {
    Category(id: uuid(0x0c, number), name: name)
  }

  private static func uuid(_ list: UInt8, _ number: UInt8) -> UUID {
    UUID(uuid: (0xda, 0x60, 0x3a, 0, 0, list, 0x40, 0, 0x80, 0, 0, 0, 0, 0, 0, number))
  }
}
