import CloudModel
import Foundation
import Glibc
import Testing

@testable import Ledger

@Suite struct SecretsTests {
  let apart = Folder()

  private func prepare(_ kept: Kept) async throws -> any Place {
    let place = try await kept.place()
    let ledger = try place.open(keys: KeyFile(apart.keys), create: true)
    try await ledger.takeUpKeys()
    await ledger.close()
    return place
  }

  @Test(arguments: Kept.allCases) func `no secret is found in what is stored, and each is read as it was`(
    kept: Kept
  ) async throws {
    let place = try await prepare(kept)
    var ledger = try await place.reopened(keys: KeyFile(apart.keys))
    let (user, machine, plain) = (user(1), machine("#!/bin/sh\nmysecretuserdata"), machine(""))
    let follower = try (place as? PostgreSQLPlace).map {
      try Follower.open($0.access, keys: KeyFile(apart.keys), logger: quiet)
    }
    try await ledger.put(user)
    try await ledger.put(machine)
    try await ledger.put(plain)
    try expectSealed(place)
    var other = user
    other.secretKey = "mysecret-other"
    try await ledger.put(other)
    if let follower {
      try await until { follower.snapshot.revision == ledger.snapshot.revision }
      #expect(follower.snapshot.state.users[user.id] == other)
      #expect(follower.snapshot.state.virtualMachines[machine.id] == machine)
      follower.close()
    }
    #expect(try ledger.history(from: 1, to: 10).flatMap(\.changes).contains { $0.before as? User == user })
    await ledger.close()
    try expectSealed(place)
    ledger = try await place.reopened(keys: KeyFile(apart.keys))
    #expect(ledger.snapshot.state.users[user.id] == other)
    #expect(ledger.snapshot.state.virtualMachines[machine.id] == machine)
    #expect(ledger.snapshot.state.virtualMachines[plain.id] == plain)
    try await ledger.delete(user.id)
    #expect(try ledger.history(from: 1, to: 10).last?.changes.first?.before as? User == other)
    await ledger.close()
    try expectSealed(place)
  }

  private func expectSealed(_ place: any Place) throws {
    for (name, data) in try place.image() {
      let hex = Data("mysecret".utf8.flatMap { String(UInt16($0) + 256, radix: 16).dropFirst().utf8 })
      #expect(data.range(of: Data("mysecret".utf8)) == nil && data.range(of: hex) == nil, "\(name)")
    }
  }

