import CloudModel
import FoundationEssentials
import Testing

@testable import Ledger

/// What must be unique, and what must be there because something names it: random transactions against a plain model that
/// looks at everything.
@Suite struct RuleTests {
  /// Every resource that there is, in the simplest form.
  private struct Model: Equatable {
    var domains: [UUID: String] = [:]
    var accounts: [UUID: [String]] = [:]
    var users: [UUID: [String]] = [:]
  }

  private enum Step: Sendable {
    case domain(ID<Domain>, path: String)
    case account(ID<Account>, name: String, domain: ID<Domain>)
    case user(ID<User>, name: String, account: ID<Account>, domain: ID<Domain>, key: String?)
    case noDomain(ID<Domain>)
    case noAccount(ID<Account>)
    case noUser(ID<User>)
  }

  private struct Refused: Error {}

  private let domains = (0..<4).map { _ in ID<Domain>(UUID()) }
  private let accounts = (0..<5).map { _ in ID<Account>(UUID()) }
  private let users = (0..<6).map { _ in ID<User>(UUID()) }

  @Test(.timeLimit(.minutes(isFull ? 60 : 10)), arguments: Kept.allCases)
  func `random transactions succeed and fail as a plain model says`(kept: Kept) async throws {
    let seed =
      ProcessInfo.processInfo.environment["DARUMA_SEED"].flatMap(UInt64.init) ?? .random(in: 0...UInt64.max)
    print("seed \(seed)")
    var random = SplitMix(state: seed)
    let place = try await kept.place()
    var ledger = try place.open(create: true, retention: Retention(age: .seconds(1000), count: 50, window: 10))
    var model = Model()
    var outcomes = [true: 0, false: 0]
    for round in 0..<(isFull ? 20_000 : 300) {
      let steps = (0..<Int.random(in: 1...4, using: &random)).map { _ in step(&random) }
      let wanted = try? Self.result(of: steps, on: model)
      let comment: Comment = "seed \(seed) round \(round)"
      do {
        _ = try await ledger.transact(test) { draft in
          for step in steps { try Self.carryOut(step, &draft) }
          try draft.requireReferences()
        }
        #expect(wanted != nil, comment)
      } catch is ModelError {
        #expect(wanted == nil, comment)
      }
      outcomes[wanted != nil, default: 0] += 1
      model = wanted ?? model
      #expect(Self.model(of: ledger.snapshot.state) == model, comment)
      if Int.random(in: 0..<100, using: &random) == 0 {
        if Bool.random(using: &random) { await ledger.close() } else { try await place.crash(ledger) }
        ledger = try place.open(retention: Retention(age: .seconds(1000), count: 50, window: 10))
        #expect(Self.model(of: ledger.snapshot.state) == model, comment)
      }
    }
    await ledger.close()
    // Neither kind of outcome is rare.
    #expect(outcomes.values.allSatisfy { $0 > (isFull ? 1000 : 15) }, "\(outcomes)")
  }

  private func step(_ random: inout SplitMix) -> Step {
    func one<Element>(of elements: [Element], _ random: inout SplitMix) -> Element {
      elements[Int.random(in: elements.indices, using: &random)]
    }
    let (domain, account, user) = (one(of: domains, &random), one(of: accounts, &random), one(of: users, &random))
    let name = one(of: ["a", "A", "b", "c"], &random)
    switch Int.random(in: 0..<9, using: &random) {
    case 0...1: return .domain(domain, path: name)
    case 2...3: return .account(account, name: name, domain: domain)
    case 4...5:
      return .user(user, name: name, account: account, domain: domain, key: one(of: [nil, nil, "k1", "k2"], &random))
    case 6: return .noDomain(domain)
    case 7: return .noAccount(account)
    default: return .noUser(user)
    }
  }

  private static func carryOut(_ step: Step, _ draft: inout Draft) throws {
    switch step {
    case .domain(let id, let path): try draft.put(Domain(id: id, name: path, path: path, created: epoch))
    case .account(let id, let name, let domain):
      try draft.put(Account(id: id, name: name, type: .user, domain: domain, created: epoch))
    case .user(let id, let name, let account, let domain, let key):
      try draft.put(
        User(
          id: id, username: name, account: account, domain: domain, firstname: "", lastname: "", email: "",
          passwordHash: "", apiKey: key, created: epoch))
    case .noDomain(let id): try draft.remove(id)
    case .noAccount(let id): try draft.remove(id)
    case .noUser(let id): try draft.remove(id)
    }
  }

  /// A name is unique within its scope after every single step, whatever its case. What is named must be there at the end.
  private static func result(of steps: [Step], on before: Model) throws -> Model {
    var model = before
    for step in steps {
      switch step {
      case .domain(let id, let path): model.domains[id.uuid] = path
      case .account(let id, let name, let domain): model.accounts[id.uuid] = [name, domain.description]
      case .user(let id, let name, let account, let domain, let key):
        model.users[id.uuid] = [name, account.description, domain.description, key ?? ""]
      case .noDomain(let id): model.domains[id.uuid] = nil
      case .noAccount(let id): model.accounts[id.uuid] = nil
      case .noUser(let id): model.users[id.uuid] = nil
      }
      let keys = model.users.values.map { $0[3] }.filter { !$0.isEmpty }
      guard isUnique(model.domains.values.map { $0.lowercased() }), isUnique(keys),
        isUnique(model.accounts.values.map { $0[0].lowercased() + $0[1] }),
        isUnique(model.users.values.map { $0[0].lowercased() + $0[2] })
      else { throw Refused() }
    }
    guard model.accounts.values.allSatisfy({ account in model.domains.keys.contains { named($0) == account[1] } }),
      model.users.values.allSatisfy({ user in model.accounts.keys.contains { named($0) == user[1] } })
    else { throw Refused() }
    return model
  }

  private static func named(_ id: UUID) -> String { id.uuidString.lowercased() }
  private static func isUnique(_ keys: [String]) -> Bool { Set(keys).count == keys.count }

  private static func model(of state: CloudState) -> Model {
    var model = Model()
    for domain in state.domains.all { model.domains[domain.id.uuid] = domain.path }
    for account in state.accounts.all { model.accounts[account.id.uuid] = [account.name, account.domain.description] }
    for user in state.users.all {
      model.users[user.id.uuid] = [
        user.username, user.account.description, user.domain.description, user.apiKey ?? "",
      ]
    }
    return model
  }
}
