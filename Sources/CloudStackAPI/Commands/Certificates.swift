import CloudModel
import Control

extension Commands {
  static let certificates = [
    Command(
      "uploadSslCert", "Keeps a certificate with its key for load balancers",
      [
        .string("certchain", "those that signed it, in PEM, each followed by the one that signed it", length: 65_536),
        .string("certificate", "the certificate in PEM", required: true, length: 65_536),
        .string("name", "the certificate's name", required: true),
        .string("privatekey", "its private key in PEM", required: true, length: 65_536),
      ] + Parameter.owner, refused: ["enabledrevocationcheck", "password"], response: .sslCertificate
    ) { request in
      try request.requireRecipient()
      var new = try NewCertificate(
        name: request.string("name"), certificate: request.string("certificate"),
        privateKey: request.string("privatekey"))
      new.chain = request.arguments.string("certchain")
      new.account = request.arguments.string("account")
      new.domain = request.arguments.id("domainid")
      let id = try await request.control.uploadSSLCertificate(new, by: request.caller)
      return try request.created(id, "sslcert") { request.latest.fields(of: $0) }
    },
    Command(
      "listSslCerts", "Lists certificates, without their keys",
      [
        .id("accountid", .account, "certificates of this account"), .id("certid", .sslCertificate, "the certificate"),
        .id("lbruleid", .loadBalancerRule, "the certificate of this rule"),
        .id("projectid", .project, "list what a project has; -1 for all projects"),
      ], response: .sslCertificate
    ) { request in
      let state = request.state
      let account: ID<Account>? = request.arguments.id("accountid")
      let wanted: ID<SSLCertificate>? = request.arguments.id("certid")
      let rule: LoadBalancerRule? = request.arguments.id("lbruleid").flatMap { state.loadBalancerRules[$0] }
      let rows: [SSLCertificate]
      if let project = request.arguments.id("projectid", Project.self).flatMap({ state.projects[$0] }) {
        rows = state.certificates.matching("account", .id(project.account))
      } else if request.arguments.isEvery("projectid") {
        let accounts = Access.projectAccounts(of: request.caller, in: state)
        rows = accounts.flatMap { state.certificates.matching("account", .id($0)) }
      } else if let wanted {
        rows = state.certificates[wanted].map { [$0] } ?? []
      } else if let rule {
        rows = rule.certificate.flatMap { state.certificates[$0] }.map { [$0] } ?? []
      } else {
        rows = state.certificates.matching("account", .id(account ?? request.caller.account))
      }
      let shown = rows.filter { Access.allows(request.caller, owner: $0.account, in: state) }
      return .list("sslcert", shown.oldestFirst(\.created).map { request.view.fields(of: $0) }, count: shown.count)
    },
    Command(
      "deleteSslCert", "Deletes a certificate that no load balancer rule has",
      [.id("id", .sslCertificate, "the certificate's id", required: true)], response: .success
    ) { request in
      try await request.control.deleteSSLCertificate(request.id("id"), by: request.caller)
      return .success()
    },
    .job(
      "assignCertToLoadBalancer", "Has a load balancer rule answer with a certificate",
      [
        .id("certid", .sslCertificate, "the certificate's id", required: true),
        .boolean("forced", "in place of another"), balancer,
      ]
    ) { request in
      try await request.control.assignCertificate(
        request.id("certid"), to: request.id("lbruleid"), forced: request.arguments.flag("forced"),
        by: request.caller)
    },
    .job("removeCertFromLoadBalancer", "Takes the certificate from a load balancer rule", [balancer]) { request in
      try await request.control.removeCertificate(from: request.id("lbruleid"), by: request.caller)
    },
  ]

  private static let balancer = Parameter.id("lbruleid", .loadBalancerRule, "the rule's id", required: true)
}
