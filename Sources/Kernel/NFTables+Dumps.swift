import CLinux
import Glibc

extension NFTables {
  private func list<T>(
    _ type: nf_tables_msg_types, _ family: RawFamily, _ operation: String,
    _ parse: (UnsafeRawBufferPointer) -> T?, fill: (inout NetlinkBuffer) -> Void = { _ in }
  ) throws(KernelError) -> [T] {
    var found: [T] = []
    try dump(
      type, family, operation, restart: { found.removeAll(keepingCapacity: true) },
      each: { if let item = parse($0) { found.append(item) } }, fill: fill)
    return found
  }

  package func tables() throws(KernelError) -> [NFTTable] {
    try list(
      NFT_MSG_GETTABLE, .init(rawValue: 0), "list tables",
      { message in
        guard let header = message.structure(nfgenmsg.self), let family = NFTFamily(rawValue: header.nfgen_family)
        else { return nil }
        var table = NFTTable(family: family, name: "", handle: 0)
        for (type, payload) in NetlinkAttributes(message, after: 4) {
          switch type {
          case NFTA_TABLE_NAME.code: table.name = payload.text
          case NFTA_TABLE_HANDLE.code: table.handle = payload.big()
          default: break
          }
        }
        return table
      })
  }

  package func chains(_ family: NFTFamily, _ table: String) throws(KernelError) -> [NFTChain] {
    try list(
      NFT_MSG_GETCHAIN, .init(family), "list chains of \(table)",
      { message in
        var chain = NFTChain(name: "", handle: 0, uses: 0, base: nil)
        var kind: NFTBaseChain.Kind?
        var hook: NFTBaseChain.Hook?
        var priority: Int32 = 0
        var policy = NFTVerdict.accept
        for (type, payload) in NetlinkAttributes(message, after: 4) {
          switch type {
          case NFTA_CHAIN_TABLE.code: if payload.text != table { return nil }
          case NFTA_CHAIN_NAME.code: chain.name = payload.text
          case NFTA_CHAIN_HANDLE.code: chain.handle = payload.big()
          case NFTA_CHAIN_USE.code: chain.uses = payload.big()
          case NFTA_CHAIN_TYPE.code: kind = NFTBaseChain.Kind(rawValue: payload.text)
          case NFTA_CHAIN_POLICY.code: policy = payload.big(UInt32.self) == 0 ? .drop : .accept
          case NFTA_CHAIN_HOOK.code:
            for (type, payload) in NetlinkAttributes(payload) {
              if type == NFTA_HOOK_HOOKNUM.code { hook = NFTBaseChain.Hook(rawValue: payload.big()) }
              if type == NFTA_HOOK_PRIORITY.code { priority = payload.big() }
            }
          default: break
          }
        }
        if let kind, let hook { chain.base = NFTBaseChain(kind, hook, priority: priority, policy: policy) }
        return chain
      })
  }

  /// The rules of all chains, or of one, in the order they apply.
  package func rules(_ family: NFTFamily, _ table: String, chain: String? = nil) throws(KernelError) -> [NFTRule] {
    try list(
      NFT_MSG_GETRULE, .init(family), "list rules of \(table)",
      { message in
        var rule = NFTRule(chain: "", handle: 0, comment: nil, digest: 0)
        for (type, payload) in NetlinkAttributes(message, after: 4) {
          switch type {
          case NFTA_RULE_TABLE.code: if payload.text != table { return nil }
          case NFTA_RULE_CHAIN.code: rule.chain = payload.text
          case NFTA_RULE_HANDLE.code: rule.handle = payload.big()
          case NFTA_RULE_EXPRESSIONS.code: rule.digest = NFTExpression.digest(list: payload)
          case NFTA_RULE_USERDATA.code: rule.comment = NFTUserData.comment(in: payload)
          default: break
          }
        }
        if let chain, rule.chain != chain { return nil }
        return rule
      },
      fill: {
        $0.put(NFTA_RULE_TABLE, table)
        if let chain { $0.put(NFTA_RULE_CHAIN, chain) }
      })
  }

