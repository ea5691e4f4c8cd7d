import CLinux

/// Changes of nf_tables in the making, to be committed as one transaction.
///
/// Every call adds messages in order; the optional label is what an error tells about the message.
package struct NFTBatch: Sendable {
  /// Elements in one message at most.
  package static let elementsPerMessage = 1000

  private(set) var buffer = NetlinkBuffer()
  /// How many messages there are.
  package private(set) var count = 0
  private var labels: [Int: String] = [:]
  private var setNumber: UInt32 = 0

  package init() { buffer.reserve(1024) }

  package var isEmpty: Bool { count == 0 }
  /// Bytes of all messages.
  package var size: Int { buffer.count }

  package mutating func reserve(_ bytes: Int) { buffer.reserve(bytes) }

  func label(_ message: Int) -> String? { labels[message] }

  private mutating func add(
    _ type: nf_tables_msg_types, _ flags: Int32 = 0, _ family: NFTFamily, _ label: String?,
    _ fill: (inout NetlinkBuffer) -> Void
  ) {
    if let label { labels[count] = label }
    count += 1
    buffer.message(
      type: nftMessageType(type), flags: NLM_F_REQUEST | flags, sequence: UInt32(truncatingIfNeeded: count)
    ) {
      $0.append(netfilterHeader(family.rawValue))
      fill(&$0)
    }
  }

  /// No error if it is there already.
  package mutating func addTable(_ family: NFTFamily, _ name: String, label: String? = nil) {
    add(NFT_MSG_NEWTABLE, NLM_F_CREATE, family, label) { $0.put(NFTA_TABLE_NAME, name) }
  }

  package mutating func deleteTable(_ family: NFTFamily, _ name: String, label: String? = nil) {
    add(NFT_MSG_DELTABLE, 0, family, label) { $0.put(NFTA_TABLE_NAME, name) }
  }

  /// Deletes the table with everything in it, if it is there.
  package mutating func destroyTable(_ family: NFTFamily, _ name: String, label: String? = nil) {
    addTable(family, name, label: label)
    deleteTable(family, name, label: label)
  }

  /// No error if it is there already. With `exclusive` that is EEXIST.
  package mutating func addChain(
    _ family: NFTFamily, _ table: String, _ name: String, base: NFTBaseChain? = nil, exclusive: Bool = false,
    label: String? = nil
  ) {
    add(NFT_MSG_NEWCHAIN, exclusive ? createOnly : NLM_F_CREATE, family, label) { buffer in
      buffer.put(NFTA_CHAIN_TABLE, table)
      buffer.put(NFTA_CHAIN_NAME, name)
      guard let base else { return }
      buffer.nest(NFTA_CHAIN_HOOK) { buffer in
        buffer.put(NFTA_HOOK_HOOKNUM, big: base.hook.rawValue)
        buffer.put(NFTA_HOOK_PRIORITY, big: base.priority)
      }
      buffer.put(NFTA_CHAIN_POLICY, big: UInt32(base.policy == .drop ? 0 : 1))
      buffer.put(NFTA_CHAIN_TYPE, base.kind.rawValue)
    }
  }

  package mutating func deleteChain(_ family: NFTFamily, _ table: String, _ name: String, label: String? = nil) {
    add(NFT_MSG_DELCHAIN, 0, family, label) {
      $0.put(NFTA_CHAIN_TABLE, table)
      $0.put(NFTA_CHAIN_NAME, name)
    }
  }

  /// Deletes all rules of the chain.
  package mutating func flushChain(_ family: NFTFamily, _ table: String, _ name: String, label: String? = nil) {
    add(NFT_MSG_DELRULE, 0, family, label) {
      $0.put(NFTA_RULE_TABLE, table)
      $0.put(NFTA_RULE_CHAIN, name)
    }
  }

  /// Deletes all rules of the table.
  package mutating func flushTable(_ family: NFTFamily, _ table: String, label: String? = nil) {
    add(NFT_MSG_DELRULE, 0, family, label) { $0.put(NFTA_RULE_TABLE, table) }
  }

  /// Appends a rule to the chain. The comment, of 127 bytes at most, is what `nft list` shows.
  package mutating func addRule(
    _ family: NFTFamily, _ table: String, _ chain: String, _ expressions: [NFTExpression], comment: String? = nil,
    label: String? = nil
  ) {
    add(NFT_MSG_NEWRULE, NLM_F_CREATE | NLM_F_APPEND, family, label) { buffer in
      buffer.put(NFTA_RULE_TABLE, table)
      buffer.put(NFTA_RULE_CHAIN, chain)
      NFTExpression.write(expressions, family: family, &buffer)
      if let comment { buffer.put(NFTA_RULE_USERDATA, bytes: NFTUserData.comment(comment)) }
    }
  }

  package mutating func deleteRule(
    _ family: NFTFamily, _ table: String, _ chain: String, handle: UInt64, label: String? = nil
  ) {
    add(NFT_MSG_DELRULE, 0, family, label) {
      $0.put(NFTA_RULE_TABLE, table)
      $0.put(NFTA_RULE_CHAIN, chain)
      $0.put(NFTA_RULE_HANDLE, big: handle)
    }
  }

  /// A set of keys of one or more fields. `size` is the number of elements it may ever hold; with it, filling takes
  /// half the time. Several fields with `.interval` are ranges in every field.
  package mutating func addSet(
    _ family: NFTFamily, _ table: String, _ name: String, key: [NFTType], size: Int? = nil, flags: NFTSetFlags = [],
    label: String? = nil
  ) {
    newSet(family, table, name, key: key, data: nil, size: size, flags: flags, label)
  }

  package mutating func addMap(
    _ family: NFTFamily, _ table: String, _ name: String, key: [NFTType], data: NFTMapData, size: Int? = nil,
    flags: NFTSetFlags = [], label: String? = nil
  ) {
    newSet(family, table, name, key: key, data: data, size: size, flags: flags.union(.map), label)
  }

  private mutating func newSet(
    _ family: NFTFamily, _ table: String, _ name: String, key: [NFTType], data: NFTMapData?, size: Int?,
    flags: NFTSetFlags, _ label: String?
  ) {
    setNumber += 1
    let number = setNumber
    let ranges = key.count > 1 && flags.contains(.interval)
    add(NFT_MSG_NEWSET, NLM_F_CREATE, family, label) { buffer in
      buffer.put(NFTA_SET_TABLE, table)
      buffer.put(NFTA_SET_NAME, name)
      buffer.put(NFTA_SET_FLAGS, big: flags.union(ranges ? .concatenation : []).rawValue)
      buffer.put(NFTA_SET_KEY_TYPE, big: NFTType.code(key))
      buffer.put(NFTA_SET_KEY_LEN, big: UInt32(NFTType.length(key)))
      switch data {
      case .verdict: buffer.put(NFTA_SET_DATA_TYPE, big: UInt32(0xffff_ff00))
      case .fields(let fields):
        buffer.put(NFTA_SET_DATA_TYPE, big: NFTType.code(fields))
        buffer.put(NFTA_SET_DATA_LEN, big: UInt32(NFTType.length(fields)))
      case nil: break
      }
      buffer.put(NFTA_SET_ID, big: number)
      if size != nil || ranges {
        buffer.nest(NFTA_SET_DESC) { buffer in
          if let size { buffer.put(NFTA_SET_DESC_SIZE, big: UInt32(clamping: size)) }
          guard ranges else { return }
          buffer.nest(NFTA_SET_DESC_CONCAT) { buffer in
            for field in key {
              buffer.nest(NFTA_LIST_ELEM) { $0.put(NFTA_SET_FIELD_LEN, big: UInt32(field.length)) }
            }
          }
        }
      }
      buffer.put(NFTA_SET_USERDATA, bytes: NFTUserData.byteOrder(key: key, data: data))
    }
  }

  package mutating func deleteSet(_ family: NFTFamily, _ table: String, _ name: String, label: String? = nil) {
    add(NFT_MSG_DELSET, 0, family, label) {
      $0.put(NFTA_SET_TABLE, table)
      $0.put(NFTA_SET_NAME, name)
    }
  }

  /// EEXIST if a key is there with another value; adding what is there already changes nothing.
  package mutating func addElements(
    _ family: NFTFamily, _ table: String, _ set: String, _ elements: [NFTElement], label: String? = nil
  ) {
    write(NFT_MSG_NEWSETELEM, NLM_F_CREATE, family, table, set, elements, withValues: true, label)
  }

  /// As the other, from records of `keyWords + valueWords` words each, one after the other: those at the positions, or
  /// all.
  package mutating func addElements(
    _ family: NFTFamily, _ table: String, _ set: String, records: [UInt32], keyWords: Int, valueWords: Int,
    positions: [Int]? = nil
  ) {
    let stride = keyWords + valueWords
    let total = positions?.count ?? records.count / stride
    var next = 0
    while next < total {
      add(NFT_MSG_NEWSETELEM, NLM_F_CREATE, family, nil) { buffer in
        buffer.put(NFTA_SET_ELEM_LIST_TABLE, table)
        buffer.put(NFTA_SET_ELEM_LIST_SET, set)
        let start = buffer.beginNest(NFTA_SET_ELEM_LIST_ELEMENTS)
        let count = min(
          total - next, NFTBatch.elementsPerMessage,
          NetlinkBuffer.attributeLimit / NetlinkBuffer.elementSize(keyWords, valueWords))
        buffer.appendElements(
          records, keyWords: keyWords, valueWords: valueWords, first: next, count: count, positions: positions)
        next += count
        buffer.endNest(start)
      }
    }
  }

  /// ENOENT if a key is not there. Values do not count.
  package mutating func deleteElements(
    _ family: NFTFamily, _ table: String, _ set: String, _ elements: [NFTElement], label: String? = nil
  ) {
    write(NFT_MSG_DELSETELEM, 0, family, table, set, elements, withValues: false, label)
  }

  /// Deletes all elements.
  package mutating func flushSet(_ family: NFTFamily, _ table: String, _ set: String, label: String? = nil) {
    add(NFT_MSG_DELSETELEM, 0, family, label) {
      $0.put(NFTA_SET_ELEM_LIST_TABLE, table)
      $0.put(NFTA_SET_ELEM_LIST_SET, set)
    }
  }

  private mutating func write(
    _ type: nf_tables_msg_types, _ flags: Int32, _ family: NFTFamily, _ table: String, _ set: String,
    _ elements: [NFTElement], withValues: Bool, _ label: String?
  ) {
    var next = 0
    while next < elements.count {
      add(type, flags, family, label) { buffer in
        buffer.put(NFTA_SET_ELEM_LIST_TABLE, table)
        buffer.put(NFTA_SET_ELEM_LIST_SET, set)
        let start = buffer.beginNest(NFTA_SET_ELEM_LIST_ELEMENTS)
        var taken = 0
        while next < elements.count, taken < NFTBatch.elementsPerMessage,
          buffer.count - start < NetlinkBuffer.attributeLimit
        {
          elements[next].write(withValue: withValues, &buffer)
          next += 1
          taken += 1
        }
        buffer.endNest(start)
      }
    }
  }
}

