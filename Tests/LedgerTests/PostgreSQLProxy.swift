import Foundation
import Glibc
import Synchronization

/// Stands between a client and the server's socket, and cuts connections at moments when it hurts.
final class PostgreSQLProxy: Sendable {
  enum Cut: Sendable, CaseIterable {
    /// The statement does not arrive.
    case before
    /// The statement arrives, its answer does not.
    case after
    /// The statement arrives long after the client's connection was cut.
    case late
  }

  /// The port that stands for it in the folder of the server's socket.
  static let port = 5433
  private let target: String
  private let listener: Int32
  private let plan = Mutex<Cut?>(nil)

  init(_ server: PostgreSQLServer) throws {
    target = server.folder + "/.s.PGSQL.5432"
    listener = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
    let path = server.folder + "/.s.PGSQL.\(Self.port)"
    guard Self.with(path, { bind(listener, $0, $1) }) == 0, listen(listener, 16) == 0 else {
      throw POSIXError(.EADDRINUSE)
    }
    Thread.detachNewThread { [listener, self] in
      while true {
        let client = accept(listener, nil, nil)
        guard client >= 0 else { return }
        Thread.detachNewThread { self.serve(client) }
      }
    }
  }

  /// Cuts the connection that next sends a write.
  func cut(_ cut: Cut) { plan.withLock { $0 = cut } }
  var isDone: Bool { plan.withLock { $0 == nil } }

  func close() { shutdown(listener, Int32(SHUT_RDWR)) }

  private func serve(_ client: Int32) {
    let server = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
    defer {
      Glibc.close(client)
      Glibc.close(server)
    }
    guard Self.with(target, { connect(server, $0, $1) }) == 0 else { return }
    var buffer = [UInt8](repeating: 0, count: 1 << 20)
    // Where a statement was prepared, its name is all that tells it apart.
    var isWriter = false
    while true {
      var descriptors = [pollfd(fd: client, events: Int16(POLLIN), revents: 0)]
      descriptors.append(pollfd(fd: server, events: Int16(POLLIN), revents: 0))
      guard poll(&descriptors, 2, -1) > 0 else { return }
      for (from, to, revents) in [(client, server, descriptors[0].revents), (server, client, descriptors[1].revents)]
      where revents != 0 {
        let count = read(from, &buffer, buffer.count)
        guard count > 0 else { return }
        let bytes = buffer[..<count]
        if from == client {
          if bytes.contains("INSERT INTO daruma.revision") { isWriter = true }
          // A bound statement, not one that is being prepared.
          if isWriter, bytes.first == UInt8(ascii: "B"), let cut = take() {
            switch cut {
            case .before: return
            case .after:
              guard Self.send(bytes, to) else { return }
              _ = read(server, &buffer, buffer.count)
              return
            case .late:
              shutdown(client, Int32(SHUT_RDWR))
              usleep(300_000)
              _ = Self.send(bytes, to)
              _ = read(server, &buffer, buffer.count)
              return
            }
          }
        }
        guard Self.send(bytes, to) else { return }
      }
    }
  }

  private func take() -> Cut? {
    plan.withLock { plan in
      defer { plan = nil }
      return plan
    }
  }

  private static func send(_ bytes: ArraySlice<UInt8>, _ socket: Int32) -> Bool {
    var rest = bytes
    while !rest.isEmpty {
      let count = rest.withUnsafeBytes { Glibc.send(socket, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
      guard count > 0 else { return false }
      rest = rest.dropFirst(count)
    }
    return true
  }

  private static func with(_ path: String, _ body: (UnsafePointer<sockaddr>, socklen_t) -> Int32) -> Int32 {
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8.prefix($0.count - 1)) }
    return withUnsafePointer(to: &address) { address in
      address.withMemoryRebound(to: sockaddr.self, capacity: 1) { body($0, socklen_t(MemoryLayout<sockaddr_un>.size)) }
    }
  }
}

extension ArraySlice<UInt8> {
  fileprivate func contains(_ text: String) -> Bool { Data(self).range(of: Data(text.utf8)) != nil }
}
