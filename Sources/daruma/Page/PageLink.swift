import ArgumentParser
import FoundationEssentials
import Logging
import StatusPage

/// The page elsewhere that a cloud feeds.
struct PageLinkOption: ParsableArguments {
  @Option(
    help:
      "Feed the status page of `daruma page` at this URL, such as https://status.example.jp; `none` ends that. Is remembered."
  )
  var page: String?
  @Option(help: "Certificates (PEM) that are believed of that page instead of the system's. Is remembered.")
  var pageTrustFile: String?

  /// Whether `cloud` was changed.
  func apply(to cloud: inout CloudFile) throws -> Bool {
    let before = (cloud.page, cloud.pageTrustFile)
    if page == "none" {
      guard pageTrustFile == nil else { throw CommandFailure("--page none takes no --page-trust-file") }
      (cloud.page, cloud.pageTrustFile) = (nil, nil)
    } else {
      if let page {
        do throws(StatusPageError) { _ = try DocumentSender(page: page, signer: DocumentSigner()) } catch {
          throw CommandFailure("--page: \(error)")
        }
        cloud.page = page
      }
      if let pageTrustFile {
        guard cloud.page != nil else { throw CommandFailure("--page-trust-file goes with --page") }
        cloud.pageTrustFile =
          pageTrustFile.hasPrefix("/") ? pageTrustFile : FileManager.default.currentDirectoryPath + "/" + pageTrustFile
      }
    }
    return before != (cloud.page, cloud.pageTrustFile)
  }
}

/// Tells the page elsewhere how the cloud is: at once when something changed, once a second otherwise.
struct PageLink: Sendable {
  private let sender: DocumentSender
  private let url: String
  private let logger: Logger

  /// - Returns: nil when the cloud feeds no page, or cannot: that is said, and no reason not to lead.
  init?(_ cloud: CloudFile, _ signer: DocumentSigner?, _ logger: Logger) {
    guard let page = cloud.page, let signer else { return nil }
    url = page
    self.logger = logger
    do throws(StatusPageError) {
      sender = try DocumentSender(page: page, signer: signer, trust: TrustRoots(file: cloud.pageTrustFile))
    } catch {
      logger.error("the status page cannot be fed", metadata: ["page": "\(page)", "error": "\(error)"])
      return nil
    }
  }

  func run(_ feed: StatusFeed) async throws {
    let clock = ContinuousClock()
    var sent: (document: StatusDocument, at: ContinuousClock.Instant)?
    var isReached = true
    while !Task.isCancelled {
      guard let document = feed.told,
        sent.map({ $0.at < clock.now - .seconds(1) || differs(document, $0.document) }) ?? true
      else {
        try await Task.sleep(for: .milliseconds(50))
        continue
      }
      let begin = clock.now
      do {
        try await sender.send(document)
        if !isReached { logger.notice("the status page is fed again", metadata: ["page": "\(url)"]) }
        isReached = true
      } catch {
        try Task.checkCancellation()
        if isReached {
          logger.warning(
            "the status page cannot be fed; it is tried again every second",
            metadata: ["page": "\(url)", "error": "\(error)"])
        }
        isReached = false
      }
      sent = (document, begin)
      // What takes long to make and to take is sent more rarely.
      let pause = isReached ? min(.seconds(5), max(.milliseconds(50), (clock.now - begin) * 3)) : .seconds(1)
      try await Task.sleep(for: pause)
    }
  }

  /// Whether it tells anything new besides that it was looked again.
  private func differs(_ one: StatusDocument, _ other: StatusDocument) -> Bool {
    one.components != other.components || one.services != other.services || one.losses != other.losses
      || one.actions != other.actions || one.facts != other.facts || one.unknown != other.unknown
  }
}

extension StateFolder {
  /// What status documents and customers' tickets are signed with, and its public half, for pages.
  var pageKey: String { path + "/manager/page.key" }
  var pagePublicKey: String { path + "/manager/page.pub" }
  /// Who may write on the manager's own page: lines of `name:token`.
  var pageOperators: String { path + "/manager/page-operators" }
  var availability: String { path + "/manager/availability.json" }

  /// The signer of status documents and the names of operators, made at the first start.
  /// - Returns: what cannot be had is nil: that is said, and no reason not to lead.
  func preparePage(_ logger: Logger) -> (signer: DocumentSigner?, operators: OperatorTokens?) {
    func attempt<Value>(_ body: () throws -> Value) -> Value? {
      do { return try body() } catch {
        logger.error("a part of the status page cannot work", metadata: ["error": "\(error)"])
        return nil
      }
    }
    let signer = attempt {
      let signer = try DocumentSigner(path: pageKey)
      try Self.write(signer.publicKey + "\n", to: pagePublicKey)
      return signer
    }
    let operators = attempt {
      if !FileManager.default.fileExists(atPath: pageOperators) {
        try Self.write("admin:\(Secret.make(40))\n", to: pageOperators)
      }
      return try OperatorTokens(path: pageOperators)
    }
    return (signer, operators)
  }
}
