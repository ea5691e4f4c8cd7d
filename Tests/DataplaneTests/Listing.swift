import Addresses
import Dataplane
import Glibc
import Kernel

/// Everything that the kernel and the programs of a node have, in a form in which two nodes compare: without handles,
/// indices, sizes of sets, and what depends on the order in which things came.
enum Listing {
  static func of(_ lab: Lab) throws -> [String: [String]] {
    var result: [String: [String]] = [:]
    let places = names(lab.configuration.namespaceDirectory)
    result["places"] = places
    for place in places {
      let namespace = try lab.namespace(place)
      try tables(NFTables(in: namespace), place, &result)
      try wiring(RouteSocket(in: namespace), place, &result)
    }
    for file in names(lab.folder + "/services") where !file.hasSuffix(".log") && !file.hasSuffix(".leases") {
      result["file " + file] = lines(lab.folder + "/services/" + file, lab.folder)
    }
    result["programs"] = names(lab.configuration.runDirectory + "/processes")
    return result
  }

  /// The first things in which they differ; nil if they are equal.
  static func difference(_ found: [String: [String]], _ wanted: [String: [String]]) -> String? {
    for name in Set(found.keys).union(wanted.keys).sorted() where found[name] != wanted[name] {
      let (left, right) = (Set(found[name] ?? []), Set(wanted[name] ?? []))
      return "\(name): surplus \(left.subtracting(right).sorted().prefix(4)), "
        + "missing \(right.subtracting(left).sorted().prefix(4)), \(found[name]?.count ?? -1) for \(wanted[name]?.count ?? -1)"
    }
    return nil
  }

  /// The same of what a node has now. An error counts as one: what is being listed may just go.
  static func difference(_ lab: Lab, _ wanted: [String: [String]]) -> String? {
    do { return difference(try of(lab), wanted) } catch { return "\(error)" }
  }

  private static func tables(_ tables: NFTables, _ place: String, _ result: inout [String: [String]]) throws {
    result["\(place) tables"] = try tables.tables().map { "\($0.family) \($0.name)" }.sorted()
    guard try tables.tables().contains(where: { $0.family == .ipv4 && $0.name == "daruma" }) else { return }
    result["\(place) sets"] = try tables.sets(.ipv4, "daruma").map {
      "\($0.name) \($0.flags.rawValue) \($0.keyType) \($0.dataType ?? 0)"
    }.sorted()
    for set in try tables.sets(.ipv4, "daruma") {
      result["\(place) set \(set.name)"] = try tables.elements(.ipv4, "daruma", set.name).map { text($0, set.name) }
        .sorted()
    }
    result["\(place) chains"] = try tables.chains(.ipv4, "daruma").map { "\($0.name) \(String(describing: $0.base))" }
      .sorted()
    for chain in try tables.chains(.ipv4, "daruma") {
      result["\(place) chain \(chain.name)"] = try tables.rules(.ipv4, "daruma", chain: chain.name).map {
        "\($0.comment ?? "") \($0.digest)"
      }
    }
  }

  private static let proxy = IPv4(169, 254, 255, 2)

  /// At which port haproxy serves a load balancer depends on which were there before.
  private static func text(_ element: NFTElement, _ set: String) -> String {
    var element = element
    if set == "forwards", element.data?.ipv4() == proxy { element.data = NFTBytes(proxy) }
    if set == "members", element.key.ipv4(at: 12) == proxy { element.key = NFTBytes(raw: element.key.bytes.prefix(16)) }
    return "\(element)"
  }

  private static func wiring(_ routes: RouteSocket, _ place: String, _ result: inout [String: [String]]) throws {
    let links = try routes.links()
    let names = Dictionary(links.map { ($0.index, $0.name) }, uniquingKeysWith: { first, _ in first })
    // The kernel chooses hardware addresses that nobody asks for.
    let anyMAC = ["b-", "x-", "v-", "p-"]
    result["\(place) links"] = links.map { link in
      let mac = anyMAC.contains(where: link.name.hasPrefix) ? "" : "\(link.mac?.description ?? "")"
      let master = link.master.flatMap { names[$0] } ?? ""
      return "\(link.name) \(link.kind) \(mac) \(link.mtu) \(link.isUp) \(master) \(link.vxlan?.vni ?? 0)"
    }.sorted()
    func name(_ index: UInt32?) -> String { index.flatMap { names[$0] } ?? "" }
    result["\(place) addresses"] = try routes.addresses().map { "\($0.address)/\($0.prefixLength) \(name($0.link))" }
      .sorted()
    result["\(place) routes"] = try routes.routes().filter { $0.table != 255 }.map {
      let link = $0.kind == .unicast ? name($0.link) : ""
      return "\($0.destination) \($0.kind) \($0.via?.description ?? "") \(link) \($0.table) \($0.metric ?? 0)"
    }.sorted()
    result["\(place) rules"] = try routes.rules().map { "\($0.priority) \($0.mark ?? 0) \($0.table)" }.sorted()
    result["\(place) neighbours"] = try routes.neighbours().filter(\.isPermanent).map {
      "\($0.address) \($0.mac?.description ?? "") \(name($0.link))"
    }.sorted()
  }

  private static func lines(_ path: String, _ folder: String) -> [String] {
    let text = contents(path).split(separator: folder, omittingEmptySubsequences: false).joined(separator: "STATE")
    // haproxy's sections come in the order of its ports.
    let lines = text.split(separator: "\n").map(String.init).filter { !$0.hasPrefix("  bind ") }
    return path.hasSuffix(".cfg") ? lines.sorted() : lines
  }

  static func contents(_ path: String) -> String {
    let file = open(path, O_RDONLY | O_CLOEXEC)
    defer { close(file) }
    var bytes: [UInt8] = []
    var piece = [UInt8](repeating: 0, count: 65536)
    while file >= 0 {
      let count = read(file, &piece, piece.count)
      if count <= 0 { break }
      bytes += piece[..<count]
    }
    return String(decoding: bytes, as: UTF8.self)
  }

  static func names(_ folder: String) -> [String] {
    guard let handle = opendir(folder) else { return [] }
    defer { closedir(handle) }
    var found: [String] = []
    while let entry = readdir(handle) {
      let name = withUnsafeBytes(of: &entry.pointee.d_name) { bytes in
        String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
      }
      if name != "." && name != ".." { found.append(name) }
    }
    return found.sorted()
  }
}
