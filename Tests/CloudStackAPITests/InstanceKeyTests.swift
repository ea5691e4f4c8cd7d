import CloudModel
import Control
import _CryptoExtras
import Foundation
import Ledger
import Testing

@testable import CloudStackAPI

/// SSH keys, passwords and user data.
@Suite struct InstanceKeyTests {
  @Test(.timeLimit(.minutes(1))) func `a key pair is made, given to an instance and opens its password`() async throws {
    try await TestCloud.living { cloud in
      let keys = try await cloud.account("alice")
      let made = try await cloud.call("createSSHKeyPair", ["name": "mine"], as: keys)
      let pem = try #require(made.at("createsshkeypairresponse", "keypair", "privatekey"), "\(made.errorText ?? "")")
      #expect(pem.hasPrefix("-----BEGIN RSA PRIVATE KEY-----"))
      let print = try #require(made.at("createsshkeypairresponse", "keypair", "fingerprint"))
      #expect(print.split(separator: ":").count == 16 && print.count == 47)
      #expect(try await cloud.call("createSSHKeyPair", ["name": "MINE"], as: keys).status == 431)
      let listed = try await cloud.call("listSSHKeyPairs", ["name": "mine"], as: keys)
      #expect(listed.at("listsshkeypairsresponse", "sshkeypair", "fingerprint") == print)
      #expect(listed.at("listsshkeypairsresponse", "sshkeypair", "privatekey") == nil)

      var request = try await deployment(cloud, "web")
      request["password"] = "open sesame"
      #expect(
        try await cloud.call("deployVirtualMachine", request, as: keys).status == 431, "no password enabled template")
      let template = try #require(request["templateid"].flatMap { ID<Template>($0) })
      try await cloud.change { draft in
        var template = try #require(draft.get(template))
        var said = Template.Registration(isISO: false, format: "RAW", osType: OperatingSystem.otherLinux)
        said.isPublic = true
        said.hasPassword = true
        template.registration = said
        try draft.put(template)
      }
      request["keypair"] = "nobody's"
      #expect(try await cloud.call("deployVirtualMachine", request, as: keys).status == 431)
      request["keypair"] = "mine"
      let id = try #require(try await cloud.done("deployVirtualMachine", request, as: keys))
      let instance = try #require(UUID(uuidString: id))
      let job = try #require(cloud.control.state.jobs.matching("instance", .uuid(instance)).first)
      #expect(job.result?.contains("open sesame") == false, "kept apart, sealed")
      let result = try await cloud.call("queryAsyncJobResult", ["jobid": job.id.description], as: keys)
      #expect(
        result.at("queryasyncjobresultresponse", "jobresult", "virtualmachine", "password") == "open sesame")
      #expect(result.at("queryasyncjobresultresponse", "jobresult", "virtualmachine", "keypairs") == "mine")
      let hidden = await cloud.send("listVirtualMachines", as: keys)
      #expect(!String(decoding: hidden.body, as: UTF8.self).contains("open sesame"))

