package import Addresses
import CLinux
import Synchronization

/// Neighbours and routes to be put in place together. The kernel takes each by itself, as if it had been sent alone.
package struct RouteBatch: Sendable {
  fileprivate struct Request: Sendable {
    let type: UInt16
    let operation: String
    let fill: @Sendable (inout NetlinkBuffer) -> Void
  }

  fileprivate var requests: [Request] = []

  package init() {}

  package var isEmpty: Bool { requests.isEmpty }

  /// A permanent one, on the link with this index.
  package mutating func replaceNeighbour(_ ip: IPv4, mac: MAC, link: UInt32) {
    requests.append(
      Request(type: UInt16(RTM_NEWNEIGH), operation: "replace neighbour \(ip) on link \(link)") {
        RouteSocket.neighbour(ip, mac, link, permanent: true, &$0)
      })
  }

  package mutating func replaceRoute(_ route: Route) {
    requests.append(
      Request(type: UInt16(RTM_NEWROUTE), operation: "replace route \(route.destination)") {
        route.write(deleting: false, &$0)
      })
  }
}

extension RouteSocket {
  private static let requestsAtOnce = 256

  /// Does all of the batch that can be done; throws the first error.
  package func carryOut(_ batch: RouteBatch) throws(KernelError) {
    var failure: KernelError?
    var rest = batch.requests[...]
    while !rest.isEmpty {
      let share = Array(rest.prefix(Self.requestsAtOnce))
      rest = rest.dropFirst(share.count)
      let codes = try socket.withLock { (socket) throws(KernelError) in
        try socket.requests(share.count, operation: share[0].operation) { position, number, flags, buffer in
          buffer.message(
            type: share[position].type, flags: flags | NLM_F_CREATE | NLM_F_REPLACE, sequence: number,
            share[position].fill)
        }
      }
      if failure == nil, let (position, code) = codes.min(by: { $0.key < $1.key }) {
        failure = KernelError(code: code, operation: share[position].operation)
      }
    }
    if let failure { throw failure }
  }
}

extension NetlinkSocket {
  /// Sends `count` requests in one datagram. Returns the errors by the requests' positions: who has none tells by the
  /// acknowledgement of the last that all before it are done.
  fileprivate mutating func requests(
    _ count: Int, operation: String, _ add: (Int, UInt32, Int32, inout NetlinkBuffer) -> Void
  ) throws(KernelError) -> [Int: Int32] {
    var buffer = NetlinkBuffer()
    var numbers: [UInt32: Int] = [:]
    var last: UInt32 = 0
    for position in 0..<count {
      last = nextSequence()
      numbers[last] = position
      add(position, last, NLM_F_REQUEST | (position == count - 1 ? NLM_F_ACK : 0), &buffer)
    }
    begin()
    try send([buffer.bytes], operation: operation)
    var codes: [Int: Int32] = [:]
    var isOver = false
    while !isOver {
      _ = try receive(wait: true, operation: operation) { header, payload in
        guard let position = numbers[header.nlmsg_seq], header.nlmsg_type == UInt16(NLMSG_ERROR) else { return }
        let code = -payload.host(Int32.self)
        if code != 0 { codes[position] = code }
        if header.nlmsg_seq == last { isOver = true }
      }
    }
    finish()
    return codes
  }
}
