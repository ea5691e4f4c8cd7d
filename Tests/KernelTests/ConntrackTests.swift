import Addresses
import Glibc
import Kernel
import Testing

struct ConntrackTests {
  @Test func `Connections are found and forgotten by address`() throws {
    let sandbox = try Sandbox()
    let one = try sandbox.namespace("one")
    var batch = NFTBatch()
    batch.addTable(.ipv4, "t")
    batch.addChain(.ipv4, "t", "out", base: NFTBaseChain(.filter, .output, priority: 0))
    batch.addRule(.ipv4, "t", "out", NFTExpression.connectionState(8) + [.counter])
    try NFTables(in: one).commit(batch)
    let sender = try NamespaceSocket.bindUDP(.any, port: 5000, in: one)
    for last in 1...3 as ClosedRange<UInt8> {
      for port in 1...10 as ClosedRange<UInt16> {
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        address.sin_addr.s_addr = IPv4(127, 0, 0, last).value.bigEndian
        _ = withUnsafeBytes(of: &address) {
          sendto(sender.raw, "x", 1, 0, $0.baseAddress?.assumingMemoryBound(to: sockaddr.self), socklen_t($0.count))
        }
      }
    }
    let conntrack = try Conntrack(in: one)
    let two = IPv4(127, 0, 0, 2)
    #expect(try conntrack.flows(FlowFilter(originalDestination: two, protocolNumber: 17)).count == 10)
    #expect(try conntrack.count() >= 30)
    #expect(try conntrack.flows(FlowFilter(replySource: two, protocolNumber: 17)).count == 10)
    func found(_ filter: FlowFilter) throws -> Int { try conntrack.flows(filter).count }
    try conntrack.deleteFlows(anyOf: [FlowFilter(originalDestination: two, protocolNumber: 17, port: 3)])
    #expect(try found(FlowFilter(protocolNumber: 17, port: 3)) == 2, "those to that port of two others stay")
    #expect(try found(FlowFilter(originalDestination: two, protocolNumber: 17)) == 9)
    try conntrack.deleteFlows(anyOf: [FlowFilter(originalDestination: two, protocolNumber: 6)])
    try conntrack.deleteFlows(anyOf: [FlowFilter(originalDestination: two, replySource: IPv4(127, 0, 0, 3))])
    #expect(try found(FlowFilter(originalDestination: two, protocolNumber: 17)) == 9, "nothing matches")
    try conntrack.deleteFlows(anyOf: [FlowFilter(originalDestination: two, replySource: two)])
    #expect(try found(FlowFilter(originalDestination: two)) == 0)
    #expect(try found(FlowFilter(protocolNumber: 17)) == 20)
    // More than the kernel is asked to look for itself.
    let ports = (1...40 as ClosedRange<UInt16>).map {
      FlowFilter(originalDestination: IPv4(127, 0, 0, 3), protocolNumber: 17, port: $0)
    }
    try conntrack.deleteFlows(anyOf: ports)
    #expect(try found(FlowFilter(originalDestination: IPv4(127, 0, 0, 3), protocolNumber: 17)) == 0)
    #expect(try found(FlowFilter(protocolNumber: 17)) == 10)
    let home = IPv4(127, 0, 0, 1)
    try conntrack.deleteFlows(anyOf: [FlowFilter(originalSource: home, replyDestination: home)])
    #expect(try found(FlowFilter(protocolNumber: 17)) == 0)
  }
}
