/// What the page says about itself.
package struct StatusSettings: Sendable {
  package var pageID: String
  /// The provider's name for the cloud.
  package var name: String
  /// Where the page is reached, without `/status`; empty if unknown.
  package var url: String
  /// Whether readers can have notices sent to them.
  package var takesSubscriptions = false
  /// The availability that is promised for a month, in per cent.
  package var objective = 99.99

  package init(pageID: String = "daruma", name: String, url: String = "") {
    self.pageID = pageID.clipped
    self.name = name.clipped
    self.url = url.clipped
  }
}

/// All that the renderers see: one revision of the page.
struct StatusView: Sendable {
  var settings: StatusSettings
  var phrases = Phrases()
  var updatedAt: Moment
  var components: [ShownComponent]
  /// Public ones, newest first.
  var incidents: [Incident]
  /// Newest first.
  var maintenances: [Maintenance] = []
  /// Troubles of the page itself.
  var notes: [Wording]
  var availability = AvailabilityBook()
  /// Components that nobody has looked at lately.
  var unknown: Set<String> = []

  struct ShownComponent: Sendable, Equatable {
    var component: Component
    var createdAt: Moment
    var updatedAt: Moment
  }

  var open: [Incident] { incidents.filter(\.isOpen) }
  var upcoming: [Maintenance] { maintenances.filter { $0.status == .scheduled } }
  var active: [Maintenance] { maintenances.filter(\.isActive) }

  /// The worst of what components and open incidents say.
  var indicator: Impact {
    max(components.map(\.component.state.impact).max() ?? .none, open.map(\.impact).max() ?? .none)
  }

  /// Nothing is known to be wrong, but not everything is known.
  var isUnsure: Bool { indicator == .none && components.contains { unknown.contains($0.component.id) } }

  /// The state of everything in a few words.
  var heading: Wording {
    isUnsure ? Wording(ja: "現在の状況を確認できません", en: "Current State Not Known") : indicator.description
  }
}
