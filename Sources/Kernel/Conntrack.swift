package import Addresses
import CLinux
import Glibc
import Synchronization

extension ctattr_type: NetlinkCode {}
extension ctattr_tuple: NetlinkCode {}
extension ctattr_ip: NetlinkCode {}
extension ctattr_l4proto: NetlinkCode {}

/// One direction of a tracked connection.
package struct FlowTuple: Hashable, Sendable {
  package var source = IPv4.any
  package var destination = IPv4.any
  package var protocolNumber: UInt8 = 0
  package var sourcePort: UInt16 = 0
  package var destinationPort: UInt16 = 0
}

/// A tracked connection: as its first packet was, and as answers to it are.
package struct Flow: Hashable, Sendable {
  package var original = FlowTuple()
  package var reply = FlowTuple()
  package var zone: UInt16 = 0
  package var mark: UInt32 = 0
}

/// Which connections; what is nil does not matter.
package struct FlowFilter: Hashable, Sendable {
  package var originalSource: IPv4?
  package var originalDestination: IPv4?
  package var replySource: IPv4?
  package var replyDestination: IPv4?
  package var protocolNumber: UInt8?
  /// Of the original destination.
  package var port: UInt16?

  package init(
    originalSource: IPv4? = nil, originalDestination: IPv4? = nil, replySource: IPv4? = nil,
    replyDestination: IPv4? = nil, protocolNumber: UInt8? = nil, port: UInt16? = nil
  ) {
    self.originalSource = originalSource
    self.originalDestination = originalDestination
    self.replySource = replySource
    self.replyDestination = replyDestination
    self.protocolNumber = protocolNumber
    self.port = port
  }

  package func matches(_ flow: Flow) -> Bool {
    (originalSource == nil || flow.original.source == originalSource)
      && (originalDestination == nil || flow.original.destination == originalDestination)
      && (replySource == nil || flow.reply.source == replySource)
      && (replyDestination == nil || flow.reply.destination == replyDestination)
      && (protocolNumber == nil || flow.original.protocolNumber == protocolNumber)
      && (port == nil || flow.original.destinationPort == port)
  }

  /// Has the kernel see to the filter itself; without `all` only by addresses, as every kernel that filters can.
  fileprivate func write(_ buffer: inout NetlinkBuffer, all: Bool = false) {
    let number = all ? protocolNumber : nil
    let original = FlowFilter.write(
      CTA_TUPLE_ORIG, originalSource, originalDestination, number, number == nil ? nil : port, &buffer)
    let reply = FlowFilter.write(CTA_TUPLE_REPLY, replySource, replyDestination, nil, nil, &buffer)
    if original == 0 && reply == 0 { return }
    buffer.nest(CTA_FILTER) {
      $0.put(1, host: original)
      $0.put(2, host: reply)
    }
  }

  /// Whether the kernel can see to all of it.
  fileprivate var isForKernel: Bool {
    (originalSource ?? originalDestination) != nil && (port == nil || protocolNumber == 6 || protocolNumber == 17)
  }

  private static func write(
    _ tuple: ctattr_type, _ source: IPv4?, _ destination: IPv4?, _ number: UInt8?, _ port: UInt16?,
    _ buffer: inout NetlinkBuffer
  ) -> UInt32 {
    if source == nil && destination == nil && number == nil { return 0 }
    buffer.nest(tuple) {
      $0.nest(CTA_TUPLE_IP) {
        if let source { $0.put(CTA_IP_V4_SRC, source) }
        if let destination { $0.put(CTA_IP_V4_DST, destination) }
      }
      guard let number else { return }
      $0.nest(CTA_TUPLE_PROTO) {
        $0.put(CTA_PROTO_NUM, host: number)
        if let port { $0.put(CTA_PROTO_DST_PORT, big: port) }
      }
    }
    return (source == nil ? 0 : 1) | (destination == nil ? 0 : 1 << 1) | (number == nil ? 0 : 1 << 3)
      | (port == nil ? 0 : 1 << 5)
  }
}