  package func sets(_ family: NFTFamily, _ table: String) throws(KernelError) -> [NFTSet] {
    try list(
      NFT_MSG_GETSET, .init(family), "list sets of \(table)",
      { message in
        var set = NFTSet(
          name: "", handle: 0, flags: [], keyType: 0, keyLength: 0, dataType: nil, dataLength: nil, size: 0)
        for (type, payload) in NetlinkAttributes(message, after: 4) {
          switch type {
          case NFTA_SET_TABLE.code: if payload.text != table { return nil }
          case NFTA_SET_NAME.code: set.name = payload.text
          case NFTA_SET_HANDLE.code: set.handle = payload.big()
          case NFTA_SET_FLAGS.code: set.flags = NFTSetFlags(rawValue: payload.big())
          case NFTA_SET_KEY_TYPE.code: set.keyType = payload.big()
          case NFTA_SET_KEY_LEN.code: set.keyLength = payload.big()
          case NFTA_SET_DATA_TYPE.code: set.dataType = payload.big()
          case NFTA_SET_DATA_LEN.code: set.dataLength = payload.big()
          case .setCount: set.count = payload.big()
          case NFTA_SET_DESC.code:
            for (type, payload) in NetlinkAttributes(payload) where type == NFTA_SET_DESC_SIZE.code {
              set.size = payload.big()
            }
          default: break
          }
        }
        return set
      }, fill: { $0.put(NFTA_SET_TABLE, table) })
  }

  /// All elements of a set or map, in no particular order. ENOENT if there is no such set.
  package func elements(
    _ family: NFTFamily, _ table: String, _ set: String
  ) throws(KernelError) -> [NFTElement] {
    var found: [NFTElement] = []
    try dump(
      NFT_MSG_GETSETELEM, .init(family), "list elements of \(set)",
      restart: { found.removeAll(keepingCapacity: true) },
      each: { NFTables.collect($0, &found) },
      fill: {
        $0.put(NFTA_SET_ELEM_LIST_TABLE, table)
        $0.put(NFTA_SET_ELEM_LIST_SET, set)
      })
    return found
  }

  /// Shows all elements of a set or map, in no particular order. `restart` is called before the first, and again when
  /// they were changed meanwhile and are shown anew. ENOENT if there is no such set.
  package func elements(
    _ family: NFTFamily, _ table: String, _ set: String, restart: () -> Void, each: (NFTElementView) -> Void
  ) throws(KernelError) {
    try dump(
      NFT_MSG_GETSETELEM, .init(family), "list elements of \(set)", restart: restart,
      each: { message in
        for (type, list) in NetlinkAttributes(message, after: 4) where type == NFTA_SET_ELEM_LIST_ELEMENTS.code {
          for (_, payload) in NetlinkAttributes(list) { each(NFTElementView(payload)) }
        }
      },
      fill: {
        $0.put(NFTA_SET_ELEM_LIST_TABLE, table)
        $0.put(NFTA_SET_ELEM_LIST_SET, set)
      })
  }

  /// What the sets have for these keys, set by set in their order. A key that is not there ends its set's.
  package func elements(
    _ family: NFTFamily, _ table: String, present keys: [(set: String, keys: [NFTBytes])]
  ) throws(KernelError) -> [[NFTElement]] {
    var found = keys.map { _ in [NFTElement]() }
    var buffer = NetlinkBuffer()
    buffer.reserve(1024)
    var waiting = 0
    var failure: Int32 = 0
    func ask() throws(KernelError) {
      if waiting == 0 { return }
      try exchange(buffer.bytes, "get elements of \(table)") { number, code, payload in
        guard found.indices.contains(number) else { return }
        if let payload { NFTables.collect(payload, &found[number]) }
        if code != 0 && code != ENOENT { failure = code }
      }
      buffer = NetlinkBuffer()
      waiting = 0
    }
    for (number, (set, keys)) in keys.enumerated() {
      var rest = keys[...]
      while !rest.isEmpty {
        let some = rest.prefix(NFTables.keysAtOnce - waiting)
        rest = rest.dropFirst(some.count)
        waiting += some.count
        buffer.message(type: nftMessageType(NFT_MSG_GETSETELEM), flags: NLM_F_REQUEST, sequence: UInt32(number)) {
          $0.append(netfilterHeader(family.rawValue))
          $0.put(NFTA_SET_ELEM_LIST_TABLE, table)
          $0.put(NFTA_SET_ELEM_LIST_SET, set)
          $0.nest(NFTA_SET_ELEM_LIST_ELEMENTS) { buffer in
            for key in some { NFTElement(key).write(withValue: false, &buffer) }
          }
        }
        if waiting == NFTables.keysAtOnce { try ask() }
      }
    }
    try ask()
    if failure != 0 { throw KernelError(code: failure, operation: "get elements of \(table)") }
    return found
  }

