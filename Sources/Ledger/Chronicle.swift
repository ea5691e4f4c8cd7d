/// What revisions can be read and followed on: the ledger, or a view of one that another manager writes.
protocol Chronicle: AnyObject, Sendable {
  var log: RevisionLog { get }
  var storage: any Storage { get }
  var snapshot: Snapshot { get }
  /// The number of the oldest revision that is kept.
  var oldest: UInt64 { get }
  var isClosed: Bool { get }
}

extension Ledger: Chronicle {}