/// The connection tracking table of one network namespace.
package final class Conntrack: Sendable {
  private let socket: Mutex<NetlinkSocket>
  /// False once the kernel said that it cannot filter what it tells (before 5.8).
  private let filters = Mutex(true)
  /// False once the kernel said that it cannot filter what it forgets.
  private let sweeps = Mutex(true)

  package init(in namespace: NetworkNamespace? = nil) throws {
    socket = Mutex(try NetlinkSocket(NETLINK_NETFILTER, in: namespace))
  }

  /// How many connections are tracked.
  package func count() throws(KernelError) -> Int {
    var count = 0
    try socket.withLock { (socket) throws(KernelError) in
      try socket.request(
        type: Conntrack.type(IPCTNL_MSG_CT_GET_STATS), flags: 0, operation: "count connections",
        each: { payload in
          for (type, value) in NetlinkAttributes(payload, after: 4) where type == 1 {
            count = Int(value.big(UInt32.self))
          }
        }, { $0.append(netfilterHeader(0)) })
    }
    return count
  }

  package func flows(_ filter: FlowFilter = FlowFilter()) throws(KernelError) -> [Flow] {
    try entries(filter).map(\.flow)
  }

  /// Forgets the connections that match any of the filters, so that their next packets count as new. Each filter names where
  /// the connection went to or came from.
  ///
  /// The kernel has one table for all namespaces. It forgets what matches one filter in a sweep, which passes empty buckets
  /// by; what matches many is looked for among all there is to tell, which locks every bucket.
  package func deleteFlows(anyOf filters: [FlowFilter]) throws(KernelError) {
    if filters.isEmpty { return }
    let tracked = try count()
    if tracked == 0 { return }
    if filters.count <= (tracked > Conntrack.muchToTell ? Conntrack.fewSweeps : Conntrack.manySweeps) {
      for filter in filters where try !sweep(filter) { try delete(try entries(filter)) }
      return
    }
    let byDestination = Dictionary(
      grouping: filters.filter { $0.originalDestination != nil }, by: \.originalDestination)
    let bySource = Dictionary(grouping: filters.filter { $0.originalDestination == nil }, by: \.originalSource)
    try deleteFlows { flow in
      byDestination[flow.original.destination]?.contains { $0.matches(flow) } == true
        || bySource[flow.original.source]?.contains { $0.matches(flow) } == true
    }
  }

  private static let fewSweeps = 8
  private static let manySweeps = 32
  private static let muchToTell = 1000

  /// False if the kernel cannot.
  private func sweep(_ filter: FlowFilter) throws(KernelError) -> Bool {
    guard filter.isForKernel, sweeps.withLock({ $0 }) else { return false }
    do {
      try socket.withLock { (socket) throws(KernelError) in
        try socket.request(type: Conntrack.type(IPCTNL_MSG_CT_DELETE), flags: 0, operation: "forget connections") {
          $0.append(netfilterHeader(UInt8(AF_INET)))
          filter.write(&$0, all: true)
        }
      }
      return true
    } catch  where error.code == EOPNOTSUPP || error.code == EINVAL {
      // It took the filter for a connection's whole tuple.
      sweeps.withLock { $0 = false }
      return false
    } catch {
      throw error
    }
  }

  /// Forgets the connections of which `isWrong` is true, after a look at all there are.
  package func deleteFlows(where isWrong: (Flow) -> Bool) throws(KernelError) {
    if try count() == 0 { return }
    try delete(try entries(FlowFilter()).filter { isWrong($0.flow) })
  }

  private func delete(_ entries: [Entry]) throws(KernelError) {
    var next = 0
    while next < entries.count {
      var buffer = NetlinkBuffer()
      let end = min(next + 256, entries.count)
      for entry in entries[next..<end] {
        buffer.message(
          type: Conntrack.type(IPCTNL_MSG_CT_DELETE), flags: NLM_F_REQUEST, sequence: 0
        ) {
          $0.append(netfilterHeader(UInt8(AF_INET)))
          $0.put(Int(CTA_TUPLE_ORIG.code | 0x8000), bytes: entry.tuple)
          if entry.flow.zone != 0 { $0.put(CTA_ZONE, big: entry.flow.zone) }
          if let id = entry.id { $0.put(CTA_ID, host: id) }
        }
      }
      next = end
      let bytes = buffer.bytes
      try socket.withLock { (socket) throws(KernelError) in
        socket.begin()
        try socket.send([bytes], operation: "delete connections")
        var refusal: Int32 = 0
        while try socket.receive(
          wait: false, operation: "delete connections",
          { (header, payload) throws(KernelError) in
            let code = -payload.host(Int32.self)
            // Gone already, or gone and come back under another id.
            if header.nlmsg_type == UInt16(NLMSG_ERROR) && code != 0 && code != ENOENT { refusal = code }
          })
        {}
        socket.finish()
        if refusal != 0 { throw KernelError(code: refusal, operation: "delete connections") }
      }
    }
  }

  fileprivate struct Entry {
    var flow = Flow()
    var tuple: [UInt8] = []
    var id: UInt32?
  }

  private func entries(_ filter: FlowFilter) throws(KernelError) -> [Entry] {
    if filters.withLock({ $0 }) {
      do {
        return try entries(filter, inKernel: true)
      } catch  where error.code == EOPNOTSUPP || error.code == EINVAL {
        filters.withLock { $0 = false }
      } catch {
        throw error
      }
    }
    return try entries(filter, inKernel: false)
  }

  private func entries(_ filter: FlowFilter, inKernel: Bool) throws(KernelError) -> [Entry] {
    var found: [Entry] = []
    try socket.withLock { (socket) throws(KernelError) in
      try socket.dump(
        type: Conntrack.type(IPCTNL_MSG_CT_GET), operation: "list connections", restart: { found.removeAll() },
        each: { payload in
          let entry = Entry(payload)
          if filter.matches(entry.flow) { found.append(entry) }
        },
        {
          $0.append(netfilterHeader(UInt8(AF_INET)))
          if inKernel { filter.write(&$0) }
        })
    }
    return found
  }

  private static func type(_ type: cntl_msg_types) -> UInt16 {
    UInt16(NFNL_SUBSYS_CTNETLINK) << 8 | UInt16(type.rawValue)
  }
}

