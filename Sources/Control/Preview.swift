package import CloudModel
package import Ledger
package import Planning

/// What a change would do: thrown out of a use case in the place of doing it.
package struct Preview: Error, Sendable {
  /// The revision that it was tried on.
  package let base: UInt64
  package let before: CloudState
  package let after: CloudState
  package let changes: [ResourceChange]
  /// What would change in the plan of each node.
  package let plans: [(node: String, difference: PlanDifference)]
}

extension Control {
  /// While true, use cases throw a `Preview` where they would write, and write nothing.
  @TaskLocal package static var isPreviewing = false

  func preview<Value: Sendable>(_ cause: Cause, _ body: (inout Draft) throws -> Value) throws -> Preview {
    let committed = try ledger.preview(cause, body)
    let (before, after) = (committed.before.state, committed.after.state)
    return Preview(
      base: committed.before.revision, before: before, after: after, changes: committed.revision.changes,
      plans: differences(committed.revision, before, after))
  }
}
