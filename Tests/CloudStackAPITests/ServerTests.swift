import CloudModel
import Foundation
import Testing

@testable import CloudStackAPI
@testable import Control

@Suite struct ServerTests {
  static let unverified = "unable to verify user credentials and/or request signature"

  @Test func `bad credentials of any kind are told alike`() async throws {
    let cloud = try await TestCloud()
    let wrong = [
      TestCloud.Keys(apiKey: "nobody", secretKey: "x"), TestCloud.Keys(apiKey: "admin-key", secretKey: "x"),
    ]
    for keys in wrong {
      let told = try await cloud.call("listZones", as: keys)
      #expect(told.status == 401)
      #expect(told.envelope == "listzonesresponse")
      #expect(told.errorText == Self.unverified)
      #expect(told.content?["cserrorcode"] == nil)
    }
    let unknown = try await cloud.call("listNothing")
    #expect(unknown.status == 401)
    #expect(unknown.envelope == "errorresponse")
    let none = await cloud.server.answer(APIServer.Call(method: "GET", query: "response=json"))
    #expect(none.status == 401)
    #expect(
      String(decoding: none.body, as: UTF8.self).hasPrefix("{\"errorresponse\":{\"uuidList\":[],\"errorcode\":401"))
  }

  @Test func `the default format is XML and errors say so in a header`() async throws {
    let cloud = try await TestCloud()
    let answer = await cloud.send("listAccounts", ["id": "x"], format: "yaml")
    #expect(answer.contentType == "text/xml; charset=UTF-8")
    #expect(answer.status == 431)
    #expect(
      answer.description?.contains(
        "Invalid parameter id value=x due to incorrect long value format, or entity does not exist") == true)
    #expect(
      String(decoding: answer.body, as: UTF8.self).contains("<errorcode>431</errorcode><cserrorcode>9999</cserrorcode>")
    )
  }

  @Test func `forms are read from bodies and names in any case`() async throws {
    let cloud = try await TestCloud()
    let query = TestCloud.query(
      ["command": "listZones", "response": "JSON"], ["NAME": "Basic", "_": "1"], TestCloud.admin)
    let answer = await cloud.server.answer(
      APIServer.Call(method: "POST", query: "", body: Array(query.utf8), isForm: true))
    #expect(answer.status == 200)
    #expect(
      String(decoding: answer.body, as: UTF8.self).hasPrefix("{\"listzonesresponse\":{\"count\":1,\"zone\":[{\"id\":"))
    let text = await cloud.server.answer(APIServer.Call(method: "POST", query: "", body: Array(query.utf8)))
    #expect(text.status == 401)
    #expect(await cloud.server.answer(APIServer.Call(method: "HEAD", query: query)).status == 405)
  }

  @Test func `parameters are checked with the texts that clients know`() async throws {
    let cloud = try await TestCloud()
    let gone = UUID().uuidString.lowercased()
    let cases: [(String, [String: String], Int, String)] = [
      ("getUserKeys", [:], 431, "Unable to execute API command getuserkeys due to missing parameter id"),
      ("getUserKeys", ["id": ""], 431, "Invalid value provided for API arg: id"),
      (
        "getUserKeys", ["id": gone], 431,
        "Unable to execute API command getuserkeys due to invalid value. Invalid parameter id value=\(gone) due to "
          + "incorrect long value format, or entity does not exist or due to incorrect parameter annotation for the "
          + "field in api cmd class."
      ),
      (
        "listZones", ["name": "a\tb"], 431,
        "Received value for parameter name is invalid, contains illegal ASCII non-printable characters"
      ),
      (
        "listZones", ["name": String(repeating: "x", count: 256)], 431,
        "Value greater than max allowed length 255 for param: name"
      ),
      ("listZones", ["page": "1"], 431, "The parameter page is used together with pagesize"),
      ("listZones", ["pagesize": "501", "page": "1"], 431, "Page size can't exceed max allowed page size value: 500"),
      ("listZones", ["page": "x", "pagesize": "1"], 431, "Invalid value x for parameter page, it must be a number"),
      ("listZones", ["tags[0].key": "a"], 431, "The parameter tags of listZones is not supported"),
      (
        "listAsyncJobs", ["startdate": "soon"], 431,
        "Unable to parse date soon for command listAsyncJobs, please pass dates as ISO 8601"
      ),
      ("deleteNetwork", ["id": gone, "customjobid": gone], 431, "entity does not exist"),
      (
        "authorizeSecurityGroupIngress", ["securitygroupname": "default", "usersecuritygrouplist[x].account": "a"], 430,
        "not of the form"
      ),
      (
        "authorizeSecurityGroupIngress", ["securitygroupname": "default", "protocol": "tcp", "cidrlist": "0.0.0.0/0"],
        431, "startport and endport are required"
      ),
      (
        "authorizeSecurityGroupIngress", ["securitygroupname": "default", "cidrlist": "::/0"], 431,
        "IPv6 is not supported"
      ),
      (
        "authorizeSecurityGroupIngress", ["securitygroupname": "default"], 431,
        "At least one cidr or at least one security group"
      ),
      ("listTemplates", ["templatefilter": "every"], 431, "templatefilter"),
    ]
    for (command, parameters, status, text) in cases {
      let told = try await cloud.call(command, parameters)
      #expect(told.status == status, "\(command) \(parameters)")
      #expect(told.errorText?.contains(text) == true, "\(command) \(parameters): \(told.errorText ?? "")")
    }
  }

  @Test func `lists have pages, a count of all, and nothing when empty`() async throws {
    let cloud = try await TestCloud()
    for number in 0..<5 { try await cloud.call("createSecurityGroup", ["name": "group-\(number)"]) }
    let page = try await cloud.call("listSecurityGroups", ["page": "2", "pagesize": "4"])
    #expect(page.at("listsecuritygroupsresponse", "count") == "6")
    #expect(page.at("listsecuritygroupsresponse", "securitygroup", "name") == "group-3")
    let past = await cloud.send("listSecurityGroups", ["page": "9", "pagesize": "4"])
    #expect(String(decoding: past.body, as: UTF8.self) == #"{"listsecuritygroupsresponse":{"count":6}}"#)
    let empty = await cloud.send("listSecurityGroups", ["keyword": "nothing-like-it"])
    #expect(String(decoding: empty.body, as: UTF8.self) == #"{"listsecuritygroupsresponse":{}}"#)
    let some = try await cloud.call("listSecurityGroups", ["keyword": "OUP-1", "pagesize": "-1"])
    #expect(some.at("listsecuritygroupsresponse", "count") == "1")
    #expect(
      try await cloud.call("listSecurityGroups", ["securitygroupname": "GROUP-2"]).at(
        "listsecuritygroupsresponse", "count") == "1")
  }

  @Test func `a refused parameter passes with the value that changes nothing`() async throws {
    let cloud = try await TestCloud()
    #expect(
      try await cloud.call("listNetworks", ["networkfilter": "All", "forvpc": "false", "vpcid": ""]).status == 200)
    #expect(try await cloud.call("listNetworks", ["networkfilter": "shared"]).status == 200)
    #expect(try await cloud.call("listNetworks", ["networkfilter": "most"]).status == 431)
    let alice = try await cloud.account("alice")
    #expect(try await cloud.call("listVirtualMachines", ["podid": "1"], as: alice).status == 200)
    #expect(try await cloud.call("listVirtualMachines", ["podid": "1"]).status == 431)
  }

  @Test func `commands for administrators are refused to users`() async throws {
    let cloud = try await TestCloud()
    let alice = try await cloud.account("alice")
    let told = try await cloud.call("listHosts", as: alice)
    #expect(told.status == 432)
    #expect(told.envelope == "errorresponse")
    #expect(try await cloud.call("listHosts").at("listhostsresponse", "count") == "4")
  }

  @Test func `jobs are told while they run, on the resource too`() async throws {
    let estate = try await Estate()
    let machine = try #require(estate.aliceHas["virtualmachine"])
    let told = try await estate.cloud.call("listVirtualMachines", ["id": machine], as: estate.alice)
    let job = try #require(told.at("listvirtualmachinesresponse", "virtualmachine", "jobid"))
    let result = try await estate.cloud.call("queryAsyncJobResult", ["jobid": job], as: estate.alice)
    #expect(result.at("queryasyncjobresultresponse", "jobstatus") == "0")
    #expect(result.at("queryasyncjobresultresponse", "jobresultcode") == "0")
    #expect(result.content?["jobresult"] == nil)
    #expect(result.at("queryasyncjobresultresponse", "jobinstanceid") == machine)
  }

  @Test func `who asks for a young job is answered when it ends`() async throws {
    let cloud = try await TestCloud(youth: .seconds(60))
    let alice = try await cloud.account("alice")
    let deployment = try ResourceLimitTests.deployment(cloud.control.state)
    // No node is there, so that the job is pending until this ends it.
    let asked = try await cloud.call("deployVirtualMachine", deployment, as: alice)
    let job = try #require(asked.at("deployvirtualmachineresponse", "jobid"))
    let id = try #require(UUID(uuidString: job))
    async let told = cloud.call("queryAsyncJobResult", ["jobid": job], as: alice)
    while cloud.control.jobWaits.count == 0 { await Task.yield() }
    await cloud.control.fail(ID(id), "There is no node")
    #expect(try await told.at("queryasyncjobresultresponse", "jobstatus") == "2")
  }

  @Test func `who asks for a job that is no longer young is told how it stands`() async throws {
    let cloud = try await TestCloud(youth: .milliseconds(100))
    let alice = try await cloud.account("alice")
    let deployment = try ResourceLimitTests.deployment(cloud.control.state)
    let asked = try await cloud.call("deployVirtualMachine", deployment, as: alice)
    let job = try #require(asked.at("deployvirtualmachineresponse", "jobid"))
    let created = try #require(UUID(uuidString: job).flatMap { cloud.control.state.jobs[ID($0)]?.created })
    for _ in 0..<3 {
      let told = try await cloud.call("queryAsyncJobResult", ["jobid": job], as: alice)
      #expect(told.at("queryasyncjobresultresponse", "jobstatus") == "0")
      #expect(Date().timeIntervalSince(created) >= 0.1)
    }
    #expect(Date().timeIntervalSince(created) < 30)
  }

  @Test func `a synchronous command that the node does not confirm in time fails`() async throws {
    let estate = try await Estate()
    let network = try #require(estate.aliceHas["network"])
    let address = try #require(
      try await estate.cloud.call("associateIpAddress", ["networkid": network], as: estate.alice)
        .at("associateipaddressresponse", "id"))
    let machine = try #require(estate.cloud.control.state.virtualMachines.all.first { $0.name == "alice-still" })
    let parameters = ["ipaddressid": address, "virtualmachineid": machine.id.description]
    let told = try await estate.cloud.call("enableStaticNat", parameters, as: estate.alice)
    #expect(told.status == 530)
    #expect(told.errorText == "Internal error executing command, please contact your system administrator")
  }
}
