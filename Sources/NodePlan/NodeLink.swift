package import GRPCCore
package import SwiftProtobuf

/// The call between a node and its manager: the agent sends `NodeReport`s, the manager `PlanUpdate`s, for as long as
/// both live.
package enum NodeLink {
  package static let connect = MethodDescriptor(
    service: ServiceDescriptor(fullyQualifiedService: "daruma.Node"), method: "Connect", type: .bidirectionalStreaming)

  /// Bytes of one message at most.
  package static let messageLimit = 64 << 20
}

/// The binary form of a message for gRPC.
package struct PlanSerializer<Message: SwiftProtobuf.Message>: MessageSerializer {
  package init() {}

  package func serialize<Bytes: GRPCContiguousBytes>(_ message: Message) throws -> Bytes {
    let bytes: [UInt8] = try message.serializedBytes()
    return Bytes(bytes)
  }
}

/// The inverse of `PlanSerializer`.
package struct PlanDeserializer<Message: SwiftProtobuf.Message>: MessageDeserializer {
  package init() {}

  package func deserialize<Bytes: GRPCContiguousBytes>(_ bytes: Bytes) throws -> Message {
    try Message(serializedBytes: bytes.withUnsafeBytes { [UInt8]($0) })
  }
}

extension PlanUpdate {
  package func encoded() throws -> [UInt8] { try serializedBytes() }
  package init(decoding bytes: [UInt8]) throws { try self.init(serializedBytes: bytes) }
}

extension GuardReport {
  package func encoded() throws -> [UInt8] { try serializedBytes() }
  package init(decoding bytes: [UInt8]) throws { try self.init(serializedBytes: bytes) }
}