extension Conntrack.Entry {
  fileprivate init(_ message: UnsafeRawBufferPointer) {
    for (type, payload) in NetlinkAttributes(message, after: 4) {
      switch type {
      case CTA_TUPLE_ORIG.code:
        flow.original = FlowTuple(payload)
        tuple = Array(payload)
      case CTA_TUPLE_REPLY.code: flow.reply = FlowTuple(payload)
      case CTA_ZONE.code: flow.zone = payload.big()
      case CTA_MARK.code: flow.mark = payload.big()
      case CTA_ID.code: id = payload.host()
      default: break
      }
    }
  }
}

extension FlowTuple {
  fileprivate init(_ attributes: UnsafeRawBufferPointer) {
    for (type, payload) in NetlinkAttributes(attributes) {
      for (field, value) in NetlinkAttributes(payload) {
        switch (type, field) {
        case (CTA_TUPLE_IP.code, CTA_IP_V4_SRC.code): source = value.ipv4
        case (CTA_TUPLE_IP.code, CTA_IP_V4_DST.code): destination = value.ipv4
        case (CTA_TUPLE_PROTO.code, CTA_PROTO_NUM.code): protocolNumber = value.host()
        case (CTA_TUPLE_PROTO.code, CTA_PROTO_SRC_PORT.code): sourcePort = value.big()
        case (CTA_TUPLE_PROTO.code, CTA_PROTO_DST_PORT.code): destinationPort = value.big()
        default: break
        }
      }
    }
  }
}
