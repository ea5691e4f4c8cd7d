import FoundationEssentials
import NIOCore
import Testing

@testable import StatusPage

@Suite struct OutboundTests {
  @Test(
    arguments: [
      "127.0.0.1", "127.8.8.8", "0.0.0.0", "10.1.2.3", "172.16.0.1", "172.31.255.255", "192.168.1.1", "169.254.169.254",
      "100.64.0.1", "100.100.100.200", "192.0.0.192", "198.18.0.1", "203.0.113.9", "224.0.0.1", "239.255.255.250",
      "255.255.255.255", "240.0.0.1", "::1", "::", "::ffff:127.0.0.1", "::ffff:8.8.8.8", "fe80::1", "fc00::1",
      "fd00:ec2::254", "ff02::1", "64:ff9b::7f00:1", "2001:db8::1", "2002:7f00:1::1", "2001::1", "3fff::1", "100::1",
    ])
  func `addresses that are not public are refused`(text: String) throws {
    #expect(!AddressGate().admits(try SocketAddress(ipAddress: text, port: 443)))
    #expect(AddressGate(allowed: [text]).admits(try SocketAddress(ipAddress: text, port: 443)))
  }

  @Test(arguments: [
    "8.8.8.8", "172.32.0.1", "100.128.0.1", "192.0.1.1", "2606:4700::1111", "2400:8500::1", "2001:200::1",
  ])
  func `public addresses are admitted`(text: String) throws {
    #expect(AddressGate().admits(try SocketAddress(ipAddress: text, port: 443)))
  }

  @Test(
    arguments: [
      "ftp://example.jp/", "file:///etc/passwd", "http://", "http://user@example.jp/", "http://a b/",
      "http://example.jp:22/",
      "http://example.jp:25/", "http://example.jp:x/", "https://example.jp/\r\nHost: evil", "http://exa\\mple/",
      "//example.jp",
      "http://[::1", "http://日本.jp/", "gopher://x", "http://example.jp:0/", "http://example.jp:99999/",
    ])
  func `unusual URLs are refused`(text: String) { #expect(WebAddress(text) == nil) }

  @Test func `usual URLs are taken apart`() throws {
    let plain = try #require(WebAddress("https://Hooks.example.jp/a/b?c=d#e"))
    #expect(plain.host == "hooks.example.jp" && plain.port == 443 && plain.target == "/a/b?c=d" && plain.isSecure)
    #expect(try #require(WebAddress("http://[2001:db8::1]:8080")).description == "http://[2001:db8::1]:8080/")
    // These lead to loopback when they are looked up, where the gate refuses them.
    for text in ["http://2130706433/", "http://0x7f000001/", "http://127.1/", "http://localhost/"] {
      #expect(WebAddress(text) != nil)
    }
  }

  @Test(arguments: [
    "http://2130706433/", "http://127.1/", "http://localhost/", "http://169.254.169.254/latest/meta-data/",
    "http://[::1]/", "http://0/",
  ])
  func `a webhook to an internal address is refused when it is made and when it is sent to`(text: String) async throws {
    try await inFolder { folder in
      let subscriptions = try Subscriptions(folder: folder, gate: AddressGate(), sendsMail: false, now: Drill.at(0))
      await #expect(throws: SubscriptionError.self) {
        _ = try await subscriptions.subscribe(webhook: text, language: .en, source: "a", now: Drill.at(0))
      }
      #expect(subscriptions.count == 0)
    }
    let address = try #require(WebAddress(text))
    let error = await #expect(throws: NetworkError.self) {
      _ = try await WebRequest(address: address, gate: AddressGate()).send()
    }
    #expect(error?.description.contains("not public") == true)
  }

  @Test func `the signature of a webhook is over time and body`() {
    let header = WebhookSignature.make("{}", secret: "key", at: Moment(milliseconds: 1000))
    // printf '1000.{}' | openssl dgst -sha256 -hmac key
    #expect(header == "t=1000,v1=c32de42341dece79a1511c9e7f74a2734112edcfcf48943c976faf07047065db")
  }
}
