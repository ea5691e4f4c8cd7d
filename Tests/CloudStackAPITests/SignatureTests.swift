import Foundation
import Testing

@testable import CloudStackAPI

@Suite struct SignatureTests {
  static let secret = "VDaACYb0LV9eNjTetIOElcVQkvJck_J_QljX_FcHRj87ZKiy0z0ty0ZsYBkoXkY9b7eq1EhwJaw7FF3akA3KBQ"
  /// Queries and their signatures as the Python client makes them; it leaves the tilde as it is.
  static let vectors = [
    (
      "apiKey=plgWJfZK4gyS3mOMTVmjUVg-X-jlWlnfaUJ9GAbBbf9EdM-kAYMmAiLqzzq1ElZLYq_u38zCm0bewzGUdP66mg&command=listUsers"
        + "&response=json",
      "TTpdDq/7j/J58XCRHomKoQXEQds="
    ),
    (
      "apiKey=KEY&command=deployVirtualMachine&response=json&displayname=%C3%9Cn%C3%AFcode%20%26%20spaces%20%2B%20plus"
        + "%20%2F%20slash%20~%20tilde&details%5B0%5D.cpu%20Number=4&userdata=aGVsbG8%3D&signatureVersion=3"
        + "&expires=2026-11-23T10%3A00%3A00%2B0000",
      "9ncqC9Zhy9zy+FgkxQc3nbrICdM="
    ),
    (
      "apiKey=KEY&command=listZones&keyword=%2A.-_~%21%27%28%29%5B%5D%7B%7D%3C%3E%22&Name=UPPER",
      "uaKGNh9IETicnRnbJTPQp05qgUQ="
    ),
    ("apiKey=KEY&command=listZones&name=", "117JnVywoj4yMp0YEXzAyWcKv9Y="),
  ]
  static let before = Date(timeIntervalSince1970: 1_795_000_000)

  @Test(arguments: vectors) func `what clients sign verifies`(query: String, signature: String) throws {
    var form = try Form(query: query)
    #expect(!Signature.verifies(form, secret: Self.secret, now: Self.before))
    form.set("signature", signature)
    #expect(Signature.verifies(form, secret: Self.secret, now: Self.before))
    #expect(!Signature.verifies(form, secret: "other", now: Self.before))
    form.set("name", "changed")
    #expect(!Signature.verifies(form, secret: Self.secret, now: Self.before))
  }

  @Test func `an encoded tilde verifies as well`() throws {
    var form = try Form(query: "apiKey=KEY&command=listZones&name=a~b")
    form.set("SIGNATURE", Signature.sign(form, secret: "s"))
    #expect(Signature.verifies(form, secret: "s", now: Self.before))
  }

  @Test(arguments: [
    ("2030-01-01T00:00:00+0000", true), ("2030-01-01T00:00:00Z", true), ("2030-01-01T00:00:00.123+00:00", true),
    ("2020-01-01T00:00:00+0000", false), ("soon", false), ("", false),
  ]) func `signature version 3 expires`(expires: String, isValid: Bool) throws {
    var form = try Form(query: "apiKey=KEY&command=listZones&signatureversion=3")
    form.set("EXPIRES", expires)
    form.set("signature", Signature.sign(form, secret: "s"))
    #expect(Signature.verifies(form, secret: "s", now: Self.before) == isValid)
  }

  @Test func `signature version 3 needs an expiry, others need none`() throws {
    for (version, isValid) in [("3", false), ("2", true), ("1", true)] {
      var form = try Form(query: "apiKey=KEY&command=listZones&signatureVersion=\(version)")
      form.set("signature", Signature.sign(form, secret: "s"))
      #expect(Signature.verifies(form, secret: "s", now: Self.before) == isValid)
    }
  }
}
