package import CloudModel
package import FoundationEssentials

/// The ledger as a manager has it: its own, or one that another manager writes and this one follows.
package protocol LedgerView: AnyObject, Sendable {
  /// The state at the last durable revision that is known here. Never waits.
  var snapshot: Snapshot { get }
  /// The number of the oldest revision that is kept; one more than the last when none is.
  var oldest: UInt64 { get }
  var isClosed: Bool { get }

  /// See `Ledger.revisions`.
  func revisions(after number: UInt64) -> Revisions

  /// See `Ledger.history`.
  func history(from first: UInt64, to last: UInt64) throws(LedgerError) -> [Revision]

  func history(of id: UUID) throws(LedgerError) -> [Revision]

  /// See `Ledger.preview`.
  func preview<Value: Sendable>(_ cause: Cause, _ body: (inout Draft) throws -> Value) throws -> Committed<Value>

  /// See `Ledger.transact`. The error `fenced` where another manager writes.
  func transact<Value: Sendable>(
    _ cause: Cause, prefetching prefetches: [Prefetch], _ body: @escaping @Sendable (inout Draft) throws -> Value
  ) async throws -> Committed<Value>

  func transact<Value: Sendable>(
    all transactions: [(cause: Cause, body: @Sendable (inout Draft) throws -> Value)]
  ) async -> [Result<Committed<Value>, any Error>]

  func close() async
}

extension LedgerView {
  package func transact<Value: Sendable>(
    _ cause: Cause, _ body: @escaping @Sendable (inout Draft) throws -> Value
  ) async throws -> Committed<Value> {
    try await transact(cause, prefetching: [], body)
  }
}

extension Ledger: LedgerView {}

extension Follower: LedgerView {
  package func history(from first: UInt64, to last: UInt64) throws(LedgerError) -> [Revision] {
    try stored(from: first, to: last)
  }

  package func history(of id: UUID) throws(LedgerError) -> [Revision] { try stored(of: id) }

  package func preview<Value: Sendable>(
    _ cause: Cause, _ body: (inout Draft) throws -> Value
  ) throws -> Committed<Value> {
    try snapshot.preview(cause, .system, body)
  }

  package func transact<Value: Sendable>(
    _ cause: Cause, prefetching prefetches: [Prefetch], _ body: @escaping @Sendable (inout Draft) throws -> Value
  ) async throws -> Committed<Value> {
    throw LedgerError(.fenced, "another manager leads; it takes the writes")
  }

  package func transact<Value: Sendable>(
    all transactions: [(cause: Cause, body: @Sendable (inout Draft) throws -> Value)]
  ) async -> [Result<Committed<Value>, any Error>] {
    transactions.map { _ in .failure(LedgerError(.fenced, "another manager leads; it takes the writes")) }
  }
}
