import CloudModel
import FoundationEssentials

extension Commands {
  static let operatingSystems = [
    Command(
      "listOsTypes", "Lists operating systems that templates can name",
      [
        .string("description", "the system's name"),
        .boolean("fordisplay", "whether it is shown, as all are", roles: .admin),
        .id("id", .osType, "the system's id"),
        .id("oscategoryid", .osCategory, "the kind of system"),
      ] + Parameter.paging, response: .osType
    ) { request in
      let rows = OperatingSystem.all.filter { system in
        request.arguments.uuid("id").map { $0 == system.id } ?? true
          && request.arguments.uuid("oscategoryid").map { $0 == system.category.id } ?? true
          && request.matches("description", system.name) && request.matches("fordisplay", true)
      }
      return try request.page("ostype", rows) {
        [$0.name]
      } fields: {
        request.view.fields(of: $0)
      }
    },
    Command(
      "listOsCategories", "Lists kinds of operating systems",
      [
        .id("id", .osCategory, "the kind's id"),
        .boolean("isfeatured", "whether it is featured, as all are"),
        .string("name", "a part of the kind's name"),
      ] + Parameter.paging, refused: ["arch", "isiso", "isvnf", "zoneid"], response: .osCategory
    ) { request in
      let name = request.arguments.string("name")?.lowercased() ?? ""
      let rows = OperatingSystem.categories.filter { category in
        request.arguments.uuid("id").map { $0 == category.id } ?? true && request.matches("isfeatured", true)
          && (name.isEmpty || category.name.lowercased().contains(name))
      }
      return try request.page("oscategory", rows) {
        [$0.name]
      } fields: { category in
        var fields = Fields()
        fields.add("id", category.id.uuidString.lowercased())
        fields.add("name", category.name)
        fields.add("isfeatured", true)
        return fields
      }
    },
  ]
}
