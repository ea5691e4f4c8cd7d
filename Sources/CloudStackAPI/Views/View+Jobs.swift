package import CloudModel
import FoundationEssentials

extension View {
  package func fields(of job: AsyncJob) -> Fields {
    let account = state.accounts[job.account]
    var fields = Fields()
    fields.add("accountid", job.account.description)
    fields.add("account", account?.name)
    fields.add("domainid", account?.domain.description)
    fields.add("domainpath", account.flatMap { state.domains[$0.domain]?.path })
    fields.add("userid", job.user.description)
    fields.add("cmd", job.command)
    fields.add("jobstatus", job.status.rawValue)
    fields.add("jobprocstatus", 0)
    fields.add("jobresultcode", job.resultCode)
    if job.status != .pending {
      fields.add("jobresulttype", "object")
      let result = job.result.flatMap { Reply(json: $0) } ?? Self.bareResult(of: job)
      fields.add("jobresult", Self.telling(job.password, in: result))
    }
    fields.add("jobinstancetype", job.instanceType)
    fields.add("jobinstanceid", job.instance?.uuidString.lowercased())
    fields.add("created", WireDate.text(job.created))
    fields.add("completed", job.completed.map(WireDate.text))
    fields.add("jobid", job.id.description)
    return fields
  }

  /// The result with the password that is kept apart from it, sealed.
  private static func telling(_ password: String?, in result: Reply) -> Reply {
    guard let password, case .object(let outer) = result, let member = outer.members.first,
      case .object(var inner) = member.value
    else { return result }
    inner.add("password", password)
    return .one(member.name, inner)
  }

  /// Clients poll for ever while a finished job has no result.
  private static func bareResult(of job: AsyncJob) -> Reply {
    if job.status == .succeeded { return .success() }
    var fields = Fields()
    fields.add("errorcode", job.resultCode == 0 ? 530 : job.resultCode)
    fields.add("errortext", APIError.generic)
    return .object(fields)
  }

  package func fields(of event: Event) -> Fields {
    var fields = Fields()
    fields.add("id", event.id.description)
    fields.add("type", event.type)
    fields.add("level", event.level)
    fields.add("state", event.state)
    fields.add("description", event.description)
    addOwner(event.account, to: &fields)
    fields.add("username", event.user.flatMap { state.users[$0]?.username })
    fields.add("resourcetype", event.resourceType)
    fields.add("resourceid", event.resource?.uuidString.lowercased())
    fields.add("parentid", event.parent?.description)
    fields.add("archived", event.archived == true)
    fields.add("created", WireDate.text(event.created))
    return fields
  }
}
