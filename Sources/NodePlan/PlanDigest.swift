import Crypto
import Dispatch
package import FoundationEssentials
import SwiftProtobuf
import Synchronization

/// What the objects of a plan come to, whatever their order and their revisions: who has the same digest has the same plan.
///
/// The hashes of the objects are added up, so those of shares of a plan are made apart from each other and added, too.
package struct PlanDigest: Equatable, Sendable {
  private var sum = SIMD4<UInt64>()

  package init() {}

  /// Of a whole plan, made on all cores.
  package init(of objects: [PlanObject]) throws {
    let share = 4096
    let total = Mutex(Result<PlanDigest, any Error>.success(PlanDigest()))
    DispatchQueue.concurrentPerform(iterations: (objects.count + share - 1) / share) { number in
      let part = Result {
        var part = PlanDigest()
        for object in objects[(number * share)..<min(objects.count, (number + 1) * share)] { try part.add(object) }
        return part
      }
      total.withLock { total in total = Result { try total.get() + part.get() } }
    }
    self = try total.withLock { try $0.get() }
  }

  package mutating func add(_ object: PlanObject) throws {
    var object = object
    if object.revision != 0 { object.revision = 0 }
    let bytes: [UInt8] = try object.serializedBytes()
    sum &+= SHA256.hash(data: bytes).withUnsafeBytes { $0.loadUnaligned(as: SIMD4<UInt64>.self) }
  }

  package static func + (one: PlanDigest, other: PlanDigest) -> PlanDigest {
    var total = one
    total.sum &+= other.sum
    return total
  }

  package var bytes: Data { withUnsafeBytes(of: sum) { Data($0) } }
}
