import Kernel

/// The chains that translate static NAT without conntrack, and errors about it.
extension EdgeTable {
  // The other address of a translation goes in the packet's mark, from which further rules take it: nft of Debian 12 cannot list a
  // rule that looks up what a lookup in it has found.
  private static let markedAddress: [NFTExpression] = [.meta(.mark, to: 0), .compare(.notEqual, 0, [0, 0, 0, 0])]

  /// To a guest: the public address of its packets becomes its own.
  static let arriving = Chain(
    base: nil,
    rules: [
      Rule("to whom", [.destinationAddress(to: 0), .map("to_private", key: 0, to: 1), .setMeta(.mark, from: 1)]),
      Rule("tracked", [.meta(.mark, to: 0), .lookup("tracked", key: 0)] + NFTExpression.setMark(0) + Step.accept),
      Rule("errors", Step.protocolNumber(1) + [.verdict(.jump("errors-in"))]),
      Rule("static NAT", markedAddress + [.setDestinationAddress(from: 0), .untracked] + Step.accept),
    ])

  /// From a guest. As whom it leaves is written when it does, so that errors on the way find it under its own address.
  static let departing = Chain(
    base: nil,
    rules: [
      Rule(
        "to static NAT here",
        [.destinationAddress(to: 0), .map("to_private", key: 0, to: 1), .setMeta(.mark, from: 1)]
          + NFTExpression.setMark(0) + Step.accept),
      Rule("to a service here", [.destinationAddress(to: 0), .lookup("tracked", key: 0)] + Step.accept),
      Rule("tracked", [.sourceAddress(to: 0), .lookup("tracked", key: 0)] + Step.accept),
      Rule("as whom", [.sourceAddress(to: 0), .map("to_public", key: 0, to: 1), .setMeta(.mark, from: 1)]),
      Rule("errors", Step.protocolNumber(1) + [.verdict(.jump("errors-out"))]),
      Rule("static NAT", markedAddress + [.untracked] + Step.accept),
    ])

  static let outward = Chain(
    base: nil,
    rules: [
      Rule("as its static NAT", Step.untracked + markedAddress + [.setSourceAddress(from: 0)] + Step.accept),
      Rule("as its static NAT", Step.original + TranslationTable.isOwnPair + Step.accept),
      Rule("as nobody else", Step.original + Step.drop),
      Rule("as nobody else", Step.untracked + Step.drop),
    ])

  // MARK: errors

  /// ICMP's types 3 to 5, 11 and 12 tell of a packet, whose beginning they hold.
  static let errorTypes: [[NFTExpression]] = [(3, 5), (11, 12)].map { first, last in
    [
      .payload(.transport, offset: 0, length: 1, to: 0), .compare(.greaterOrEqual, 0, [first]),
      .compare(.lessOrEqual, 0, [last]),
    ]
  }

  /// Where the packet that an error is about has its addresses. Its own checksum changes with them, so that the error's, which covers
  /// both, stays right.
  private static func aboutSource(to register: NFTRegister) -> NFTExpression {
    .payload(.transport, offset: 20, length: 4, to: register)
  }
  private static func aboutDestination(to register: NFTRegister) -> NFTExpression {
    .payload(.transport, offset: 24, length: 4, to: register)
  }
  private static func setAboutSource(from register: NFTRegister) -> NFTExpression {
    .setPayload(.transport, offset: 20, length: 4, from: register, checksum: 18)
  }
  private static func setAboutDestination(from register: NFTRegister) -> NFTExpression {
    .setPayload(.transport, offset: 24, length: 4, from: register, checksum: 18)
  }

  /// About what a guest sent: it is told of it under its own address.
  static let errorIn: [NFTExpression] = [
    aboutSource(to: 4), .meta(.mark, to: 5), .lookup("pairs", key: 4), setAboutSource(from: 5),
  ]

  /// Of a guest about what it got: whoever sent that knows its public address only.
  static let errorOut: [NFTExpression] = [
    .meta(.mark, to: 4), aboutDestination(to: 5), .lookup("pairs", key: 4), setAboutDestination(from: 4),
  ]

  /// The gateway's own, about what came in for a guest.
  static let ownError: [NFTExpression] = [
    aboutDestination(to: 0), .lookup("tracked", key: 0, inverted: true), .map("to_public", key: 0, to: 4),
    setAboutDestination(from: 4),
  ]
}
