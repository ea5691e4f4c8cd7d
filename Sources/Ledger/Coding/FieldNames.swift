/// The names of fields, as numbers. A name that is not here is stored as text, which is longer but not wrong.
enum FieldNames {
  /// The end of the fields.
  static let end = 0
  /// Length and UTF-8 of the name follow.
  static let spelled = 1

  private static let first = 2

  /// What is stored are positions in this list, so it may only grow at its end.
  static let known = [
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
    "_0", "_1", "actor", "job", "number", "proof", "isRetired",
  ]

  private static let codes = Dictionary(uniqueKeysWithValues: zip(known, first...))

  static func code(of name: String) -> Int { codes[name] ?? spelled }

  static func name(of code: Int) -> String? { known.indices.contains(code - first) ? known[code - first] : nil }
}
