import Foundation
import Testing

@testable import CloudStackAPI

@Suite struct WireTests {
  @Test func `dates are written in UTC and read in every form`() {
    let moment = Date(timeIntervalSince1970: 1_761_852_099)
    #expect(WireDate.text(moment) == "2025-10-30T19:21:39+0000")
    for text in [
      "2025-10-30T19:21:39+0000", "2025-10-30T19:21:39Z", "2025-10-30T20:21:39+01:00", "2025-10-30T18:51:39.000-0030",
      "2025-10-30 19:21:39",
    ] { #expect(WireDate.parse(text) == moment, "\(text)") }
    #expect(WireDate.parse("1970-01-02") == Date(timeIntervalSince1970: 86400))
    #expect(WireDate.parse("1970-01-01", endOfDay: true) == Date(timeIntervalSince1970: 86399))
    #expect(WireDate.text(Date(timeIntervalSince1970: -1)) == "1969-12-31T23:59:59+0000")
    #expect(WireDate.text(Date(timeIntervalSince1970: 951_782_400)) == "2000-02-29T00:00:00+0000")
    for text in ["", "2025", "2025-02-29", "2025-13-01", "2025-10-30T19:21:39", "2025-10-30T24:00:00Z", "2025-10-30x"] {
      #expect(WireDate.parse(text) == nil, "\(text)")
    }
  }

  @Test func `JSON escapes what it must and nothing else`() {
    let text = Reply.string("<a href='b'>&=é\u{1F600}</a>\"\\\n\t\u{1}")
    #expect(String(decoding: text.json, as: UTF8.self) == #""<a href='b'>&=é😀</a>\"\\\n\t\u0001""#)
    #expect(Reply(json: String(decoding: text.json, as: UTF8.self)) == text)
  }

  @Test func `XML escapes the five and replaces what it cannot hold`() {
    var fields = Fields()
    fields.add("a", "<&>\"'\u{1}")
    fields.add("b", texts: ["x", "y"])
    fields.add("c", [Fields]())
    #expect(
      String(decoding: Reply.object(fields).xml(root: "r"), as: UTF8.self)
        == "<?xml version=\"1.0\" encoding=\"UTF-8\"?><r><a>&lt;&amp;&gt;&quot;&apos;\u{FFFD}</a><b>x</b><b>y</b></r>")
  }

  @Test func `stored results are read back, and what is no JSON is refused`() {
    let text = #"{"errorcode":530,"errortext":"no \u00e9 \ud83d\ude00 \/","nothing":null,"list":[1,-2,true,{}]}"#
    guard case .object(let fields) = Reply(json: text) else {
      Issue.record("not read")
      return
    }
    #expect(fields["errortext"] == .string("no é 😀 /"))
    #expect(fields["nothing"] == nil)
    #expect(fields["list"] == .list([.integer(1), .integer(-2), .boolean(true), .object(Fields())]))
    for bad in ["", "{", "{\"a\"}", "[1,]", "tru", "\"", "{} x", String(repeating: "[", count: 10_000)] {
      #expect(Reply(json: bad) == nil)
    }
  }

  @Test func `the last of repeated parameters counts and the query wins over the form`() throws {
    let form = try Form(query: "a=1&a=2&b=%C3%A9+x&=n&c", body: Array("a=3&d=4".utf8))
    #expect(form.values == ["a": "2", "b": "é x", "c": "", "d": "4"])
  }

  @Test func `what is no form is refused`() {
    for query in ["a=%", "a=%4", "a=%zz", "a=%ff"] {
      #expect(throws: APIError.self) { try Form(query: query) }
    }
    #expect(throws: APIError.self) { try Form(query: String(repeating: "a", count: 65_537)) }
    #expect(throws: APIError.self) { try Form(query: "", body: Array(repeating: 0x61, count: 1_048_577)) }
    #expect(throws: APIError.self) { try Form(query: (0...512).map { "p\($0)=1" }.joined(separator: "&")) }
  }

  @Test func `user data is base64 of either alphabet`() throws {
    #expect(try UserData.decode("aGVsbG8=", isPost: false) == Array("hello".utf8))
    #expect(try UserData.decode("aGVs\nbG8", isPost: false) == Array("hello".utf8))
    #expect(try UserData.decode("-_-_", isPost: false) == [0xFB, 0xFF, 0xBF])
    #expect(throws: APIError.self) { try UserData.decode("!", isPost: false) }
    let long = Data(repeating: 1, count: 32_769).base64EncodedString()
    #expect(throws: APIError.self) { try UserData.decode(long, isPost: false) }
    #expect(try UserData.decode(long, isPost: true).count == 32_769)
  }
}
