import Dataplane
import Testing

@Suite struct NamesTests {
  @Test func `names end in the first twelve hex digits`() {
    #expect(Names.router("01234567-89ab-cdef-0123-456789abcdef") == "r-0123456789ab")
  }
}
