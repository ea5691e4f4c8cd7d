package import CloudModel
package import Control

/// A call that has been understood: by whom, of what, with which arguments.
package struct Request: Sendable {
  package let command: Command
  package let caller: Caller
  package let arguments: Arguments
  package let control: Control
  /// The cloud as it was when the arguments were checked.
  package let state: CloudState
  let instanceOrder: CreationOrder<VirtualMachine>
  /// Whether parameters came in a body, which may be larger than a query.
  package let isPost: Bool

  var view: View { View(state: state, isRootAdmin: caller.isRootAdmin) }
  /// Sees what this very request changed.
  var latest: View { View(state: control.state, isRootAdmin: caller.isRootAdmin) }

  func require<V>(_ name: String, _ get: (Arguments) -> (String) -> V?) throws(APIError) -> V {
    try arguments.require(name, get, command)
  }

  func string(_ name: String) throws(APIError) -> String {
    try require(name, Arguments.string)
  }

  func id<R>(_ name: String, _ type: R.Type = R.self) throws(APIError) -> ID<R> {
    guard let id = arguments.id(name, R.self) else { throw .missing(name, command) }
    return id
  }
}
