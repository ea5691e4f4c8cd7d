/// Keeps a board's availability in a file. Counts once a second; shows and saves once a minute.
package struct AvailabilityRecord {
  private var book: AvailabilityBook
  private let file: DurableFile
  private let board: StatusBoard
  private var counted: Moment?
  private var shown: Moment?

  package init(of board: StatusBoard, path: String, now: Moment) throws(StatusPageError) {
    self.board = board
    file = DurableFile(path: path)
    book = try file.load(AvailabilityBook.self, now: now) ?? AvailabilityBook()
    board.show(book)
  }

  /// Call it as often as the board is brought up to date.
  /// - Parameter unknown: components that nobody looks at now; their time counts as neither up nor down.
  /// - Throws: when it cannot be kept; what is shown is right nevertheless.
  package mutating func advance(unknown: Set<String> = [], now: Moment) throws(StatusPageError) {
    if let counted, abs(now.seconds(since: counted)) < 1 { return }
    counted = now
    book.count(board.components, unknown: unknown, now: now)
    if let shown, abs(now.seconds(since: shown)) < 60 { return }
    // Not at once: there is nothing to tell of yet.
    defer { shown = now }
    guard shown != nil else { return }
    board.show(book)
    try file.save(book)
  }
}
