import Addresses
import Testing

@Suite struct `Addresses` {
  @Test(arguments: [
    "", "1", "1.2.3", "1.2.3.4.5", "256.1.1.1", "01.2.3.4", "1.2.3.-4", "1.2.3. 4", "1..2.3", "1.2.3.4 ", "a.b.c.d",
    "١.2.3.4",
  ])
  func `refuse what is not dotted decimal`(_ text: String) {
    #expect(IPv4(text) == nil)
  }

  @Test(arguments: ["0.0.0.0", "10.1.2.3", "255.255.255.255", "203.0.113.80"])
  func `read back what they print`(_ text: String) {
    #expect(IPv4(text)?.description == text)
  }

  @Test(arguments: ["10.0.0.1/24", "10.0.0.0/33", "10.0.0.0/-1", "10.0.0.0/+8", "10.0.0.0/", "/8", "10.0.0.0/8/8"])
  func `refuse prefixes with host bits or odd lengths`(_ text: String) {
    #expect(IPv4Prefix(text) == nil)
  }

  @Test func `know what lies within a prefix`() throws {
    let prefix = try #require(IPv4Prefix("10.1.0.0/16"))
    #expect(prefix.contains(IPv4(10, 1, 255, 255)) && !prefix.contains(IPv4(10, 2, 0, 0)))
    #expect(prefix.netmask == IPv4(255, 255, 0, 0) && prefix.last == IPv4(10, 1, 255, 255) && prefix.count == 65536)
    #expect(IPv4Prefix.any.contains(prefix) && !prefix.contains(IPv4Prefix.any) && prefix.overlaps(IPv4Prefix.any))
  }

  @Test func `are covered by the fewest prefixes`() {
    var random = SystemRandomNumberGenerator()
    for _ in 0..<1000 {
      let first = UInt32.random(in: 0...0xFFFF_0000, using: &random)
      let last = first + UInt32.random(in: 0...5000, using: &random)
      let prefixes = IPv4Prefix.covering(IPv4(first), IPv4(last))
      #expect(prefixes.first?.first == IPv4(first) && prefixes.last?.last == IPv4(last))
      for (left, right) in zip(prefixes, prefixes.dropFirst()) { #expect(left.last.value + 1 == right.first.value) }
      #expect(prefixes.reduce(0) { $0 + $1.count } == Int(last - first) + 1)
    }
    #expect(IPv4Prefix.covering(.any, IPv4(.max)) == [.any])
  }

  @Test(arguments: ["02:00:00:00:00:01", "ff:ee:dd:cc:bb:aa"])
  func `read Ethernet addresses`(_ text: String) {
    #expect(MAC(text)?.description == text)
    #expect(MAC(text + ":00") == nil && MAC("0" + text) == nil && MAC(text.replacing(":", with: "-")) == nil)
  }
}
