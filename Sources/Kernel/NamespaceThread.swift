import CLinux
import Glibc

private final class ThreadJob {
  let run: () -> Void
  init(_ run: @escaping () -> Void) { self.run = run }
}

private func runJob(_ argument: UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? {
  guard let argument else { return nil }
  Unmanaged<ThreadJob>.fromOpaque(argument).takeRetainedValue().run()
  return nil
}

/// Runs `body` on an operating system thread of its own and waits for it.
///
/// A thread that entered a namespace keeps that namespace alive, so none is kept: the thread ends with `body`.
func onThreadOfItsOwn<T>(_ body: () throws -> T) throws -> T {
  var result: Result<T, any Error>?
  try withoutActuallyEscaping(body) { body in
    let job = Unmanaged.passRetained(ThreadJob { result = Result { try body() } })
    var thread = pthread_t()
    let code = pthread_create(&thread, nil, runJob, job.toOpaque())
    if code != 0 {
      job.release()
      throw KernelError(code: code, operation: "start a thread")
    }
    pthread_join(thread, nil)
  }
  guard let result else { throw KernelError(code: ECANCELED, operation: "run a thread") }
  return try result.get()
}
