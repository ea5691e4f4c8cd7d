import CloudModel

/// Whom an offering is for: domains with all below them, and zones. Nothing said means everybody, everywhere.
enum OfferingScope {
  static func requireUsable(
    _ name: String, domains: [ID<Domain>], zones: [ID<Zone>], by owner: Account, in zone: ID<Zone>,
    _ state: CloudState
  ) throws(ControlError) {
    guard domains.isEmpty || domains.contains(where: { Access.isWithin(owner.domain, $0, in: state) }) else {
      throw ControlError(.permissionDenied, "The offering \(name) is not for the domain of account \(owner.name)")
    }
    guard zones.isEmpty || zones.contains(zone) else {
      throw ControlError(.invalidParameter, "The offering \(name) is not available in this zone")
    }
  }

  /// Domain administrators have a say in what is for their own domains only.
  static func requireChangeable(
    by caller: Caller, domains: [ID<Domain>], _ state: CloudState
  ) throws(ControlError) {
    if caller.isRootAdmin { return }
    guard caller.type == .domainAdmin, !domains.isEmpty,
      domains.allSatisfy({ Access.isWithin($0, caller.domain, in: state) })
    else {
      throw ControlError(
        .permissionDenied, "Domain administrators make and change offerings of their own domains only; name domainid")
    }
  }

  static func requireName(_ name: String, _ displayText: String) throws(ControlError) {
    guard !name.isEmpty else { throw ControlError(.invalidParameter, "name may not be empty") }
    guard name.utf16.count <= 255, displayText.utf16.count <= 4096 else {
      throw ControlError(.invalidParameter, "name is at most 255 characters long, displaytext 4096")
    }
  }

  static func requirePlaces(_ domains: [ID<Domain>], _ zones: [ID<Zone>]) throws(ControlError) {
    guard Set(domains).count == domains.count, Set(zones).count == zones.count, domains.count <= 100, zones.count <= 100
    else { throw ControlError(.invalidParameter, "domainid and zoneid may name up to 100 different ones each") }
  }
}
