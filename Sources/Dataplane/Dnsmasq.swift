import Addresses
import Kernel
import NodePlan

/// DHCP, and for virtual routers DNS: what dnsmasq is told.
struct Dnsmasq {
  struct Host: Hashable {
    var mac: MAC
    var address: IPv4
    var name: String
  }

  /// What a change of restarts it; hosts are only read again.
  struct Settings: Hashable {
    var link: String
    /// Links whose requests count as those of `link`.
    var aliases: String?
    var gateway: IPv4
    var guests: IPv4Prefix
    var dns: [IPv4]
    var upstream: [IPv4]
    var domain: String
    var mtu: UInt32
    var servesNames: Bool
  }

  let settings: Settings
  let folder: String
  let name: String

  var configurationPath: String { "\(folder)/\(name).conf" }
  var hostsPath: String { "\(folder)/\(name).hosts" }
  var namesPath: String { "\(folder)/\(name).names" }
  var leasesPath: String { "\(folder)/\(name).leases" }

  var configuration: String {
    var lines = [
      "keep-in-foreground", "user=root", "pid-file=", "log-facility=-", "no-hosts", "no-resolv",
      "no-ping", "except-interface=lo", "interface=\(settings.link)",
    ]
    if let aliases = settings.aliases {
      // Not bound: a socket of its one interface would not hear the aliases.
      lines.append("bridge-interface=\(settings.link),\(aliases)")
    } else {
      lines.append("bind-interfaces")
    }
    lines += [
      "dhcp-authoritative", "dhcp-leasefile=\(leasesPath)", "dhcp-hostsfile=\(hostsPath)",
      "dhcp-range=\(settings.guests.first),static,\(settings.guests.netmask),12h",
      "dhcp-lease-max=100000", "dhcp-option=option:router,\(settings.gateway)",
    ]
    if !settings.dns.isEmpty {
      lines.append("dhcp-option=option:dns-server," + settings.dns.map(\.description).joined(separator: ","))
    }
    if !settings.domain.isEmpty { lines.append("domain=\(settings.domain)") }
    lines.append("dhcp-option=option:mtu,\(settings.mtu)")
    if settings.servesNames {
      lines += ["addn-hosts=\(namesPath)", "expand-hosts", "cache-size=1000"]
      if !settings.domain.isEmpty { lines.append("local=/\(settings.domain)/") }
      lines += settings.upstream.map { "server=\($0)" }
    } else {
      lines.append("port=0")
    }
    return lines.joined(separator: "\n") + "\n"
  }

  static func hosts(_ hosts: some Sequence<Host>) -> String {
    hosts.sorted { $0.address < $1.address }.map { host in
      "\(host.mac),\(host.address)" + (host.name.isEmpty ? "" : ",\(host.name)") + "\n"
    }.joined()
  }

  static func names(_ hosts: some Sequence<Host>, gateway: IPv4) -> String {
    hosts.filter { !$0.name.isEmpty }.sorted { $0.address < $1.address }.map { "\($0.address) \($0.name)\n" }.joined()
  }

  static func host(_ port: Port) -> Host {
    Host(mac: MAC(port.mac), address: IPv4(port.address), name: hostName(port.hostName))
  }

  /// Only what a host name may hold gets into a file.
  private static func hostName(_ name: String) -> String {
    let allowed = name.lowercased().unicodeScalars.filter {
      ("a"..."z").contains($0) || ("0"..."9").contains($0) || $0 == "-"
    }
    return String(String.UnicodeScalarView(allowed.prefix(63)))
  }
}