      let told = try await cloud.call("getVMPassword", ["id": id], as: keys)
      let sealed = try #require(
        told.at("getvmpasswordresponse", "password", "encryptedpassword").flatMap { Data(base64Encoded: $0) })
      let key = try _RSA.Encryption.PrivateKey(pemRepresentation: pem)
      let opened = try key.decrypt(sealed, padding: ._WEAK_AND_INSECURE_PKCS_V1_5)
      #expect(String(decoding: opened, as: UTF8.self) == "open sesame")

      #expect(try await cloud.call("resetPasswordForVirtualMachine", ["id": id], as: keys).status == 431)
      #expect(try await cloud.finish("stopVirtualMachine", ["id": id], as: keys) == nil)
      #expect(try await cloud.finish("resetPasswordForVirtualMachine", ["id": id], as: keys) == nil)
      #expect(cloud.machine(id)?.encryptedPassword != sealed.base64EncodedString())

      // The instance keeps its key when the pair is gone, until it is given another.
      #expect(try await cloud.call("deleteSSHKeyPair", ["name": "mine"], as: keys).status == 200)
      #expect(try await cloud.call("deleteSSHKeyPair", ["name": "mine"], as: keys).status == 431)
      #expect(cloud.machine(id)?.keys?.map(\.name) == ["mine"])
      let registered = try await cloud.call(
        "registerSSHKeyPair", ["name": "other", "publickey": samplePublicKey], as: keys)
      #expect(registered.status == 200, "\(registered.errorText ?? "")")
      #expect(
        try await cloud.finish("resetSSHKeyForVirtualMachine", ["id": id, "keypair": "other"], as: keys) == nil)
      #expect(cloud.machine(id)?.keys?.map(\.publicKey) == [samplePublicKey])
      #expect(try await cloud.call("getVMPassword", ["id": id], as: keys).status == 431)
      let byKey = try await cloud.call("listVirtualMachines", ["keypair": "other"], as: keys)
      #expect(byKey.at("listvirtualmachinesresponse", "count") == "1")
      #expect(
        try await cloud.call("listVirtualMachines", ["keypair": "mine"], as: keys).content?.members.isEmpty == true)
    }
  }

  @Test func `only public keys are registered, each once`() async throws {
    let cloud = try await TestCloud()
    let keys = try await cloud.account("alice")
    func register(_ name: String, _ key: String) async throws -> Int {
      try await cloud.call("registerSSHKeyPair", ["name": name, "publickey": key], as: keys).status
    }
    for text in [
      "ssh-rsa", "ssh-rsa AAAA", "ssh-foo " + samplePublicKey, "-----BEGIN RSA PRIVATE KEY-----",
      samplePublicKey.replacing("ed25519", with: "rsa"),
    ] {
      #expect(try await register("bad", text) == 431, "\(text)")
    }
    #expect(try await register("plain", samplePublicKey) == 200)
    let wrapped = Data((samplePublicKey + "\n").utf8).base64EncodedString()
    #expect(try await register("wrapped", wrapped) == 431, "the same key under another name")
    #expect(try await cloud.call("deleteSSHKeyPair", ["name": "plain"], as: keys).status == 200)
    #expect(try await register("wrapped", wrapped) == 200)
    #expect(cloud.control.state.sshKeyPairs.all.map(\.publicKey) == [samplePublicKey])
  }

  @Test(.timeLimit(.minutes(1))) func `registered user data is what instances are deployed with`() async throws {
    try await TestCloud.living { cloud in
      let keys = try await cloud.account("alice")
      let made = try await cloud.call(
        "registerUserData", ["name": "boot", "userdata": "aGVsbG8=", "params": "a,b"], as: keys)
      let source = try #require(made.at("registeruserdataresponse", "userdata", "id"), "\(made.errorText ?? "")")
      #expect(
        try await cloud.call("registerUserData", ["name": "boot", "userdata": "aGVsbG8="], as: keys).status == 431)
      var request = try await deployment(cloud, "web")
      request["userdataid"] = source
      request["startvm"] = "false"
      let id = try #require(try await cloud.done("deployVirtualMachine", request, as: keys))
      #expect(cloud.machine(id)?.userData == Array("hello".utf8))
      request["userdata"] = "aGVsbG8="
      request["name"] = "other"
      #expect(try await cloud.call("deployVirtualMachine", request, as: keys).status == 431)
      let listed = try await cloud.call(
        "listVirtualMachines", ["userdataid": source, "userdata": "true"], as: keys)
      #expect(listed.at("listvirtualmachinesresponse", "virtualmachine", "userdata") == "aGVsbG8=")
      #expect(try await cloud.call("deleteUserData", ["id": source], as: keys).status == 431, "in use")
      let reset = try await cloud.call("resetUserDataForVirtualMachine", ["id": id, "userdata": "Ynll"])
      #expect(reset.status == 200, "\(reset.errorText ?? "")")
      #expect(cloud.machine(id)?.userData == Array("bye".utf8))
      #expect(try await cloud.call("deleteUserData", ["id": source], as: keys).status == 200)
    }
  }

  @Test(.timeLimit(.minutes(1))) func `a template brings user data for its instances`() async throws {
    try await TestCloud.living { cloud in
      let keys = try await cloud.account("alice")
      let made = try await cloud.call(
        "registerUserData", ["name": "boot", "userdata": "IyEvYmluL3NoCg==", "params": "a,b"], as: keys)
      let source = try #require(made.at("registeruserdataresponse", "userdata", "id"))
      var request = try await deployment(cloud, "web")
      let image = [
        "name": "mine", "format": "RAW", "hypervisor": "Simulator", "url": "http://example.org/image",
        "zoneid": request["zoneid"] ?? "",
      ]
      let template = try #require(
        try await cloud.call("registerTemplate", image, as: keys).at("registertemplateresponse", "template", "id"))
      func link(_ parameters: [String: String]) async throws -> Told {
        try await cloud.call("linkUserDataToTemplate", parameters.merging(["templateid": template]) { $1 }, as: keys)
      }
      request["templateid"] = template
      request["startvm"] = "false"
      func deploy(_ name: String, _ own: String? = nil) async throws -> String? {
        request["name"] = name
        request["userdata"] = own
        let told = try await cloud.call("deployVirtualMachine", request, as: keys)
        guard told.status == 200 else { return told.errorText }
        let id = try #require(told.at("deployvirtualmachineresponse", "id"))
        return cloud.machine(id).map { String(decoding: $0.userData, as: UTF8.self) }
      }
      let linked = try await link(["userdataid": source])
      #expect(linked.at("linkuserdatatotemplateresponse", "template", "userdatapolicy") == "ALLOWOVERRIDE")
      #expect(linked.at("linkuserdatatotemplateresponse", "template", "userdataname") == "boot")
      #expect(linked.at("linkuserdatatotemplateresponse", "template", "userdataparams") == "a,b")
      #expect(try await deploy("a") == "#!/bin/sh\n")
      #expect(try await deploy("b", "aGVsbG8=") == "hello")
      #expect(try await link(["userdataid": source, "userdatapolicy": "denyoverride"]).status == 200)
      #expect(try await deploy("c") == "#!/bin/sh\n")
      #expect(try await deploy("d", "aGVsbG8=")?.contains("configured to deny any userdata") == true)
      #expect(try await link(["userdataid": source, "userdatapolicy": "APPEND"]).status == 200)
      #expect(
        try await deploy("e", "aGVsbG8=") == """
          Content-Type: multipart/mixed; boundary="daruma-user-data"\r
          MIME-Version: 1.0\r
          \r
          --daruma-user-data\r
          Content-Type: text/x-shellscript\r
          MIME-Version: 1.0\r
          Content-Transfer-Encoding: base64\r
          \r
          IyEvYmluL3NoCg==\r
          --daruma-user-data\r
          Content-Type: text/plain\r
          MIME-Version: 1.0\r
          Content-Transfer-Encoding: base64\r
          \r
          aGVsbG8=\r
          --daruma-user-data--\r

          """)
      let refused = try await cloud.call("deleteUserData", ["id": source], as: keys)
      #expect(refused.errorText?.contains("linked to active template") == true)
      let unlinked = try await link([:])
      #expect(unlinked.at("linkuserdatatotemplateresponse", "template", "userdataid") == nil)
      #expect(try await deploy("f") == "")
      #expect(try await link(["userdataid": source]).status == 200)
      _ = try await cloud.done("deleteTemplate", ["id": template, "forced": "true"], as: keys)
      #expect(try await cloud.call("deleteUserData", ["id": source], as: keys).status == 200)
    }
  }
}
