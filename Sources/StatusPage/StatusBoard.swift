import Hummingbird
import Synchronization

/// What the public may know, kept ready to be sent.
package final class StatusBoard: Sendable {
  struct State {
    var course: IncidentCourse
    /// The newest, without the customers' parts.
    var document: StatusDocument?
    /// The customers' parts as they were given, and cut to what the page can bear.
    var given: [AccountStanding] = []
    var accounts: [AccountStanding] = []
    var view: StatusView
    var damage: StatusPageError?
    var writeFailure: StatusPageError?
    /// Troubles that whoever runs the page told.
    var told: [Wording] = []
    var revision: UInt64 = 0
    var rendered: [StatusSlot: RenderedStatus] = [:]
    var listeners: [UInt64: AsyncStream<UInt64>.Continuation] = [:]
    var listenerCount: UInt64 = 0
  }

  let state: Mutex<State>
  private let saved: Mutex<UInt64>
  private let store: IncidentStore?
  let boot: String

  /// - Parameters:
  ///   - store: where incidents are kept; none in tests of the page alone.
  ///   - newID: ids of incidents and updates, 12 characters each.
  /// - Throws: when the store's file exists and can be neither read nor set aside.
  package init(
    settings: StatusSettings, store: IncidentStore?, now: Moment, templates: Templates = .standard,
    policy: IncidentPolicy = IncidentPolicy(), newID: @escaping @Sendable () -> String = StatusBoard.randomID
  ) throws(StatusPageError) {
    let loaded = try store?.load(now: now) ?? IncidentStore.Loaded()
    self.store = store
    boot = Self.randomID()
    saved = Mutex(0)
    let view = StatusView(
      settings: settings, phrases: Phrases(templates: templates), updatedAt: now, components: [],
      incidents: loaded.archive.incidents.filter(\.isPublic).reversed(),
      maintenances: loaded.archive.maintenances.reversed(), notes: Self.notes(loaded.damage, nil))
    state = Mutex(
      State(
        course: IncidentCourse(archive: loaded.archive, templates: templates, policy: policy, newID: newID),
        view: view, damage: loaded.damage))
  }

  package static func randomID() -> String {
    let letters = Array("0123456789abcdefghijklmnopqrstuvwxyz")
    return String((0..<12).map { _ in letters[Int.random(in: letters.indices)] })
  }

  /// Takes the measured facts of now. Blocks for the write of the incident file when something was said; call it from
  /// one place, in order.
  /// - Returns: why the incidents could not be kept on disk, if so. The page is right nevertheless and says it.
  @discardableResult
  package func update(_ facts: StatusDocument) -> StatusPageError? {
    // Many, and they seldom change: not to be looked through every time.
    var document = facts
    document.accounts = []
    let work: Work? = state.withLock { state -> Work? in
      if state.given != facts.accounts {
        state.given = facts.accounts
        state.accounts = facts.accounts.prefix(Bounds.accounts).map(\.bounded)
      }
      let change = state.course.take(document)
      var same = change == .nothing
      if let old = state.document { same = same && old.components == document.components } else { same = false }
      state.document = document
      if same { same = state.shown(document) == state.view.components.map(\.component) }
      guard !same else { return nil }
      state.refresh(document)
      let archive = state.course.archive
      // A failed write is tried again with the next change.
      return change == .record || state.writeFailure != nil ? (archive, state.revision) : nil
    }
    return save(work)
  }

  /// What an operator does; kept and shown before this returns.
  package func operate<Answer>(
    _ body: (inout IncidentCourse) throws(OperatorError) -> Answer
  ) throws(OperatorError) -> Answer {
    let outcome: Result<(Answer, Work), OperatorError> = state.withLock { state in
      var course = state.course
      do throws(OperatorError) {
        let answer = try body(&course)
        state.course = course
        state.refresh(nil)
        return .success((answer, (course.archive, state.revision)))
      } catch { return .failure(error) }
    }
    let (answer, work) = try outcome.get()
    if let failure = save(work) {
      throw OperatorError(.refused, "it is shown, but cannot be kept: \(failure)")
    }
    return answer
  }

  private typealias Work = (archive: IncidentArchive, revision: UInt64)

  private func save(_ work: Work?) -> StatusPageError? {
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
      state.changed()
    }
    return failure
  }

  /// Troubles that the page itself has, such as that nobody feeds it, and the components that nobody looks at.
  package func tell(_ notes: [Wording], unknown: Set<String> = []) {
    state.withLock { state in
      guard state.told != notes || state.view.unknown != unknown else { return }
      state.told = notes
      state.view.unknown = unknown
      state.changed()
    }
  }

  package func show(_ availability: AvailabilityBook) {
    state.withLock { state in
      guard state.view.availability != availability else { return }
      state.view.availability = availability
      state.changed()
    }
  }

  /// Repairs that were not worth an incident, oldest first; for operators.
  package var internalNotes: [InternalNote] { state.withLock { $0.course.archive.notes } }

  /// Oldest first, drafts too.
  package var incidents: [Incident] { state.withLock { $0.course.archive.incidents } }

  package var maintenances: [Maintenance] { state.withLock { $0.course.archive.maintenances } }

  /// As they are shown: faults and maintenance included.
  package var components: [Component] { state.withLock { $0.view.components.map(\.component) } }

  /// Set when the history was found damaged at the start; for the log.
  package var damage: StatusPageError? { state.withLock { $0.damage } }

  /// The revision after each change, the present one first; only the newest waits for a slow reader.
  /// - Returns: nil when `Bounds.listeners` listen already.
  func changes() -> AsyncStream<UInt64>? {
    let (stream, continuation) = AsyncStream.makeStream(of: UInt64.self, bufferingPolicy: .bufferingNewest(1))
    let number: UInt64? = state.withLock { state in
      guard state.listeners.count < Bounds.listeners else { return nil }
      state.listenerCount += 1
      state.listeners[state.listenerCount] = continuation
      continuation.yield(state.revision)
      return state.listenerCount
    }
    guard let number else { return nil }
    continuation.onTermination = { [weak self] _ in
      _ = self?.state.withLock { $0.listeners.removeValue(forKey: number) }
    }
    return stream
  }

  fileprivate static func notes(_ damage: StatusPageError?, _ failure: StatusPageError?) -> [Wording] {
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
  /// The components with what the gate and planned work make of their states.
  func shown(_ document: StatusDocument) -> [Component] {
    let faulty = course.gate.confirmed
    let maintained = course.maintained(now: document.time)
    return document.bounded.components.map { component in
      var component = component
      if maintained.contains(component.id) {
        component.state = .underMaintenance
      } else if faulty.contains(component.id), component.state.severity < ComponentState.partialOutage.severity {
        component.state = .partialOutage
      }
      return component
    }
  }

  mutating func refresh(_ new: StatusDocument?) {
    if let document = new ?? document {
      let old = Dictionary(view.components.map { ($0.component.id, $0) }) { first, _ in first }
      view.components = shown(document).map { component in
        guard let before = old[component.id] else {
          return StatusView.ShownComponent(component: component, createdAt: document.time, updatedAt: document.time)
        }
        return StatusView.ShownComponent(
          component: component, createdAt: before.createdAt,
          updatedAt: before.component == component ? before.updatedAt : document.time)
      }
      view.updatedAt = document.time
    }
    view.incidents = course.archive.incidents.filter(\.isPublic).reversed()
    view.maintenances = course.archive.maintenances.reversed()
    changed()
  }

  mutating func changed() {
    view.notes = StatusBoard.notes(damage, writeFailure) + told
    revision += 1
    rendered = [:]
    for listener in listeners.values { listener.yield(revision) }
  }
}
