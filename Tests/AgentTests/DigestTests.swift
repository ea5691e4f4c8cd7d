import NodePlan
import Testing

@Suite("Plan digest")
struct DigestTests {
  @Test func `order and revisions do not matter, everything else does`() throws {
    let objects = (0..<10_000).map { nat($0) }
    let digest = try PlanDigest(of: objects)
    #expect(
      try PlanDigest(
        of: objects.reversed().map { nat in
          var nat = nat
          nat.revision = 77
          return nat
        }) == digest)
    let half = try PlanDigest(of: Array(objects[..<5000]))
    #expect(try half + PlanDigest(of: Array(objects[5000...])) == digest && half != digest)
    let other = Array(objects.dropLast())
    #expect(try PlanDigest(of: other + [nat(9999, account: "bob")]) != digest)
    #expect(try PlanDigest(of: other + [nat(9999, to: 7)]) != digest)
    #expect(try PlanDigest(of: other + [nat(10_000)]) != digest)
    #expect(digest.bytes.count == 32)
  }
}
