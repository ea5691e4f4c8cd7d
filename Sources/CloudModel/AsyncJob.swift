package import FoundationEssentials

/// A long call: begun with its intent, finished when what it asked for is verified on the nodes. `result` is the JSON text
/// that queryAsyncJobResult answers with.
package struct AsyncJob: Resource {
  package static let kind = "asyncjob"
  package static var table: TablePath<AsyncJob> { \.jobs }
  package static let indexes: [Index<AsyncJob>] = [
    Index("account", of: { $0.account }),
    // All of them under 1, and each under what it is about: a resource has had many jobs and has few.
    Index("pending", same: { $0.status == $1.status && $0.isAboutTheSame(as: $1) }) { job in
      job.status == .pending ? [.number(1)] + job.subjects : []
    },
    Index("instance", same: { $0.isAboutTheSame(as: $1) }) { $0.subjects },
  ]

  private var subjects: [IndexKey] {
    ((instance.map { [$0] } ?? []) + (references ?? []).map(\.id)).map(IndexKey.uuid)
  }

  private func isAboutTheSame(as other: AsyncJob) -> Bool {
    instance == other.instance && references == other.references
  }

  package static let isBookkeeping = true
  package static let secretFields: Set<String> = ["password"]

  package let id: ID<AsyncJob>
  package var command: String
  package var account: ID<Account>
  package var user: ID<User>
  package var instanceType: String?
  package var instance: UUID?
  package var status: JobStatus
  package var resultCode: Int
  package var result: String?
  /// What the result tells besides: the password that an instance was given.
  package var password: String?
  /// What else the job is about, if it is about several things.
  package var references: [JobReference]?
  /// What told that it began.
  package var events: [ID<Event>]?
  package var revision: UInt64
  /// The revision that recorded its end.
  package var settled: UInt64?
  package var created: Date
  package var completed: Date?

  package init(
    id: ID<AsyncJob>, command: String, account: ID<Account>, user: ID<User>, instanceType: String? = nil,
    instance: UUID? = nil, status: JobStatus = .pending, resultCode: Int = 0, result: String? = nil,
    revision: UInt64 = 0, created: Date, completed: Date? = nil
  ) {
    self.id = id
    self.command = command
    self.account = account
    self.user = user
    self.instanceType = instanceType
    self.instance = instance
    self.status = status
    self.resultCode = resultCode
    self.result = result
    self.revision = revision
    self.created = created
    self.completed = completed
  }
}

/// A thing that a job is about: CloudStack's name of its type, and its id.
package struct JobReference: Codable, Hashable, Sendable {
  package var type: String
  package var id: UUID

  package init(type: String, id: UUID) {
    self.type = type
    self.id = id
  }
}

/// Raw values are CloudStack's job states.
package enum JobStatus: Int, Codable, Hashable, Sendable {
  case pending = 0
  case succeeded = 1
  case failed = 2
}

extension AsyncJob: FieldCoded {
  package init(reading id: ID<AsyncJob>) {
    self.init(id: id, command: "", account: .zero, user: .zero, created: Date(timeIntervalSinceReferenceDate: 0))
  }

  package mutating func code(_ coder: inout some FieldCoder) throws {
    try coder.field("command", &command)
    try coder.field("account", &account)
    try coder.field("user", &user)
    try coder.field("instanceType", &instanceType)
    try coder.field("instance", &instance)
    try coder.field("status", &status)
    try coder.field("resultCode", &resultCode)
    try coder.field("result", &result)
    try coder.field("password", &password)
    try coder.field(codable: "references", &references, [])
    try coder.field(codable: "events", &events, [])
    try coder.field("revision", &revision)
    try coder.field("settled", &settled)
    try coder.field("created", &created)
    try coder.field("completed", &completed)
  }
}
