import CloudModel
import Control
import FoundationEssentials

/// What the parameters that all lists share ask for.
extension Request {
  var maximumPageSize: Int { state.integer(.pageSize) }

  // What is generic here is made once for each kind of row, so it is no more than what touches rows.

  /// Cuts the page out of `rows`, which are in their final order, and renders only that.
  func page<Row>(
    _ name: String, _ rows: [Row], keyword texts: (Row) -> [String], fields: (Row) -> Fields
  ) throws(APIError) -> Reply {
    guard let keyword = arguments.string("keyword")?.lowercased(), !keyword.isEmpty else {
      return .list(name, rows[try window(of: rows.count)].map(fields), count: rows.count)
    }
    let places = rows.indices.filter { Self.mentions(keyword, texts(rows[$0])) }
    return .list(name, places[try window(of: places.count)].map { fields(rows[$0]) }, count: places.count)
  }

  private static func mentions(_ keyword: String, _ texts: [String]) -> Bool {
    texts.contains { $0.lowercased().contains(keyword) }
  }

  /// Which of `count` rows are on the page.
  private func window(of count: Int) throws(APIError) -> Range<Int> {
    let size = arguments.integer("pagesize")
    if let size, size > maximumPageSize {
      throw .value("Page size can't exceed max allowed page size value: \(maximumPageSize)")
    }
    if let size, size < 1, size != -1 {
      throw .invalid("pagesize", String(size), "it must be 1 to \(maximumPageSize), or -1")
    }
    guard let page = arguments.integer("page") else {
      if let size, size != -1 { throw .value("The parameter pagesize is used together with page") }
      return 0..<(size == nil ? min(maximumPageSize, count) : count)
    }
    guard let size, size > 0 else { throw .value("The parameter page is used together with pagesize") }
    guard page > 0 else { throw .invalid("page", String(page), "pages count from 1") }
    let first = (page - 1).multipliedReportingOverflow(by: size)
    guard !first.overflow, first.partialValue < count else { return count..<count }
    return first.partialValue..<min(first.partialValue + size, count)
  }

  /// The page's offset and size, for lists that are cut where they come from.
  func window() throws(APIError) -> (offset: Int, size: Int) {
    switch (arguments.integer("page"), arguments.integer("pagesize")) {
    case (nil, nil): return (0, maximumPageSize)
    case (let page?, let size?) where page > 0 && (1...maximumPageSize).contains(size):
      return ((page - 1) * size, size)
    default: throw .value("page counts from 1 and goes with pagesize, which is 1 to \(maximumPageSize)")
    }
  }

  /// Whose things are asked for.
  var scope: ListScope {
    var scope = ListScope()
    scope.account = arguments.string("account")
    scope.domain = arguments.id("domainid")
    scope.listAll = arguments.flag("listall")
    scope.isRecursive = arguments.flag("isrecursive")
    if arguments.isEvery("projectid") { scope.projects = scope.listAll ? .all : .only }
    return scope
  }

  /// Of `table`, what the caller may see and asked for.
  func visible<R: Resource>(
    _ table: Table<R>, id: String = "id", byName: Bool = false, owner: (R) -> ID<Account>?
  ) throws -> [R] {
    let sight = try sight(id, byName: byName, hasAccounts: R.indexes.contains { $0.name == "account" })
    let rows: [R]
    switch sight.rows {
    case .one(let id): rows = table[ID(id)].map { [$0] } ?? []
    case .ofAccounts(let accounts): rows = accounts.flatMap { table.matching("account", .id($0)) }
    case .all: return table.all.filter { shows(owner($0), $0.id.uuid, sight) }
    }
    return rows.filter { shows(owner($0), $0.id.uuid, sight) }
  }

  private struct Sight {
    enum Rows {
      case one(UUID)
      case ofAccounts([ID<Account>])
      case all
    }

    let rows: Rows
    let isVisible: @Sendable (ID<Account>) -> Bool
  }

  private func sight(_ id: String, byName: Bool, hasAccounts: Bool) throws -> Sight {
    var scope = self.scope
    scope.byID = arguments.has(id) || byName
    let isVisible = try visibility(scope)
    if let wanted = arguments.uuid(id) { return Sight(rows: .one(wanted), isVisible: isVisible) }
    let owners = try owners(in: scope)
    return Sight(rows: hasAccounts ? owners.map { .ofAccounts($0) } ?? .all : .all, isVisible: isVisible)
  }

  /// What nobody owns is shown to who knows its id.
  private func shows(_ owner: ID<Account>?, _ id: UUID, _ sight: Sight) -> Bool {
    let isOne = if case .one = sight.rows { true } else { false }
    return (owner.map(sight.isVisible) ?? isOne) && matchesTags(id)
  }

  /// The accounts that a list can be of; nil when they are too many to be gone through one by one.
  private func owners(in scope: ListScope) throws -> [ID<Account>]? {
    if let name = scope.account {
      return [try Access.owner(for: caller, account: name, domain: scope.domain, in: state).id]
    }
    if caller.type == .user {
      let own = scope.projects == .only ? [] : [caller.account]
      return own + (scope.projects == .none ? [] : Access.projectAccounts(of: caller, in: state))
    }
    let isWide = scope.listAll || scope.byID || scope.domain != nil || scope.projects != .none
    return isWide ? nil : [caller.account]
  }

  /// Administrators are told that an account does not exist, others only that they may not.
  func visibility(_ scope: ListScope) throws -> @Sendable (ID<Account>) -> Bool {
    let told: ControlError
    do {
      return try Access.visibility(for: caller, scope, in: state)
    } catch {
      told = error
    }
    if told.code == .permissionDenied && caller.isRootAdmin { throw APIError.value(told.message) }
    throw told
  }

  /// Whether `value` is what the string parameter asks for, in any case; nothing asked for is always met.
  func matches(_ name: String, _ value: String) -> Bool {
    guard let wanted = arguments.string(name), !wanted.isEmpty else { return true }
    return wanted.lowercased() == value.lowercased()
  }

  func matches<R>(_ name: String, _ value: ID<R>?) -> Bool {
    guard let wanted: ID<R> = arguments.id(name) else { return true }
    return wanted == value
  }

  func matches(_ name: String, _ value: Bool) -> Bool {
    arguments.boolean(name).map { $0 == value } ?? true
  }
}

/// Where a row stands in the order of all lists.
private struct Age: Comparable {
  let created: Date
  let id: UUID
  let place: Int

  static func < (left: Age, right: Age) -> Bool { (left.created, left.id) < (right.created, right.id) }
}

extension Sequence where Element: Resource {
  /// The order of all lists: oldest first.
  func oldestFirst(_ created: (Element) -> Date) -> [Element] {
    let rows = Array(self)
    let ages = rows.enumerated().map { Age(created: created($1), id: $1.id.uuid, place: $0) }
    return ages.sorted().map { rows[$0.place] }
  }
}
