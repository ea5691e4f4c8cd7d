import Addresses

/// Both ends of a packet, or of a connection in one direction. For ICMP the destination port is type and code.
struct Ends: Hashable {
  var source: IPv4
  var sourcePort: UInt16
  var destination: IPv4
  var destinationPort: UInt16

  var turned: Ends {
    Ends(source: destination, sourcePort: destinationPort, destination: source, destinationPort: sourcePort)
  }
}

/// A packet on its way through a router, with what conntrack knows of its connection.
struct ModelPacket {
  /// What a full packet has; rules must not go by it.
  static let length: UInt32 = 1500

  var ends: Ends
  var protocolNumber: UInt8
  var input = ""
  var output = ""
  var mark: UInt32 = 0
  var isReply = false
  /// Conntrack is not to know of it.
  var isUntracked = false
  /// Conntrack did not see what it answers, and takes it for no part of a connection.
  var isStray = false
  var original: Ends
  /// The ends that answers will have.
  var reply: Ends
  /// The bucket that counting and hashing lead to.
  var bucket: UInt32 = 0

  /// The first packet of a connection.
  init(_ ends: Ends, protocolNumber: UInt8, input: String, bucket: UInt32 = 0) {
    self.ends = ends
    self.protocolNumber = protocolNumber
    self.input = input
    self.bucket = bucket
    original = ends
    reply = ends.turned
  }

  /// The answer to this packet, as it comes in at the other side.
  func answer(from link: String) -> ModelPacket {
    if isUntracked {
      var answer = ModelPacket(ends.turned, protocolNumber: protocolNumber, input: link)
      answer.isStray = true
      return answer
    }
    var packet = self
    packet.isReply = true
    packet.input = link
    packet.output = ""
    packet.mark = 0
    packet.ends = reply
    return packet
  }

  /// Whether conntrack has a connection that the packet is of.
  var isTracked: Bool { !isUntracked && !isStray }
  /// 1 is invalid, 2 established, 8 new, 64 untracked.
  var state: UInt32 { isUntracked ? 64 : isStray ? 1 : isReply ? 2 : 8 }
  var isFirst: Bool { isTracked && !isReply }
}
