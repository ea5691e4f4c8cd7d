/// The names of fields, as numbers. A name that is not here is stored as text, which is longer but not wrong.
package enum FieldNames {
  /// The end of the fields.
  package static let end = 0
  /// Length and UTF-8 of the name follow.
  package static let spelled = 1

  private static let first = 2

  /// What is stored are positions in this list, so it may only grow at its end.
  package static let known = [
    "id", "name", "account", "domain", "zone", "network", "address", "state", "created", "type", "user",
    "displayText", "description", "accounts", "cells", "command", "instanceType", "instance", "status", "resultCode",
    "result", "revision", "completed", "index", "publicPrefixes", "node", "path", "parent", "level", "resourceType",
    "resource", "match", "sources", "destinations", "hypervisor", "cpuNumber", "memoryMiB", "transport", "publicPort",
    "privatePort", "algorithm", "members", "firewall", "virtualMachine", "guestAddress", "offering", "guestType",
    "cidr", "gateway", "domainName", "vni", "services", "egressDefaultAllow", "isDefault", "hostLink", "hostAddress",
    "wanAddress", "hostRoutes", "publicPorts", "privatePorts", "first", "last", "cell", "range", "isSourceNAT",
    "isSystem", "staticNAT", "isRemoving", "allocated", "ingress", "egress", "prefix", "group", "cpuSpeedMHz",
    "source", "zones", "sizeBytes", "username", "firstname", "lastname", "email", "passwordHash", "apiKey",
    "secretKey", "enabled", "displayName", "host", "template", "securityGroups", "nics", "mac", "secondary",
    "userData", "bootCount", "expungeAfter", "series", "guestPrefix", "dns", "length", "value", "all", "icmp", "code",
    "_0", "_1", "actor", "job", "number", "proof", "isRetired", "epoch", "moment", "rebuilds", "renderer", "stages",
    "stage", "isCancelled", "message", "stageBegan", "router", "formerRenderer", "faults", "verified",
    "action", "schedule", "timeZone", "isEnabled", "start", "end", "next", "hasMemory", "isCurrent", "content",
    "parameters", "publicKey", "fingerprint", "domains", "isShown", "isActive", "isRemoved", "sortKey", "pod",
    "isArchived", "sent", "isManaged", "url", "provider", "isReadOnly", "capacityBytes", "isolationMethods", "vlan",
    "speed", "tags", "trafficTypes", "kind", "labels", "kvm", "providers", "elements", "endpoint", "cluster",
    "server", "capacityIOPS", "key", "max", "customer", "isPublic", "permissions", "rule", "isAllowed", "ports",
    "vpc", "items", "isAllowing", "isIngress", "prefixes", "reason", "region", "acl", "presharedKey", "certificate",
    "chain", "privateKey", "nextHop", "customerGateway", "isPassive", "ikePolicy", "espPolicy", "ikeLifetime",
    "espLifetime", "ikeVersion", "detectsDeadPeers", "forcesEncapsulation", "splitsConnections", "password", "volume",
    "interval", "timezone", "kept", "due", "registration", "isISO", "isFeatured", "isExtractable", "isBootable",
    "hasPassword", "hasSSHKey", "isScalable", "needsHVM", "format", "osType", "details", "sharedWith", "diskOffering",
    "deviceID", "isProtected", "volumeName", "volumeType", "isAdmin", "role", "roles", "member", "invitations",
    "events",
    "sourceNetwork", "sourceAddress", "sourcePort", "instancePort", "usageType", "position", "removed", "isHidden",
    "pool", "linkedUserData", "userDataPolicy", "awaitsHost", "change", "reverted", "isForced", "ended", "scopes",
  ]

  /// Where a name's number is found by the name's bytes, or else after it. A quarter of the places is taken at most.
  private static let places: [(name: String, code: Int)?] = {
    var count = 64
    while count < known.count * 4 { count *= 2 }
    var places: [(name: String, code: Int)?] = Array(repeating: nil, count: count)
    for (name, code) in zip(known, first...) {
      var place = hash(name) & (count - 1)
      while places[place] != nil { place = (place + 1) & (count - 1) }
      places[place] = (name, code)
    }
    return places
  }()

  private static func hash(_ name: String) -> Int {
    var name = name
    return name.withUTF8 { bytes in
      guard let first = bytes.first, let last = bytes.last else { return 0 }
      // Four of the bytes and their number tell most names apart.
      let inner = (UInt64(bytes[bytes.count / 2]), UInt64(bytes[bytes.count * 3 / 4]))
      let word = UInt64(bytes.count) << 32 | inner.0 << 24 | inner.1 << 16 | UInt64(first) << 8 | UInt64(last)
      return Int(truncatingIfNeeded: (word &* 0x9E37_79B9_7F4A_7C15) >> 40)
    }
  }

  package static func code(of name: String) -> Int {
    let places = places
    var place = hash(name) & (places.count - 1)
    while let (known, code) = places[place] {
      if known == name { return code }
      place = (place + 1) & (places.count - 1)
    }
    return spelled
  }

  package static func name(of code: Int) -> String? { known.indices.contains(code - first) ? known[code - first] : nil }
}
