import CloudModel
import FoundationEssentials
import Glibc
import Testing

@testable import Ledger

@Suite struct KeyFileTests {
  let folder = Folder()

  private var uses: [() throws -> Void] {
    [{ _ = try KeyFile(folder.keys).read() }, { try KeyFile(folder.keys).add() }]
  }

  private func expectRefusal(_ text: String) throws {
    let before = try folder.content()
    for change in uses {
      let error = #expect(throws: LedgerError.self) { try change() }
      #expect(error?.code == .key)
      #expect(error?.message.contains(text) == true, "\(String(describing: error))")
    }
    #expect(try folder.content() == before)
  }

  @Test func `a file that is not there is no error, and is made with the first key`() throws {
    let file = KeyFile(folder.keys)
    #expect(try !file.read())
    #expect(try folder.content().isEmpty)
    try file.add()
    #expect(file.numbers == [1])
    var status = stat()
    #expect(stat(folder.keys, &status) == 0 && status.st_mode & 0o7777 == 0o600)
    let again = KeyFile(folder.keys)
    #expect(try again.read())
    #expect(try again.key(1)?.proof == file.key(1)?.proof)
  }

  @Test func `keys that several add at once are all there, each with a number of its own`() async throws {
    try await withThrowingTaskGroup(of: Void.self) { group in
      for _ in 0..<8 {
        group.addTask { for _ in 0..<5 { try KeyFile(folder.keys).add() } }
      }
      try await group.waitForAll()
    }
    let file = KeyFile(folder.keys)
    #expect(try file.read())
    #expect(file.numbers == Set(1...40))
    let proofs = try file.numbers.map { try file.key($0)?.proof }
    #expect(Set(proofs).count == 40)
  }

  @Test func `a file that was changed is read again, but not one that lacks what is needed`() throws {
    let file = KeyFile(folder.keys)
    try file.add()
    let first = try folder.content()
    let other = KeyFile(folder.keys)
    #expect(try other.read())
    try file.add()
    #expect(try other.key(2)?.proof == file.key(2)?.proof)
    other.need([2: try #require(try other.key(2)).proof])
    try folder.write(first)
    #expect(#expect(throws: LedgerError.self) { try other.read() }?.message.contains("no longer has key 2") == true)
    #expect(try other.key(2) != nil)
  }

  @Test func `a file that is open to others, somebody else's or no file is refused`() throws {
    let file = KeyFile(folder.keys)
    try file.add()
    for mode in [0o604, 0o640, 0o660, 0o606] as [mode_t] {
      chmod(folder.keys, mode)
      try expectRefusal("chmod 600")
    }
    chmod(folder.keys, 0o600)
    if geteuid() == 0 {
      chown(folder.keys, 65534, 65534)
      try expectRefusal("chown 0")
      chown(folder.keys, 0, 0)
    }
    #expect(try KeyFile(folder.keys).read())
    rename(folder.keys, folder.path + "/elsewhere")
    symlink(folder.path + "/elsewhere", folder.keys)
    try expectRefusal("cannot be opened")
    unlink(folder.keys)
    mkfifo(folder.keys, 0o600)
    for change in uses {
      #expect(#expect(throws: LedgerError.self) { try change() }?.message.contains("not a file") == true)
    }
  }

  @Test func `a file that was cut or altered is refused`() throws {
    let file = KeyFile(folder.keys)
    try file.add()
    try file.add()
    let whole = try #require(try folder.content()["secrets.key"])
    for length in 0..<whole.count {
      try folder.write(["secrets.key": whole.prefix(length)])
      try expectRefusal("damaged")
    }
    for place in whole.indices {
      var altered = whole
      altered[place] ^= 1
      try folder.write(["secrets.key": altered])
      try expectRefusal("damaged")
    }
    try folder.write(["secrets.key": whole + whole])
    try expectRefusal("damaged")
    try folder.write(["secrets.key": Data(repeating: 0x6b, count: 1 << 20)])
    try expectRefusal("damaged")
    try folder.write(["secrets.key": whole])
    #expect(try KeyFile(folder.keys).read())
  }
}