  // Each comes in a datagram of its own, and all have to fit into the socket's buffer.
  private static let keysAtOnce = 64

  /// What the set has for a key, if anything.
  package func element(
    _ family: NFTFamily, _ table: String, _ set: String, key: NFTBytes
  ) throws(KernelError) -> NFTElement? {
    var found: [NFTElement] = []
    do {
      try request(NFT_MSG_GETSETELEM, .init(family), "get an element of \(set)") {
        NFTables.collect($0, &found)
      } fill: {
        $0.put(NFTA_SET_ELEM_LIST_TABLE, table)
        $0.put(NFTA_SET_ELEM_LIST_SET, set)
        $0.nest(NFTA_SET_ELEM_LIST_ELEMENTS) { NFTElement(key).write(withValue: false, &$0) }
      }
    } catch {
      if error.code == ENOENT { return nil }
      throw error
    }
    return found.first
  }

  /// What the set has for those of the keys that are in it.
  package func elements(
    _ family: NFTFamily, _ table: String, _ set: String, keys: [NFTBytes]
  ) throws(KernelError) -> [NFTElement] {
    var found: [NFTElement] = []
    for key in keys {
      if let element = try element(family, table, set, key: key) { found.append(element) }
    }
    return found
  }

  private static func collect(_ message: UnsafeRawBufferPointer, _ found: inout [NFTElement]) {
    for (type, list) in NetlinkAttributes(message, after: 4) where type == NFTA_SET_ELEM_LIST_ELEMENTS.code {
      for (_, payload) in NetlinkAttributes(list) { found.append(NFTElement(payload)) }
    }
  }
}

/// An element as the kernel shows it, valid only while it is shown.
package struct NFTElementView {
  private let attributes: UnsafeRawBufferPointer
  package private(set) var key = UnsafeRawBufferPointer(start: nil, count: 0)
  /// Empty if there is none, or if it is a verdict.
  package private(set) var value = UnsafeRawBufferPointer(start: nil, count: 0)
  /// Whether it has nothing else.
  package private(set) var isPlain = true

  init(_ attributes: UnsafeRawBufferPointer) {
    self.attributes = attributes
    for (type, payload) in NetlinkAttributes(attributes) {
      switch type {
      case NFTA_SET_ELEM_KEY.code: for (_, value) in NetlinkAttributes(payload) { key = value }
      case NFTA_SET_ELEM_DATA.code:
        for (type, value) in NetlinkAttributes(payload) {
          if type == NFTA_DATA_VALUE.code { self.value = value } else { isPlain = false }
        }
      case NFTA_SET_ELEM_PAD.code: break
      default: isPlain = false
      }
    }
  }

  package var element: NFTElement { NFTElement(attributes) }
}

extension NFTElement {
  init(_ attributes: UnsafeRawBufferPointer) {
    self.init(NFTBytes())
    for (type, payload) in NetlinkAttributes(attributes) {
      switch type {
      case NFTA_SET_ELEM_KEY.code: for (_, value) in NetlinkAttributes(payload) { key = NFTBytes(value) }
      case NFTA_SET_ELEM_KEY_END.code: for (_, value) in NetlinkAttributes(payload) { keyEnd = NFTBytes(value) }
      case NFTA_SET_ELEM_FLAGS.code: isIntervalEnd = payload.big(UInt32.self) & 1 != 0
      case NFTA_SET_ELEM_USERDATA.code: comment = NFTUserData.comment(in: payload)
      case NFTA_SET_ELEM_DATA.code:
        for (type, value) in NetlinkAttributes(payload) {
          if type == NFTA_DATA_VALUE.code { data = NFTBytes(value) } else { verdict = NFTVerdict(value) }
        }
      default: break
      }
    }
  }
}

extension NFTVerdict {
  init?(_ attributes: UnsafeRawBufferPointer) {
    var code: Int32 = 0
    var chain = ""
    for (type, payload) in NetlinkAttributes(attributes) {
      if type == NFTA_VERDICT_CODE.code { code = payload.big() }
      if type == NFTA_VERDICT_CHAIN.code { chain = payload.text }
    }
    self.init(code: code, chain: chain)
  }
}
