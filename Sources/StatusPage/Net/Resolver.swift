import Glibc
import NIOCore
import NIOPosix

/// Names to addresses, by the system's resolver, off the event loops.
enum Resolver {
  static func addresses(_ host: String, _ port: Int) async throws(NetworkError) -> [SocketAddress] {
    let outcome: Result<[SocketAddress], NetworkError>
    do {
      outcome = try await NIOThreadPool.singleton.runIfActive { lookUp(host, port) }
    } catch { throw NetworkError("cannot look up \(host.clipped): \(error)") }
    return try outcome.get()
  }

  private static func lookUp(_ host: String, _ port: Int) -> Result<[SocketAddress], NetworkError> {
    var hints = addrinfo()
    hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
    var list: UnsafeMutablePointer<addrinfo>?
    let code = getaddrinfo(host, String(port), &hints, &list)
    guard code == 0 else {
      return .failure(NetworkError("cannot look up \(host.clipped): \(String(cString: gai_strerror(code)))"))
    }
    defer { freeaddrinfo(list) }
    var addresses: [SocketAddress] = []
    var next = list
    while let entry = next?.pointee, addresses.count < 16 {
      if let address = entry.ai_addr {
        switch entry.ai_family {
        case AF_INET:
          address.withMemoryRebound(to: sockaddr_in.self, capacity: 1) { addresses.append(SocketAddress($0.pointee)) }
        case AF_INET6:
          address.withMemoryRebound(to: sockaddr_in6.self, capacity: 1) { addresses.append(SocketAddress($0.pointee)) }
        default: break
        }
      }
      next = entry.ai_next
    }
    return addresses.isEmpty ? .failure(NetworkError("\(host.clipped) has no address")) : .success(addresses)
  }
}

package struct NetworkError: Error, CustomStringConvertible, Sendable {
  package var description: String

  init(_ description: String) { self.description = description }
}

/// Runs `body`, but not longer than `limit`.
func limited<Answer: Sendable>(
  _ limit: Duration, _ what: String, _ body: @escaping @Sendable () async throws -> Answer
) async throws -> Answer {
  try await withThrowingTaskGroup(of: Answer.self) { group in
    group.addTask { try await body() }
    group.addTask {
      try await Task.sleep(for: limit)
      throw NetworkError("\(what): no answer within \(limit.components.seconds) s")
    }
    defer { group.cancelAll() }
    guard let answer = try await group.next() else { throw CancellationError() }
    return answer
  }
}
