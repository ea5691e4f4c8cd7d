extension ResponseType {
  static let quotaEnabled = ResponseType("isenabled", ["isenabled": .boolean])

  static let quotaSummary = ResponseType(
    "summary",
    [
      "accountid": .string, "account": .string, "domainid": .string, "domain": .string, "balance": .decimal,
      "quota": .decimal, "state": .string, "startdate": .date, "enddate": .date, "currency": .string,
      "quotaenabled": .boolean,
    ])

  static let quotaTariff = ResponseType(
    "quotatariff",
    [
      "id": .string, "name": .string, "description": .string, "usageType": .integer, "usageName": .string,
      "usageUnit": .string, "usageDiscriminator": .string, "usageTypeDescription": .string, "tariffValue": .decimal,
      "currency": .string, "effectiveDate": .date, "endDate": .date, "removed": .date, "position": .integer,
    ])
}
