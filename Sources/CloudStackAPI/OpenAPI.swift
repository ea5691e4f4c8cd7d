/// The catalog as an OpenAPI 3.1 document: one path, since all commands share one, with a form per command that `command`
/// tells apart. Both bodies and answers are told for JSON.
package enum OpenAPI {
  package static func document(for role: Roles = .admin, url: String = "/") -> Reply {
    let commands = Catalog.all.filter { $0.roles.contains(role) }
    var fields = Fields()
    fields.add("openapi", "3.1.0")
    fields.add("info", info)
    fields.add("servers", [one("url", .string(url))])
    fields.add("paths", one("/client/api", .object(one("post", .object(operation(commands))))))
    fields.add("components", components(commands, role))
    fields.add("security", [one("apiKey", .list([]))])
    return .object(fields)
  }

  private static var info: Fields {
    var info = Fields()
    info.add("title", "Daruma")
    info.add("version", Commands.compatibleVersion)
    info.add(
      "description",
      "Every call is one form with `command` and `response=json`, signed as CloudStack's clients sign: the parameter "
        + "`signature` is the HMAC-SHA1 of the sorted, lower-cased query under the user's secret key, in base64.")
    return info
  }

  private static func operation(_ commands: [Command]) -> Fields {
    var body = Fields()
    body.add("required", true)
    body.add("content", media("application/x-www-form-urlencoded", form(commands)))
    var answers = Fields()
    answers.add("200", answer("What the command answers", anyOf(commands.map { reference("answer.\($0.name)") })))
    answers.add("default", answer("A refusal", reference("error")))
    var operation = Fields()
    operation.add("operationId", "call")
    operation.add("summary", "Call a command")
    operation.add("requestBody", body)
    operation.add("responses", answers)
    return operation
  }

  /// The form of one of the commands.
  private static func form(_ commands: [Command]) -> Fields {
    var mapping = Fields()
    for command in commands { mapping.add(command.name, "#/components/schemas/call.\(command.name)") }
    var discriminator = Fields()
    discriminator.add("propertyName", "command")
    discriminator.add("mapping", mapping)
    var form = Fields()
    form.add("oneOf", commands.map { reference("call.\($0.name)") })
    form.add("discriminator", discriminator)
    return form
  }

  private static func answer(_ description: String, _ schema: Fields) -> Fields {
    var answer = Fields()
    answer.add("description", description)
    answer.add("content", media("application/json", schema))
    return answer
  }

  private static func components(_ commands: [Command], _ role: Roles) -> Fields {
    var schemas = Fields()
    schemas.add("error", error)
    for command in commands { schemas.add("call.\(command.name)", call(command, role)) }
    for command in commands { schemas.add("answer.\(command.name)", answer(command)) }
    let types = responseTypes(commands)
    for type in types.values.sorted(by: { $0.name < $1.name }) { schemas.add(type.name, object(type, role)) }
    var key = Fields()
    key.add("type", "apiKey")
    key.add("in", "query")
    key.add("name", "apiKey")
    var components = Fields()
    components.add("schemas", schemas)
    components.add("securitySchemes", one("apiKey", .object(key)))
    return components
  }

  private static func call(_ command: Command, _ role: Roles) -> Fields {
    var properties = Fields()
    properties.add("command", one("const", .string(command.name)))
    properties.add("response", one("const", .string("json")))
    for parameter in command.parameters where parameter.roles.contains(role) {
      properties.add(parameter.name, schema(of: parameter))
    }
    let required = ["command", "response"] + command.parameters.filter(\.isRequired).map(\.name)
    var call = Fields()
    call.add("type", "object")
    call.add("description", command.description)
    call.add("properties", properties)
    call.add("required", texts: required)
    return call
  }

  /// Forms hold texts; lists are written as one text with commas, maps as `name[0].key`.
  private static func schema(of parameter: Parameter) -> Fields {
    var schema = Fields()
    switch parameter.type {
    case .boolean: schema.add("type", "boolean")
    case .integer: schema = number("int32")
    case .long: schema = number("int64")
    case .double: schema.add("type", "number")
    case .uuid:
      schema.add("type", "string")
      schema.add("format", "uuid")
    case .date: schema.add("type", "string")
    case .map:
      schema.add("type", "object")
      schema.add("additionalProperties", one("type", .string("string")))
    case .string, .list:
      schema.add("type", "string")
      schema.add("maxLength", parameter.length)
    }
    schema.add("description", parameter.description)
    return schema
  }

  private static func number(_ format: String) -> Fields {
    var number = Fields()
    number.add("type", "integer")
    number.add("format", format)
    return number
  }

  /// The envelope with what is in it.
  private static func answer(_ command: Command) -> Fields {
    var content = Fields()
    content.add("type", "object")
    content.add("description", "Holds \(command.isAsync ? "the id of a job" : command.response.name)")
    var answer = Fields()
    answer.add("type", "object")
    answer.add("properties", one(command.envelope, .object(content)))
    answer.add("required", texts: [command.envelope])
    return answer
  }

  private static var error: Fields {
    var properties = Fields()
    properties.add("errorcode", number("int32"))
    properties.add("cserrorcode", number("int32"))
    properties.add("errortext", one("type", .string("string")))
    var content = Fields()
    content.add("type", "object")
    content.add("properties", properties)
    content.add("required", texts: ["errorcode", "errortext"])
    var error = Fields()
    error.add("type", "object")
    error.add("additionalProperties", content)
    return error
  }

  private static func object(_ type: ResponseType, _ role: Roles) -> Fields {
    var properties = Fields()
    for field in type.fields where field.roles.contains(role) { properties.add(field.name, schema(of: field.type)) }
    var object = Fields()
    object.add("type", "object")
    object.add("properties", properties)
    return object
  }

  private static func schema(of type: FieldType) -> Fields {
    switch type {
    case .string, .date: return one("type", .string("string"))
    case .integer: return number("int32")
    case .long: return number("int64")
    case .decimal: return one("type", .string("number"))
    case .boolean: return one("type", .string("boolean"))
    case .map, .object: return one("type", .string("object"))
    case .strings: return list(one("type", .string("string")))
    case .list(let nested): return list(reference(nested.name))
    case .one(let nested): return reference(nested.name)
    }
  }

  private static func list(_ element: Fields) -> Fields {
    var list = Fields()
    list.add("type", "array")
    list.add("items", element)
    return list
  }

  /// All that commands answer with, and what that consists of.
  private static func responseTypes(_ commands: [Command]) -> [String: ResponseType] {
    var found: [String: ResponseType] = [:]
    var open = commands.map(\.response)
    while let type = open.popLast() {
      guard found.updateValue(type, forKey: type.name) == nil else { continue }
      open += type.fields.compactMap(\.type.nested)
    }
    return found
  }

  private static func reference(_ name: String) -> Fields { one("$ref", .string("#/components/schemas/\(name)")) }
  private static func anyOf(_ schemas: [Fields]) -> Fields { one("anyOf", .list(schemas.map(Reply.object))) }
  private static func media(_ type: String, _ schema: Fields) -> Fields {
    one(type, .object(one("schema", .object(schema))))
  }

  private static func one(_ name: String, _ value: Reply) -> Fields {
    var fields = Fields()
    fields.add(name, value)
    return fields
  }
}

extension Fields {
  fileprivate mutating func add(_ name: String, _ fields: Fields) { add(name, Reply.object(fields)) }
}
