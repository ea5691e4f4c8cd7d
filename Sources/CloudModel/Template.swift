package import FoundationEssentials

/// What an instance boots from, or an ISO. `source` is a folder name under the template store of every node; what was
/// registered later is in no store.
package struct Template: Resource {
  package static let kind = "template"
  package static var table: TablePath<Template> { \.templates }
  package static let indexes: [Index<Template>] = [
    Index("name") { [.text($0.name.lowercased())] },
    Index("account", of: { $0.account }),
    Index("shared") { ($0.sharedWith ?? []).map(IndexKey.id) },
    Index("userdata", of: { $0.linkedUserData }),
  ]
  package static let references: [Reference<Template>] = [
    Reference("account", to: Account.self) { [$0.account] },
    Reference("userdata", to: RegisteredUserData.self) { $0.linkedUserData.map { [$0] } ?? [] },
  ]

  package let id: ID<Template>
  package var name: String
  package var displayText: String
  package var hypervisor: HypervisorType
  package var source: String
  package var zones: [ID<Zone>]
  package var account: ID<Account>
  package var sizeBytes: Int
  /// What came with the cloud says nothing of all that follows.
  package var registration: Registration?
  /// Accounts that may use it besides its owner.
  package var sharedWith: [ID<Account>]?
  /// No instance of it can be made any more, but some still are of it.
  package var isRemoved: Bool?
  /// What its instances get to read.
  package var linkedUserData: ID<RegisteredUserData>?
  package var userDataPolicy: UserDataPolicy?
  package var created: Date

  package init(
    id: ID<Template>, name: String, displayText: String, hypervisor: HypervisorType, source: String,
    zones: [ID<Zone>] = [], account: ID<Account>, sizeBytes: Int = 0, created: Date
  ) {
    self.id = id
    self.name = name
    self.displayText = displayText
    self.hypervisor = hypervisor
    self.source = source
    self.zones = zones
    self.account = account
    self.sizeBytes = sizeBytes
    self.created = created
  }
}

extension Template {
  /// What somebody said of a template or ISO.
  package struct Registration: Codable, Hashable, Sendable {
    package var isISO: Bool
    package var isPublic = false
    package var isFeatured = false
    package var isExtractable = false
    package var isBootable = true
    package var hasPassword = false
    package var hasSSHKey = false
    package var isScalable = false
    package var needsHVM = true
    package var format: String
    package var url: String?
    package var checksum: String?
    package var osType: UUID
    package var tag: String?
    package var sortKey = 0
    /// Sorted by name, so that what is stored has one form.
    package var details: [Detail] = []

    package init(isISO: Bool, format: String, osType: UUID) {
      self.isISO = isISO
      self.format = format
      self.osType = osType
    }
  }

  /// Anything else that somebody said of it.
  package struct Detail: Codable, Hashable, Sendable {
    package var name: String
    package var value: String

    package init(name: String, value: String) {
      self.name = name
      self.value = value
    }
  }

  package var isISO: Bool { registration?.isISO ?? false }
  package var isPublic: Bool { registration?.isPublic ?? true }
  package var isFeatured: Bool { registration?.isFeatured ?? true }
  package var isBuiltIn: Bool { registration == nil }
  /// Whether instances take a password from the cloud.
  package var isPasswordEnabled: Bool { registration?.hasPassword ?? false }
  package var osType: UUID { registration?.osType ?? OperatingSystem.otherLinux }

  /// Whether instances of `account` may be made of it.
  package func isUsable(by account: ID<Account>) -> Bool {
    isRemoved != true && (isPublic || self.account == account || sharedWith?.contains(account) == true)
  }
}

/// What becomes of an instance's own user data if its template has some. Raw values are CloudStack's names.
package enum UserDataPolicy: String, Codable, Hashable, Sendable, CaseIterable {
  case allowOverride = "ALLOWOVERRIDE"
  case append = "APPEND"
  case denyOverride = "DENYOVERRIDE"
}
