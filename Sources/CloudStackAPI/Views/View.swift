package import CloudModel
import FoundationEssentials

/// Renders resources of one state for one kind of reader.
package struct View: Sendable {
  package let state: CloudState
  package let isRootAdmin: Bool

  package init(state: CloudState, isRootAdmin: Bool) {
    self.state = state
    self.isRootAdmin = isRootAdmin
  }

  func addOwner(_ id: ID<Account>?, to fields: inout Fields) {
    guard let account = id.flatMap({ state.accounts[$0] }) else { return }
    if let project = state.project(of: account.id) {
      fields.add("projectid", project.id.description)
      fields.add("project", project.name)
    } else {
      fields.add("account", account.name)
    }
    addDomain(account.domain, to: &fields)
  }

  func addDomain(_ id: ID<Domain>, to fields: inout Fields) {
    guard let domain = state.domains[id] else { return }
    fields.add("domainid", id.description)
    fields.add("domain", domain.name)
    fields.add("domainpath", domain.path)
  }

  func addZone(_ id: ID<Zone>, to fields: inout Fields) {
    fields.add("zoneid", id.description)
    fields.add("zonename", state.zones[id]?.name)
  }

  /// The job that works on the resource at this moment.
  func addJob<R>(_ id: ID<R>, to fields: inout Fields) {
    guard let job = state.jobs.first("pending", .uuid(id.uuid)) else { return }
    fields.add("jobid", job.id.description)
    fields.add("jobstatus", job.status.rawValue)
  }

  /// The first 12 hexadecimal digits of an id: what names on the hosts end in.
  static func digits<R>(_ id: ID<R>) -> String {
    let text = id.description
    return String(text.prefix(8)) + text.dropFirst(9).prefix(4)
  }
}
