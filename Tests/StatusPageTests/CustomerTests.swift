import FoundationEssentials
import Testing

@testable import StatusPage

@Suite struct CustomerTests {
  private func board() throws -> StatusBoard {
    let board = try StatusBoard(
      settings: StatusSettings(name: "Example Cloud"), store: nil, now: Drill.at(-60), newID: Drill.ids())
    var document = Drill.middle[4]
    document.accounts = [
      AccountStanding(
        account: "hanako",
        resources: [
          AffectedResource(kind: .address, id: "1", name: "198.51.100.7", state: .out, since: Drill.at(0)),
          AffectedResource(kind: .address, id: "2", name: "198.51.100.8", state: .back, since: Drill.at(9)),
          AffectedResource(kind: .loadBalancer, id: "3", name: "<b>web</b>", state: .out, since: Drill.at(0)),
        ]),
      AccountStanding(
        account: "taro",
        resources: [AffectedResource(kind: .instance, id: "4", name: "secret-vm", state: .out, since: Drill.at(0))]),
    ]
    board.update(document)
    return board
  }

  @Test(arguments: Language.allCases)
  func `a customer sees the own things, what is back and what is not`(language: Language) throws {
    let board = try board()
    try expectGolden("customer.\(language.rawValue).html", board.renderedCustomer("hanako", language))
    let page = board.renderedCustomer("hanako", .en)
    #expect(!page.contains("secret-vm") && !page.contains("<b>web"))
    #expect(board.renderedCustomer("jiro", .en).contains("Nothing of yours is affected."))
    #expect(board.renderedCustomer("hanako", .en, isCurrent: false).contains("not known"))
    for resource in StatusResource.allCases { #expect(!board.rendered(resource, .en).text.contains("secret-vm")) }
  }

  @Test func `what cannot be named is counted`() throws {
    let board = try board()
    var document = Drill.middle[4]
    let resources = (0..<600).map {
      AffectedResource(kind: .address, id: "\($0)", name: "a-\($0)", state: .out, since: Drill.at(0))
    }
    document.accounts = [AccountStanding(account: "hanako", resources: resources, omitted: 7)]
    board.update(document)
    #expect(board.renderedCustomer("hanako", .en).contains("There are 107 more."))
    #expect(!board.renderedCustomer("taro", .en).contains("more."))
  }

  @Test func `availability counts what was measured, and the error budget what is left`() throws {
    var book = AvailabilityBook()
    func component(_ state: ComponentState) -> [Component] {
      [Component(id: "nat", zone: "z", series: "Basic", name: "Static NAT", state: state)]
    }
    var now = 0.0
    func pass(_ seconds: Int, _ state: ComponentState, unknown: Set<String> = []) {
      for _ in 0..<seconds {
        now += 1
        book.count(component(state), unknown: unknown, now: Drill.at(now))
      }
    }
    book.count(component(.operational), unknown: [], now: Drill.at(0))
    pass(900, .operational)
    pass(100, .majorOutage)
    pass(500, .underMaintenance)
    pass(500, .majorOutage, unknown: ["nat"])
    now += 5000
    book.count(component(.majorOutage), unknown: [], now: Drill.at(now))
    let month = try #require(book.months["nat"]?["2018-07"])
    #expect(month.up == 900 && month.down == 100 && month.planned == 500)
    #expect(month.percent == 90)
    let budget = ErrorBudget(objective: 99.99, month: month, monthSeconds: 30 * 86_400)
    #expect(abs(budget.allowed - 259.2) < 0.01 && abs(budget.left - 159.2) < 0.01)
    #expect(StatusHTML.percent(99.9999) == "99.999%")
    let again = try JSONDecoder().decode(AvailabilityBook.self, from: JSONEncoder().encode(book))
    #expect(again == book)
    let board = try board()
    board.show(book)
    for number in 0..<20 {
      now += 31 * 86_400
      book.count(component(.operational), unknown: [], now: Drill.at(now))
      book.count(component(.operational), unknown: [], now: Drill.at(now + 1))
      #expect(book.months["nat"]?.count ?? 0 <= 13, "\(number)")
    }
  }
}
