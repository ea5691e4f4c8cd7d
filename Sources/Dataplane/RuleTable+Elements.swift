import Kernel

extension RuleTable {
  /// Elements as words: for each the place of its set, and its record.
  mutating func pack(_ elements: [SetElement]) throws(DataplaneError) -> [UInt32] {
    var words: [UInt32] = []
    words.reserveCapacity(elements.count * 4)
    for item in elements {
      guard let place = places[item.set], isDeclared[place] else {
        throw DataplaneError(.invalid, "there is no set \(item.set) in the router")
      }
      words.append(UInt32(place))
      pack(item.element, place, &words)
    }
    return words
  }

  private mutating func pack(_ element: NFTElement, _ place: Int, _ words: inout [UInt32]) {
    element.key.append(words: stores[place].keyWords, to: &words)
    if stores[place].endWords > 0 { (element.keyEnd ?? element.key).append(words: stores[place].endWords, to: &words) }
    if stores[place].hasVerdicts {
      words.append(number(of: element.verdict ?? .continue))
    } else if stores[place].valueWords > 0 {
      (element.data ?? NFTBytes()).append(words: stores[place].valueWords, to: &words)
    }
  }

  private mutating func number(of verdict: NFTVerdict) -> UInt32 {
    if let number = verdictNumbers[verdict] { return number }
    let number = UInt32(verdicts.count)
    verdicts.append(verdict)
    verdictNumbers[verdict] = number
    return number
  }

  /// The element at a position of a set's store.
  func element(_ store: PackedElements, _ position: Int) -> NFTElement {
    let words = store.records[(position * store.stride)...]
    let rest = words.dropFirst(store.keyWords)
    var element = NFTElement(NFTBytes(words: words.prefix(store.keyWords)))
    if store.endWords > 0 { element.keyEnd = NFTBytes(words: rest.prefix(store.endWords)) }
    let value = rest.dropFirst(store.endWords)
    if store.hasVerdicts {
      element.verdict = value.first.map { verdicts[Int($0)] }
    } else if store.valueWords > 0 {
      element.data = NFTBytes(words: value.prefix(store.valueWords))
    }
    return element
  }

  /// All of a set.
  func elements(in set: String) -> PackedElements? { places[set].map { stores[$0] } }

  func elements(listedIn set: String) -> [NFTElement] {
    elements(in: set).map { store in (0..<store.count).map { element(store, $0) } } ?? []
  }

  func element(in set: String, _ key: NFTBytes) -> NFTElement? {
    guard let place = places[set], let position = stores[place].position(of: key) else { return nil }
    return element(stores[place], position)
  }

  func contains(_ set: String, _ key: NFTBytes) -> Bool {
    places[set].map { stores[$0].position(of: key) != nil } ?? false
  }

  func keys(in set: String) -> [NFTBytes] {
    guard let store = elements(in: set) else { return [] }
    return (0..<store.count).map { NFTBytes(words: store.records[($0 * store.stride)...].prefix(store.keyWords)) }
  }

  /// Elements of all sets.
  var count: Int { stores.reduce(0) { $0 + $1.count } }

  func count(of set: String) -> Int { places[set].map { stores[$0].count } ?? 0 }

  /// Keys that were in the set at the last commit and are not wanted any more.
  func removedKeys(of set: String) -> [NFTBytes] {
    guard let place = places[set] else { return [] }
    let before = touched[place]
    return (0..<before.count).compactMap { position in
      guard before.tags[position] == 1,
        before.withRecord(at: position, { stores[place].position($0) == nil }) == true
      else { return nil }
      return NFTBytes(words: before.records[(position * before.stride)...].prefix(before.keyWords))
    }
  }
}
