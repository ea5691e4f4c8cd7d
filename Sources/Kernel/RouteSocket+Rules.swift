import CLinux
import Glibc

/// A routing rule: which packets look into which table.
package struct RoutingRule: Hashable, Sendable {
  package var priority: UInt32
  package var mark: UInt32?
  package var mask: UInt32?
  package var table: UInt32
  /// Name of the link packets came in by.
  package var inputLink: String?

  package init(priority: UInt32, mark: UInt32? = nil, mask: UInt32? = nil, table: UInt32, inputLink: String? = nil) {
    self.priority = priority
    self.mark = mark
    self.mask = mask
    self.table = table
    self.inputLink = inputLink
  }

  init?(_ message: UnsafeRawBufferPointer) {
    guard let info = message.structure(fib_rule_hdr.self), info.family == UInt8(AF_INET) else { return nil }
    priority = 0
    table = UInt32(info.table)
    for (type, payload) in NetlinkAttributes(message, after: 12) {
      switch Int(type) {
      case FRA_PRIORITY: priority = payload.host()
      case FRA_FWMARK: mark = payload.host()
      case FRA_FWMASK: mask = payload.host()
      case FRA_TABLE: table = payload.host()
      case FRA_IIFNAME: inputLink = payload.text
      default: break
      }
    }
    if mark == nil { mask = nil }
  }

  func write(_ buffer: inout NetlinkBuffer) {
    var info = fib_rule_hdr()
    info.family = UInt8(AF_INET)
    info.table = table < 256 ? UInt8(table) : 0
    info.action = 1
    buffer.append(info)
    buffer.put(FRA_PRIORITY, host: priority)
    buffer.put(FRA_TABLE, host: table)
    if let mark {
      buffer.put(FRA_FWMARK, host: mark)
      buffer.put(FRA_FWMASK, host: mask ?? .max)
    }
    if let inputLink { buffer.put(FRA_IIFNAME, inputLink) }
  }
}

extension RouteSocket {
  /// True if it was not there before.
  @discardableResult
  package func addRule(_ rule: RoutingRule) throws(KernelError) -> Bool {
    try request(RTM_NEWRULE, createOnly, operation: "add rule \(rule.priority)", tolerating: [EEXIST]) {
      rule.write(&$0)
    }
  }

  @discardableResult
  package func addRule(
    priority: UInt32, mark: UInt32? = nil, mask: UInt32? = nil, table: UInt32
  ) throws(KernelError) -> Bool {
    try addRule(RoutingRule(priority: priority, mark: mark, mask: mask, table: table))
  }

  /// True if it was there.
  @discardableResult
  package func deleteRule(_ rule: RoutingRule) throws(KernelError) -> Bool {
    try request(RTM_DELRULE, operation: "delete rule \(rule.priority)", tolerating: [ENOENT]) { rule.write(&$0) }
  }

  package func rules() throws(KernelError) -> [RoutingRule] {
    try dump(
      RTM_GETRULE, operation: "list rules",
      {
        var info = fib_rule_hdr()
        info.family = UInt8(AF_INET)
        $0.append(info)
      }, { RoutingRule($0) })
  }
}
