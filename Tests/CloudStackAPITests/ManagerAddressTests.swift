import Testing

@testable import CloudStackAPI

@Suite struct ManagerAddressTests {
  @Test func `what a lease says of its holder is read back`() {
    let address = ManagerAddress(name: "manager-2", host: "127.0.0.1", port: 8081)
    #expect(address.description == "manager-2 127.0.0.1:8081")
    #expect(ManagerAddress(address.description) == address)
    #expect(ManagerAddress("m ::1:80") == ManagerAddress(name: "m", host: "::1", port: 80))
  }

  @Test(arguments: ["", "daruma", "m host", "m :80", "m host:0", "m host:65536", "m host:x", "a b c:1"])
  func `anything else is nobody`(holder: String) {
    #expect(ManagerAddress(holder) == nil)
    let sight = LeaderSight()
    sight.see("m 127.0.0.1:1")
    sight.see(holder)
    #expect(sight.address == nil)
  }

  @Test func `nothing is sent to where nobody listens`() async {
    let exchange = HTTPExchange(method: "GET", target: "/", headers: [])
    await #expect(throws: HTTPExchange.Failure.unreached) {
      _ = try await exchange.run(
        at: ManagerAddress(name: "m", host: "127.0.0.1", port: 1), limit: .seconds(20)
      ) { try await Task.sleep(for: .seconds(20)) }
    }
  }
}
