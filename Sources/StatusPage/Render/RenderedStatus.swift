import Hummingbird
import Synchronization

/// The documents the page consists of.
package enum StatusResource: Sendable, Hashable, CaseIterable {
  case page, summary, status, components, incidents, unresolved, maintenances, upcoming, active, rss, atom, badge

  /// Below the root, as Statuspage has them.
  package var path: String {
    switch self {
    case .page: "/status"
    case .summary: "/api/v2/summary.json"
    case .status: "/api/v2/status.json"
    case .components: "/api/v2/components.json"
    case .incidents: "/api/v2/incidents.json"
    case .unresolved: "/api/v2/incidents/unresolved.json"
    case .maintenances: "/api/v2/scheduled-maintenances.json"
    case .upcoming: "/api/v2/scheduled-maintenances/upcoming.json"
    case .active: "/api/v2/scheduled-maintenances/active.json"
    case .rss: "/history.rss"
    case .atom: "/history.atom"
    case .badge: "/badge.svg"
    }
  }

  var contentType: String {
    switch self {
    case .page: "text/html; charset=utf-8"
    case .rss: "application/rss+xml; charset=utf-8"
    case .atom: "application/atom+xml; charset=utf-8"
    case .badge: "image/svg+xml; charset=utf-8"
    default: "application/json; charset=utf-8"
    }
  }

  /// What people read follows the language of their browser; what programs read is English unless they ask.
  var isForPeople: Bool { self == .page || self == .badge }
}

package struct RenderedStatus: Sendable {
  package var text: String
  /// The same, as it is sent.
  var body: ByteBuffer
  /// Changes with the body.
  package var tag: String
  /// What is sent before it.
  var headers: HTTPFields
}

struct StatusSlot: Hashable {
  enum Subject: Hashable {
    case resource(StatusResource)
    /// The page of one incident.
    case incident(String)

    var contentType: String {
      switch self {
      case .resource(let resource): resource.contentType
      case .incident: StatusResource.page.contentType
      }
    }
  }

  var subject: Subject
  var language: Language
  var zone: ReaderZone?
}

extension StatusBoard {
  /// The document as it is to be sent; rendered once per change, language and time zone.
  package func rendered(
    _ resource: StatusResource, _ language: Language, zone: ReaderZone? = nil
  ) -> RenderedStatus {
    let slot = StatusSlot(
      subject: .resource(resource), language: language, zone: resource == .page ? zone : nil)
    return state.withLock { state in
      state.rendered(slot, boot) { view in
        switch resource {
        case .page: StatusHTML(view: view, language: language, zone: zone).text
        case .rss: Feed(view: view, language: language).rss
        case .atom: Feed(view: view, language: language).atom
        case .badge: Badge(view: view, language: language).text
        default: SummaryJSON(view: view, language: language).document(resource).text
        }
      }
    }
  }

  /// The page of one public incident, with its timeline; none if there is no such incident.
  package func renderedIncident(_ id: String, _ language: Language, zone: ReaderZone? = nil) -> RenderedStatus? {
    state.withLock { state in
      guard let incident = state.view.incidents.first(where: { $0.id == id }) else { return nil }
      return state.rendered(StatusSlot(subject: .incident(id), language: language, zone: zone), boot) { view in
        IncidentPage(view: view, incident: incident, language: language, zone: zone).text
      }
    }
  }
}

extension StatusBoard.State {
  mutating func rendered(_ slot: StatusSlot, _ boot: String, _ render: (StatusView) -> String) -> RenderedStatus {
    if let ready = rendered[slot] { return ready }
    let text = render(view)
    let tag = "\"\(boot)-\(revision)-\(slot.language.rawValue)\""
    let ready = RenderedStatus(
      text: text, body: ByteBuffer(string: text), tag: tag,
      headers: StatusRoutes.headers(slot.subject.contentType, slot.language, tag: tag))
    if rendered.count >= Bounds.renderings { rendered = [:] }
    rendered[slot] = ready
    return ready
  }
}
