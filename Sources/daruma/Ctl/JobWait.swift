import Foundation

/// Waits for a job, and says so where somebody watches.
struct JobWait {
  let client: APIClient
  let job: String
  let command: String
  let limit: Duration

  func result() async throws -> APIClient.Object {
    let began = ContinuousClock.now
    let isWatched = isatty(STDERR_FILENO) == 1
    defer { if isWatched { show("") } }
    var pause = Duration.milliseconds(10)
    while ContinuousClock.now - began < limit {
      if isWatched { show("\(command) … \((ContinuousClock.now - began).components.seconds) s") }
      let answer = try await client.call("queryAsyncJobResult", ["jobid": job])
      switch answer["jobstatus"] as? Int {
      case 1: return answer["jobresult"] as? APIClient.Object ?? [:]
      case 2:
        let result = answer["jobresult"] as? APIClient.Object
        throw CommandFailure("\(command): \(result?["errortext"] as? String ?? "failed") (job \(job))")
      default: break
      }
      try await Task.sleep(for: pause)
      pause = min(pause * 2, .milliseconds(500))
    }
    throw CommandFailure(
      "\(command) is not finished after \(limit.components.seconds) s; ask later: ctl call queryAsyncJobResult jobid=\(job)"
    )
  }

  private func show(_ text: String) {
    FileHandle.standardError.write(Data("\r\u{1B}[K\(text)".utf8))
  }
}
