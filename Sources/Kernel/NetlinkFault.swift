import Synchronization

/// What tests let go wrong between this process and the kernel: errors in place of calls on netlink sockets.
package enum NetlinkFault {
  package enum Call: Sendable {
    case send
    case receive
  }

  /// Tells the error number that comes instead of a call, if one does.
  package typealias Judge = @Sendable (Call) -> Int32?

  private static let isArmed = Atomic(false)
  private static let judges = Mutex<[(prefix: String, judge: Judge)]>([])

  /// Has `judge` asked before each call on sockets of the namespaces that are mounted below the folder.
  package static func begin(below folder: String, _ judge: @escaping Judge) {
    judges.withLock { $0.append((folder + "/", judge)) }
    isArmed.store(true, ordering: .releasing)
  }

  package static func end(below folder: String) {
    judges.withLock { judges in
      judges.removeAll { $0.prefix == folder + "/" }
      isArmed.store(!judges.isEmpty, ordering: .releasing)
    }
  }

  @inline(__always)
  static func strikes(_ call: Call, _ path: String) -> Int32? {
    isArmed.load(ordering: .acquiring) ? judged(call, path) : nil
  }

  private static func judged(_ call: Call, _ path: String) -> Int32? {
    let judge = judges.withLock { judges in judges.first { path.hasPrefix($0.prefix) }?.judge }
    return judge?(call)
  }
}
