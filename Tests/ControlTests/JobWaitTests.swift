import CloudModel
import Ledger
import Testing

@testable import Control

@Suite struct JobWaitTests {
  private let waits = JobWaits()
  private let job = ID<AsyncJob>(.random())
  private let clock = ContinuousClock()

  @Test func `who waits hears of the end at once, and nobody of another job's`() async {
    let other = ID<AsyncJob>(.random())
    let time = await clock.measure {
      await withTaskGroup(of: Void.self) { group in
        for _ in 0..<10 { group.addTask { await waits.wait(for: job, .seconds(60)) { false } } }
        while waits.count < 10 { await Task.yield() }
        waits.wake(other)
        #expect(waits.count == 10)
        waits.wake(job)
      }
    }
    #expect(time < .seconds(30))
    #expect(waits.count == 0)
  }

  @Test func `a wait ends with its time, and others go on`() async {
    let long = Task { await waits.wait(for: job, .seconds(60)) { false } }
    while waits.count < 1 { await Task.yield() }
    let time = await clock.measure { await waits.wait(for: job, .milliseconds(50)) { false } }
    #expect(time >= .milliseconds(50) && time < .seconds(30))
    #expect(waits.count == 1)
    waits.wake(job)
    await long.value
  }

  @Test func `an end that came before is not waited for`() async {
    let time = await clock.measure { await waits.wait(for: job, .seconds(60)) { true } }
    #expect(time < .seconds(30))
    #expect(waits.count == 0)
  }

  @Test func `a task that is cancelled waits no longer, whenever that is`() async {
    let time = await clock.measure {
      for _ in 0..<200 {
        let task = Task { await waits.wait(for: job, .seconds(60)) { false } }
        if Bool.random() { await Task.yield() }
        task.cancel()
        await task.value
      }
    }
    #expect(time < .seconds(30))
    #expect(waits.count == 0)
  }

  @Test func `who must wait does so however many there are`() async {
    await withTaskGroup(of: Void.self) { group in
      for _ in 0...JobWaits.limit {
        group.addTask { await waits.wait(for: job, .seconds(60)) { false } }
      }
      while waits.count <= JobWaits.limit { await Task.yield() }
      #expect(waits.isFull)
      waits.wake(job)
    }
    #expect(waits.count == 0 && !waits.isFull)
  }
}
