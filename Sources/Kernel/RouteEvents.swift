import CLinux
import Glibc
import Synchronization

/// What changes of the links, addresses, neighbours, routes and rules of one network namespace, as the kernel tells it.
package final class RouteEvents: Sendable {
  /// What was there and may be different now.
  package enum Event: Sendable {
    case link(Link)
    case address(LinkAddress)
    case neighbour(Neighbour)
    case route(Route)
    case rule(RoutingRule)
  }

  private let socket: Mutex<NetlinkSocket>

  /// Of all but links, nothing is told that `requests` caused, so that many changes of one's own leave room for others.
  package init(in namespace: NetworkNamespace? = nil, besides requests: RouteSocket) throws {
    let groups: [rtnetlink_groups] = [
      RTNLGRP_LINK, RTNLGRP_NEIGH, RTNLGRP_IPV4_IFADDR, RTNLGRP_IPV4_ROUTE, RTNLGRP_IPV4_RULE,
    ]
    let opened = try NetlinkSocket(
      NETLINK_ROUTE, in: namespace, groups: groups.reduce(0) { $0 | 1 << ($1.rawValue - 1) }, room: RouteEvents.room)
    let port = try requests.socket.withLock { (socket) throws(KernelError) in try socket.port() }
    if daruma_hear_others(opened.raw, port) < 0 { throw KernelError.last("filter events") }
    socket = Mutex(opened)
  }

  private static let room: Int32 = 512 << 10

  /// Shows everything that was told since the last time. False if the kernel had more to tell than there was room for, or
  /// it could not be read: then nobody knows what changed.
  package func take(_ each: (Event) -> Void) -> Bool {
    socket.withLock { socket in
      var failures = 0
      for _ in 0..<RouteEvents.datagrams where failures < NetlinkSocket.dumpAttempts {
        do throws(KernelError) {
          let more = try socket.receive(wait: false, operation: "hear of changes") { (header, payload) in
            if let event = RouteEvents.event(Int(header.nlmsg_type), payload) { each(event) }
          }
          if !more { return failures == 0 }
        } catch {
          failures += 1
        }
      }
      // Somebody changes things faster than they can be read.
      return false
    }
  }

  private static let datagrams = 4096

  private static func event(_ type: Int, _ payload: UnsafeRawBufferPointer) -> Event? {
    switch type {
    case RTM_NEWLINK, RTM_DELLINK:
      // The family of the bridge tells of ports of bridges.
      payload.first == UInt8(AF_UNSPEC) ? Link(payload).map(Event.link) : nil
    case RTM_NEWADDR, RTM_DELADDR: LinkAddress(payload).map(Event.address)
    case RTM_NEWNEIGH, RTM_DELNEIGH: Neighbour(payload).map(Event.neighbour)
    case RTM_NEWROUTE, RTM_DELROUTE: Route(payload).map(Event.route)
    case RTM_NEWRULE, RTM_DELRULE: RoutingRule(payload).map(Event.rule)
    default: nil
    }
  }
}
