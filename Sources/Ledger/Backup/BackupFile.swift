internal import CloudModel
package import FoundationEssentials
import Glibc

/// A backup to be read.
package struct BackupFile: LedgerCopy {
  package let name: String
  package let ledger: UUID
  private let secret: BackupSecret?

  /// An empty file, a folder, another file or one of a later version is an error already here.
  package init(_ path: String, secret: BackupSecret?) throws(LedgerError) {
    name = path
    self.secret = secret
    let header = try FrameReader.header(of: path)
    ledger = header.ledger
    guard header.content == .backup else {
      throw LedgerError(.invalid, "\(path) is a piece of an archive; name the archive's folder instead")
    }
    _ = try FrameCipher(header, secret, path)
  }

  /// Where the ledger stood.
  func standing() throws(LedgerError) -> Standing {
    let descriptor = try FrameReader.openFile(name)
    defer { Glibc.close(descriptor) }
    var frames = try FrameReader(descriptor, name, secret)
    return try Self.standing(&frames)
  }

  private static func standing(_ frames: inout FrameReader) throws(LedgerError) -> Standing {
    guard case .frame(.standing, let payload) = try frames.next() else {
      throw .unusable("\(frames.name) does not say which ledger it is; it was perhaps not written to its end")
    }
    let standing = try Standing(encoded: payload, frames.name)
    let header = frames.header
    guard standing.head.ledger == header.ledger, standing.head.epoch == header.epoch,
      standing.head.revision == header.revision
    else { throw .unusable("the header of \(frames.name) is altered") }
    return standing
  }

  package func load(_ loading: any Loading) throws(LedgerError) {
    try load(loading) { standing throws(LedgerError) in try loading.begin(standing) }
  }

  /// - Parameter begin: Called in the place of `loading.begin`.
  func load(
    _ loading: any Loading, begin: (Standing) throws(LedgerError) -> Void
  ) throws(LedgerError) {
    let descriptor = try FrameReader.openFile(name)
    defer { Glibc.close(descriptor) }
    var frames = try FrameReader(descriptor, name, secret)
    try begin(try Self.standing(&frames))
    var (resources, revisions) = (0, 0)
    while true {
      switch try frames.next() {
      case .frame(.resources, let payload):
        let records = try [ResourceRecord](encoded: payload, name)
        resources += records.count
        try loading.take(records)
      case .frame(.revisions, let payload):
        let records = try [RevisionRecord](encoded: payload, name)
        revisions += records.count
        try loading.take(records)
      case .frame(.end, let payload):
        var counts: [UInt8] = []
        counts.appendVarint(UInt64(resources))
        counts.appendVarint(UInt64(revisions))
        guard counts == payload, case .over = try frames.next() else {
          throw .unusable("the end of \(name) is altered")
        }
        return
      case .frame(.standing, _): throw .unusable("\(name) says twice which ledger it is")
      case .over, .torn: throw .unusable("\(name) was not written to its end, or is cut short")
      }
    }
  }
}
