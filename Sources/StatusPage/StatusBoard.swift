import Hummingbird
import Synchronization

/// The documents the page consists of.
package enum StatusResource: Sendable, Hashable, CaseIterable {
  case page, summary, status, components, incidents, unresolved

  /// Below the root, as Statuspage has them.
  package var path: String {
    switch self {
    case .page: "/status"
    case .summary: "/api/v2/summary.json"
    case .status: "/api/v2/status.json"
    case .components: "/api/v2/components.json"
    case .incidents: "/api/v2/incidents.json"
    case .unresolved: "/api/v2/incidents/unresolved.json"
    }
  }
}

package struct RenderedStatus: Sendable {
  package var text: String
  /// The same, as it is sent.
  var body: ByteBuffer
  /// Changes with the body.
  package var tag: String
}

/// What the public may know, kept ready to be sent.
package final class StatusBoard: Sendable {
  fileprivate struct Slot: Hashable {
    var resource: StatusResource
    var language: Language
  }

  fileprivate struct State {
    var course: IncidentCourse
    var document: StatusDocument?
    var view: StatusView
    var damage: StatusPageError?
    var writeFailure: StatusPageError?
    var revision: UInt64 = 0
    var rendered: [Slot: RenderedStatus] = [:]
  }

  private let state: Mutex<State>
  private let saved: Mutex<UInt64>
  private let store: IncidentStore?
  private let boot: String

  /// - Parameters:
  ///   - store: where incidents are kept; none in tests of the page alone.
  ///   - newID: ids of incidents and updates, 12 characters each.
  /// - Throws: when the store's file exists and can be neither read nor set aside.
  package init(
    settings: StatusSettings, store: IncidentStore?, now: Moment,
    newID: @escaping @Sendable () -> String = StatusBoard.randomID
  ) throws(StatusPageError) {
    let loaded = try store?.load(now: now) ?? IncidentStore.Loaded()
    self.store = store
    boot = Self.randomID()
    saved = Mutex(0)
    let view = StatusView(
      settings: settings, updatedAt: now, components: [], incidents: loaded.archive.incidents.reversed(),
      notes: Self.notes(loaded.damage, nil))
    state = Mutex(
      State(course: IncidentCourse(archive: loaded.archive, newID: newID), view: view, damage: loaded.damage))
  }

  package static func randomID() -> String {
    let letters = Array("0123456789abcdefghijklmnopqrstuvwxyz")
    return String((0..<12).map { _ in letters[Int.random(in: letters.indices)] })
  }

  /// Takes the measured facts of now. Blocks for the write of the incident file when something was said; call it from
  /// one place, in order.
  /// - Returns: why the incidents could not be kept on disk, if so. The page is right nevertheless and says it.
  @discardableResult
  package func update(_ document: StatusDocument) -> StatusPageError? {
    let work: (archive: IncidentArchive, revision: UInt64)? = state.withLock {
      state -> (archive: IncidentArchive, revision: UInt64)? in
      let change = state.course.take(document)
      var same = change == .nothing
      if let old = state.document { same = same && old.components == document.components } else { same = false }
      state.document = document
      guard !same else { return nil }
      state.refresh(document)
      let archive = state.course.archive
      // A failed write is tried again with the next change.
      return change == .record || state.writeFailure != nil ? (archive, state.revision) : nil
    }
    guard let work, let store else { return nil }
    let failure: StatusPageError? = saved.withLock { saved in
      guard work.revision > saved else { return nil }
      do throws(StatusPageError) {
        try store.save(work.archive)
        saved = work.revision
        return nil
      } catch { return error }
    }
    state.withLock { state in
      guard (state.writeFailure == nil) != (failure == nil) else { return }
      state.writeFailure = failure
      state.view.notes = Self.notes(state.damage, failure)
      state.revision += 1
      state.rendered = [:]
    }
    return failure
  }

  /// The document as it is to be sent; rendered once per change and language.
  package func rendered(_ resource: StatusResource, _ language: Language) -> RenderedStatus {
    let slot = Slot(resource: resource, language: language)
    return state.withLock { state in
      if let ready = state.rendered[slot] { return ready }
      let text =
        resource == .page
        ? StatusHTML(view: state.view, language: language).text
        : SummaryJSON(view: state.view, language: language).document(resource).text
      let ready = RenderedStatus(
        text: text, body: ByteBuffer(string: text), tag: "\"\(boot)-\(state.revision)-\(language.rawValue)\"")
      state.rendered[slot] = ready
      return ready
    }
  }

  /// Repairs that were not worth an incident, oldest first; for operators.
  package var internalNotes: [InternalNote] { state.withLock { $0.course.archive.notes } }

  /// Oldest first.
  package var incidents: [Incident] { state.withLock { $0.course.archive.incidents } }

  /// Set when the history was found damaged at the start; for the log.
  package var damage: StatusPageError? { state.withLock { $0.damage } }

  private static func notes(_ damage: StatusPageError?, _ failure: StatusPageError?) -> [Wording] {
    var notes: [Wording] = []
    if damage != nil {
      notes.append(
        Wording(
          ja: "過去の障害履歴のファイルが破損していたため、別に保管し、履歴は空の状態から始まっています。",
          en: "The file of past incidents was damaged. It was kept aside, and this history starts empty."))
    }
    if failure != nil {
      notes.append(
        Wording(
          ja: "障害履歴を現在保存できません。表示内容は最新です。",
          en: "Incidents cannot be saved at the moment. What is shown here is current."))
    }
    return notes
  }
}

extension StatusBoard.State {
  fileprivate mutating func refresh(_ document: StatusDocument) {
    let old = Dictionary(view.components.map { ($0.component.id, $0) }) { first, _ in first }
    view.components = document.bounded.components.map { component in
      guard let before = old[component.id] else {
        return StatusView.ShownComponent(component: component, createdAt: document.time, updatedAt: document.time)
      }
      return StatusView.ShownComponent(
        component: component, createdAt: before.createdAt,
        updatedAt: before.component == component ? before.updatedAt : document.time)
    }
    view.incidents = course.archive.incidents.reversed()
    view.updatedAt = document.time
    revision += 1
    rendered = [:]
  }
}
