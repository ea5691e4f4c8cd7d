internal import FoundationEssentials

/// What revisions can be read and followed on: the ledger, or a view of one that another manager writes.
protocol Chronicle: AnyObject, Sendable {
  var log: RevisionLog { get }
  var storage: any Storage { get }
  var secrets: Secrets { get }
  var snapshot: Snapshot { get }
  /// The number of the oldest revision that is kept.
  var oldest: UInt64 { get }
  var isClosed: Bool { get }
  /// The last revision before `limit` that removed a resource.
  func removal(of id: UUID, before limit: UInt64) -> UInt64?
}

extension Ledger: Chronicle {}
