/// What the page says about itself.
package struct StatusSettings: Sendable {
  package var pageID: String
  /// The provider's name for the cloud.
  package var name: String
  /// Where the page is reached, without `/status`; empty if unknown.
  package var url: String

  package init(pageID: String = "daruma", name: String, url: String = "") {
    self.pageID = pageID.clipped
    self.name = name.clipped
    self.url = url.clipped
  }
}

/// All that the renderers see: one revision of the page.
struct StatusView: Sendable {
  var settings: StatusSettings
  var updatedAt: Moment
  var components: [ShownComponent]
  /// Newest first.
  var incidents: [Incident]
  /// Troubles of the page itself.
  var notes: [Wording]

  struct ShownComponent: Sendable, Equatable {
    var component: Component
    var createdAt: Moment
    var updatedAt: Moment
  }

  var open: [Incident] { incidents.filter(\.isOpen) }

  /// The worst of what components and open incidents say.
  var indicator: Impact {
    max(components.map(\.component.state.impact).max() ?? .none, open.map(\.impact).max() ?? .none)
  }
}
