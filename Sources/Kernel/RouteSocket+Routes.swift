package import Addresses
import CLinux
import Glibc

/// An IPv4 route.
package struct Route: Hashable, Sendable {
  package enum Kind: UInt8, Sendable {
    case unicast = 1
    case local = 2
    case broadcast = 3
    case blackhole = 6
    case unreachable = 7
    case prohibit = 8
  }

  package var destination: IPv4Prefix
  package var kind = Kind.unicast
  package var via: IPv4?
  /// Index of the link.
  package var link: UInt32?
  /// The source address it prefers.
  package var source: IPv4?
  package var table: UInt32 = mainTable
  package var metric: UInt32?
  /// The next hop is on the link although no route says so.
  package var onlink = false
  /// Who made it: 2 the kernel, 4 an administrator.
  package var origin: UInt8 = 4

  package static let mainTable: UInt32 = 254
  package static let localTable: UInt32 = 255

  package init(
    _ destination: IPv4Prefix, kind: Kind = .unicast, via: IPv4? = nil, link: UInt32? = nil, source: IPv4? = nil,
    table: UInt32 = mainTable, metric: UInt32? = nil, onlink: Bool = false
  ) {
    self.destination = destination
    self.kind = kind
    self.via = via
    self.link = link
    self.source = source
    self.table = table
    self.metric = metric
    self.onlink = onlink
  }

  init?(_ message: UnsafeRawBufferPointer) {
    guard let info = message.structure(rtmsg.self), info.rtm_family == UInt8(AF_INET),
      let kind = Kind(rawValue: info.rtm_type)
    else { return nil }
    destination = IPv4Prefix(.any, length: Int(info.rtm_dst_len))
    self.kind = kind
    table = UInt32(info.rtm_table)
    onlink = info.rtm_flags & 4 != 0
    origin = info.rtm_protocol
    for (type, payload) in NetlinkAttributes(message, after: 12) {
      switch type {
      case RTA_DST.code: destination = IPv4Prefix(payload.ipv4, length: Int(info.rtm_dst_len))
      case RTA_GATEWAY.code: via = payload.ipv4
      case RTA_OIF.code: link = payload.host()
      case RTA_PREFSRC.code: source = payload.ipv4
      case RTA_PRIORITY.code: metric = payload.host()
      case RTA_TABLE.code: table = payload.host()
      default: break
      }
    }
  }

  func write(deleting: Bool, _ buffer: inout NetlinkBuffer) {
    var info = rtmsg()
    info.rtm_family = UInt8(AF_INET)
    info.rtm_dst_len = UInt8(destination.length)
    info.rtm_table = table < 256 ? UInt8(table) : 0
    info.rtm_protocol = deleting ? 0 : origin
    switch kind {
    case .local: info.rtm_scope = 254
    case .unicast where via == nil: info.rtm_scope = 253
    default: info.rtm_scope = 0
    }
    if deleting { info.rtm_scope = 255 }
    info.rtm_type = kind.rawValue
    info.rtm_flags = onlink ? 4 : 0
    buffer.append(info)
    if destination.length > 0 { buffer.put(RTA_DST, destination.address) }
    if let via { buffer.put(RTA_GATEWAY, via) }
    if let link { buffer.put(RTA_OIF, host: link) }
    if let source { buffer.put(RTA_PREFSRC, source) }
    if let metric { buffer.put(RTA_PRIORITY, host: metric) }
    buffer.put(RTA_TABLE, host: table)
  }
}

extension RouteSocket {
  /// Makes the route, in place of one with the same destination, metric and table.
  package func replaceRoute(_ route: Route) throws(KernelError) {
    try request(RTM_NEWROUTE, NLM_F_CREATE | NLM_F_REPLACE, operation: "replace route \(route.destination)") {
      route.write(deleting: false, &$0)
    }
  }

  package func replaceRoute(
    _ destination: IPv4Prefix, kind: Route.Kind = .unicast, via: IPv4? = nil, link: String? = nil,
    source: IPv4? = nil, table: UInt32 = Route.mainTable, metric: UInt32? = nil, onlink: Bool = false
  ) throws(KernelError) {
    var index: UInt32?
    if let link { index = try self.index(of: link) }
    try replaceRoute(
      Route(
        destination, kind: kind, via: via, link: index, source: source, table: table, metric: metric, onlink: onlink))
  }

  /// True if it was there.
  @discardableResult
  package func deleteRoute(_ route: Route) throws(KernelError) -> Bool {
    try request(RTM_DELROUTE, operation: "delete route \(route.destination)", tolerating: [ESRCH, ENODEV]) {
      route.write(deleting: true, &$0)
    }
  }

  /// The routes of one table, or of all.
  package func routes(table: UInt32? = nil) throws(KernelError) -> [Route] {
    try dump(
      RTM_GETROUTE, operation: "list routes",
      {
        var info = rtmsg()
        info.rtm_family = UInt8(AF_INET)
        $0.append(info)
      },
      {
        guard let route = Route($0), table == nil || route.table == table else { return nil }
        return route
      })
  }
}
