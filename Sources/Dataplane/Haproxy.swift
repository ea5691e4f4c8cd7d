import Addresses
import NodePlan

/// Load balancers of least connections: what haproxy is told. Its master alone is root; whoever speaks with customers' clients is
/// nobody.
enum Haproxy {
  static let nobody: UInt32 = 65534

  static let firstPort: UInt16 = 20000

  static func configuration(
    _ balancers: some Sequence<(key: String, port: UInt16, balancer: LoadBalancer)>, source: IPv4?
  ) -> String {
    var text = """
      global
        uid \(nobody)
        gid \(nobody)
        maxconn 8000
        no strict-limits
        hard-stop-after 30s
      defaults
        mode tcp
        balance leastconn
        timeout connect 5s
        timeout client 1h
        timeout server 1h
        option redispatch

      """
    for (_, port, balancer) in balancers.sorted(by: { $0.port < $1.port }) {
      text += "listen \(IPv4(balancer.public))-\(balancer.publicPort)\n"
      text += "  bind \(LinkEnds.pub):\(port)\n"
      if let source { text += "  source \(source)\n" }
      for member in balancer.members {
        let address = "\(IPv4(member.address)):\(member.port)"
        text += "  server \(address) \(address) check inter 2s fall 2 rise 1\n"
      }
    }
    return text
  }
}
