package import CloudModel
package import FoundationEssentials

extension View {
  private static let currency = "$"

  package func fields(of tariff: QuotaTariff) -> Fields {
    let type = UsageType.numbered(tariff.usageType)
    var fields = Fields()
    fields.add("id", tariff.id.description)
    fields.add("name", tariff.name)
    fields.add("description", tariff.description)
    fields.add("usageType", tariff.usageType)
    fields.add("usageName", type?.name)
    fields.add("usageUnit", type?.unit)
    fields.add("usageDiscriminator", "None")
    fields.add("usageTypeDescription", type?.description)
    fields.add("tariffValue", .decimal(Self.decimal(hundredMillionths: tariff.value)))
    fields.add("currency", Self.currency)
    fields.add("effectiveDate", WireDate.text(tariff.start))
    fields.add("endDate", tariff.end.map(WireDate.text))
    fields.add("removed", tariff.removed.map(WireDate.text))
    fields.add("position", tariff.position)
    return fields
  }

  /// Of the month so far. Nobody records what accounts use, nor can anybody give them credit, so both numbers are nothing.
  package func summary(of account: Account, at now: Date) -> Fields {
    let day = 86_400.0
    let tomorrow = ((now.timeIntervalSince1970 / day).rounded(.down) + 1) * day
    var fields = Fields()
    fields.add("accountid", account.id.description)
    fields.add("account", account.name)
    fields.add("domainid", account.domain.description)
    fields.add("domain", state.domains[account.domain]?.name)
    fields.add("balance", .decimal(Self.decimal(hundredMillionths: 0)))
    fields.add("quota", .decimal(Self.decimal(hundredMillionths: 0)))
    fields.add("state", account.state.rawValue)
    fields.add("startdate", "\(WireDate.text(now).prefix(7))-01T00:00:00+0000")
    fields.add("enddate", WireDate.text(Date(timeIntervalSince1970: tomorrow)))
    fields.add("currency", Self.currency)
    fields.add("quotaenabled", true)
    return fields
  }

  /// With two digits after the point, or as many as it needs.
  private static func decimal(hundredMillionths units: Int) -> String {
    let (whole, part) = units.magnitude.quotientAndRemainder(dividingBy: 100_000_000)
    var digits = String(part)
    digits = String(repeating: "0", count: 8 - digits.utf8.count) + digits
    while digits.utf8.count > 2 && digits.hasSuffix("0") { digits.removeLast() }
    return "\(units < 0 ? "-" : "")\(whole).\(digits)"
  }
}