extension NFTElement {
  func write(withValue: Bool, _ buffer: inout NetlinkBuffer) {
    let start = buffer.beginNest(NFTA_LIST_ELEM)
    if isIntervalEnd { buffer.put(NFTA_SET_ELEM_FLAGS, big: UInt32(1)) }
    NFTElement.write(NFTA_SET_ELEM_KEY, key, &buffer)
    if let keyEnd { NFTElement.write(NFTA_SET_ELEM_KEY_END, keyEnd, &buffer) }
    if withValue {
      if let verdict {
        buffer.nest(NFTA_SET_ELEM_DATA) { verdict.write(&$0) }
      } else if let data {
        NFTElement.write(NFTA_SET_ELEM_DATA, data, &buffer)
      }
      if let comment { buffer.put(NFTA_SET_ELEM_USERDATA, bytes: NFTUserData.comment(comment)) }
    }
    buffer.endNest(start)
  }

  @inline(__always)
  private static func write(
    _ attribute: nft_set_elem_attributes, _ value: NFTBytes, _ buffer: inout NetlinkBuffer
  ) {
    let start = buffer.beginNest(attribute)
    value.withBytes { buffer.put(NFTA_DATA_VALUE, raw: $0) }
    buffer.endNest(start)
  }
}

/// What `nft` keeps beside objects for its listings: type, length, value.
enum NFTUserData {
  static func comment(_ text: String) -> [UInt8] {
    let bytes = Array(text.utf8.prefix(127))
    return [0, UInt8(bytes.count + 1)] + bytes + [0]
  }

  static func comment(in data: UnsafeRawBufferPointer) -> String? {
    var rest = data[...]
    while rest.count >= 2 {
      let type = rest[rest.startIndex]
      let length = Int(rest[rest.startIndex + 1])
      rest = rest.dropFirst(2)
      guard rest.count >= length else { return nil }
      if type == 0 { return String(decoding: rest.prefix(length).prefix { $0 != 0 }, as: UTF8.self) }
      rest = rest.dropFirst(length)
    }
    return nil
  }

  static func byteOrder(key: [NFTType], data: NFTMapData?) -> [UInt8] {
    var result = entry(0, NFTExpression.hostBytes(order(key)))
    if case .fields(let fields) = data { result += entry(1, NFTExpression.hostBytes(order(fields))) }
    return result
  }

  private static func order(_ fields: [NFTType]) -> UInt32 {
    fields.count == 1 ? (fields[0].isHostOrder ? 1 : 2) : 0
  }

  private static func entry(_ type: UInt8, _ value: [UInt8]) -> [UInt8] { [type, UInt8(value.count)] + value }
}