  @Test(arguments: Kept.allCases, [true, false])
  func `a key that is missing, another one or out of place is found out, and changes nothing`(
    kept: Kept, hasSecrets: Bool
  ) async throws {
    let place = try await prepare(kept)
    var ledger = try await place.reopened(keys: KeyFile(apart.keys))
    if hasSecrets { try await ledger.put(user(1)) }
    await ledger.close()
    let (image, right) = (try place.image(), try apart.content())
    func expectRefusal(_ keys: KeyFile?, _ text: String) async throws {
      let error = await #expect(throws: LedgerError.self) { try await place.reopened(keys: keys) }
      #expect(error?.code == .key)
      #expect(error?.message.contains(text) == true, "\(String(describing: error))")
      #expect(try place.image() == image)
      if let place = place as? PostgreSQLPlace {
        let error = #expect(throws: LedgerError.self) { try Follower.open(place.access, keys: keys, logger: quiet) }
        #expect(error?.code == .key)
      }
    }
    try await expectRefusal(nil, "key 1")
    try FileManager.default.removeItem(atPath: apart.keys)
    try await expectRefusal(KeyFile(apart.keys), "key 1, which \(apart.keys) does not have")
    #expect(try apart.content().isEmpty)
    try KeyFile(apart.keys).add()
    try await expectRefusal(KeyFile(apart.keys), "another key 1")
    try apart.write(right)
    chmod(apart.keys, 0o640)
    try await expectRefusal(KeyFile(apart.keys), "chmod 600")
    try apart.write(["secrets.key": try #require(right["secrets.key"]).dropLast(3)])
    try await expectRefusal(KeyFile(apart.keys), "damaged")
    try apart.write(right)
    ledger = try await place.reopened(keys: KeyFile(apart.keys))
    #expect(ledger.snapshot.state.users.count == (hasSecrets ? 1 : 0))
    await ledger.close()
  }

  @Test(arguments: Kept.allCases)
  func `a key file that goes away or is replaced while the ledger is open costs nothing`(
    kept: Kept
  ) async throws {
    let place = try await prepare(kept)
    let ledger = try await place.reopened(keys: KeyFile(apart.keys))
    let right = try apart.content()
    try FileManager.default.removeItem(atPath: apart.keys)
    await #expect(throws: LedgerError.self) { try await ledger.tendKeys() }
    try await ledger.put(user(1))
    try KeyFile(apart.keys).add()
    try KeyFile(apart.keys).add()
    await #expect(throws: LedgerError.self) { try await ledger.tendKeys() }
    try await ledger.put(user(2))
    try apart.write(right)
    #expect(try await ledger.tendKeys() == SealingStanding(sealing: 1, kept: [1]))
    await ledger.close()
    let again = try await place.reopened(keys: KeyFile(apart.keys))
    #expect(again.snapshot.state.users.count == 2)
    await again.close()
  }

  /// Secrets under one key.
  private func keyed() throws -> Secrets {
    let file = KeyFile(apart.keys)
    if try !file.read() { try file.add() }
    var state = CloudState()
    let key = try #require(try file.key(1))
    try state.sealingKeys.put(SealingKey(id: ID(UUID()), number: 1, proof: key.proof, created: epoch))
    let secrets = Secrets(file)
    try secrets.check(state, "here")
    return secrets
  }

  private func sealed(_ user: User, _ secrets: Secrets) throws -> [UInt8] {
    let fields = try #require(SecretFields.byKind[User.kind])
    return try secrets.sealed(fields, of: user.id.uuid, RevisionContent.encode(user), under: 1)
  }

  @Test func `a sealed field opens only where it was sealed`() throws {
    let secrets = try keyed()
    let one = user(1)
    let body = try sealed(one, secrets)
    #expect(try User.decode(body[...], id: one.id.uuid, secrets) == one)
    #expect(try sealed(one, secrets) != body)
    // Into another resource: the id in the body is the other's, as is what is secret.
    var other = user(2)
    let stolen = try sealed(other, secrets)
    other = one
    for field in ["apiKey", "passwordHash", "secretKey"] {
      let moved = try Self.replace(field, in: body, with: Self.value(field, of: stolen))
      expectDamage { try User.decode(moved[...], id: one.id.uuid, secrets) }
      let next = field == "apiKey" ? "secretKey" : "apiKey"
      let swapped = try Self.replace(field, in: body, with: Self.value(next, of: body))
      expectDamage { try User.decode(swapped[...], id: one.id.uuid, secrets) }
      let clear = try Self.replace(field, in: body, with: [Tag.shortText + 1, 0x61])
      expectDamage { try User.decode(clear[...], id: one.id.uuid, secrets) }
    }
  }

  @Test func `a sealed body that is cut or altered is an error`() throws {
    let secrets = try keyed()
    let one = user(1)
    let body = try sealed(one, secrets)
    for field in ["apiKey", "passwordHash", "secretKey"] {
      let value = try Self.value(field, of: body)
      for place in value.indices {
        var altered = value
        altered[place] ^= 1
        let body = try? Self.replace(field, in: body, with: altered)
        #expect(throws: (any Error).self) {
          try User.decode(#require(body)[...], id: one.id.uuid, secrets)
        }
      }
    }
    for length in 0..<body.count {
      #expect(throws: (any Error).self) { try User.decode(body[..<length], id: one.id.uuid, secrets) }
    }
  }

  private func expectDamage(_ body: () throws -> User) {
    #expect(#expect(throws: LedgerError.self) { _ = try body() }?.code == .damaged)
  }

  private static func range(_ field: String, in bytes: [UInt8]) throws -> Range<Int> {
    let body = Body(bytes)
    var position = try body.begin(Tag.fields, at: 0)
    while let name = try body.name(&position) {
      let start = position
      try body.skip(&position)
      if name == .known(FieldNames.code(of: field)) { return start..<position }
    }
    throw Body.malformed("there is no \(field)")
  }

  private static func value(_ field: String, of body: [UInt8]) throws -> [UInt8] {
    Array(body[try range(field, in: body)])
  }

  private static func replace(_ field: String, in body: [UInt8], with value: [UInt8]) throws -> [UInt8] {
    var body = body
    body.replaceSubrange(try range(field, in: body), with: value)
    return body
  }
}

func user(_ number: Int) -> User {
  User(
    id: ID(UUID()), username: "user-\(number)", account: ID(UUID()), domain: ID(UUID()), firstname: "", lastname: "",
    email: "", passwordHash: "mysecret-hash", apiKey: "mysecret-key-\(number)", secretKey: "mysecret-\(number)",
    created: epoch)
}

func machine(_ userData: String) -> VirtualMachine {
  VirtualMachine(
    id: ID(UUID()), name: "v", displayName: "v", account: ID(UUID()), zone: ID(UUID()), template: ID(UUID()),
    offering: ID(UUID()), hypervisor: .kvm, state: .running, userData: Array(userData.utf8), created: epoch)
}
