import Crypto
import FoundationEssentials
import Glibc
import Logging
import NIOCore
import NIOSSL
import SwiftASN1
import Synchronization
import X509

/// The certificate chain and key that TLS listeners show, from two PEM files. New files are taken up by the next connection;
/// as long as they are not right, the last right ones serve.
final class Certificate: Sendable {
  private struct Content {
    var chain: [NIOSSLCertificateSource]
    var key: NIOSSLPrivateKeySource
    var stamp: [Int64]
    var looked = ContinuousClock.now
  }

  private let certificatePath: String
  private let keyPath: String
  private let logger: Logger
  private let content: Mutex<Content>

  init(certificate: String, key: String, logger: Logger) throws {
    certificatePath = certificate
    keyPath = key
    self.logger = logger
    content = Mutex(try Self.read(certificate, key))
  }

  /// For a listener; each connection has what the files hold then.
  var configuration: TLSConfiguration {
    let first = content.withLock { ($0.chain, $0.key) }
    var configuration = TLSConfiguration.makeServerConfiguration(certificateChain: first.0, privateKey: first.1)
    configuration.minimumTLSVersion = .tlsv12
    configuration.sslContextCallback = { [self] _, promise in
      // Apart from the connection's thread: what files do not hold right leaves errors there, which end its handshake.
      promise.completeWithTask { [self] in
        let (chain, key) = current()
        var override = NIOSSLContextConfigurationOverride()
        override.certificateChain = chain
        override.privateKey = key
        return override
      }
    }
    return configuration
  }

  private func current() -> ([NIOSSLCertificateSource], NIOSSLPrivateKeySource) {
    content.withLock { content in
      if ContinuousClock.now - content.looked > .seconds(1) {
        content.looked = .now
        if let stamp = try? Self.stamp(certificatePath, keyPath), stamp != content.stamp {
          do {
            content = try Self.read(certificatePath, keyPath)
            logger.info("took up a new certificate", metadata: ["path": "\(certificatePath)"])
          } catch {
            content.stamp = stamp
            logger.error("the new certificate does not serve; the last one stays", metadata: ["error": "\(error)"])
          }
        }
      }
      return (content.chain, content.key)
    }
  }

  private static func read(_ certificate: String, _ key: String) throws -> Content {
    let stamp = try stamp(certificate, key)
    do {
      let chain = try NIOSSLCertificate.fromPEMFile(certificate)
      let secret = try NIOSSLPrivateKey(file: key, format: .pem)
      guard !chain.isEmpty else { throw CommandFailure("\(certificate) holds no certificate") }
      let content = Content(
        chain: chain.map { .certificate($0) }, key: .privateKey(secret), stamp: stamp)
      // Fails when the key is of another certificate.
      _ = try NIOSSLContext(
        configuration: .makeServerConfiguration(certificateChain: content.chain, privateKey: content.key))
      return content
    } catch let failure as CommandFailure {
      throw failure
    } catch {
      throw CommandFailure("\(certificate) and \(key) are not a certificate chain and its key, in PEM: \(error)")
    }
  }

  /// When the files were changed last, and their sizes.
  private static func stamp(_ paths: String...) throws -> [Int64] {
    try paths.flatMap { path -> [Int64] in
      var status = stat()
      guard stat(path, &status) == 0 else {
        throw CommandFailure("\(path) cannot be read: \(String(cString: strerror(errno)))")
      }
      return [Int64(status.st_mtim.tv_sec), Int64(status.st_mtim.tv_nsec), Int64(status.st_size), Int64(status.st_ino)]
    }
  }
}

extension Certificate {
  /// Makes a certificate that its own key signs, for those who have none yet. What is there stays, unless it ends soon or
  /// is not for the address `wanted`.
  static func make(
    certificate: String, key: String, names: [String], addresses: [String], wanted: String?, _ logger: Logger
  ) throws {
    let isThere = [certificate, key].allSatisfy { FileManager.default.fileExists(atPath: $0) }
    if isThere {
      if serves(certificate, wanted) { return }
      logger.notice(
        "the certificate ends soon or is for another address; clients have to trust the one that is made now",
        metadata: ["path": "\(certificate)"])
    }
    let secret = P256.Signing.PrivateKey()
    let name = try DistinguishedName { CommonName(names.first ?? "daruma") }
    let now = Date()
    let alternatives = names.map(GeneralName.dnsName) + (addresses + [wanted].compactMap { $0 }).compactMap(address)
    let made = try X509.Certificate(
      version: .v3, serialNumber: .init(), publicKey: .init(secret.publicKey), notValidBefore: now - 3600,
      notValidAfter: now + 825 * 86_400, issuer: name, subject: name, signatureAlgorithm: .ecdsaWithSHA256,
      extensions: X509.Certificate.Extensions {
        Critical(BasicConstraints.isCertificateAuthority(maxPathLength: 0))
        Critical(KeyUsage(digitalSignature: true, keyCertSign: true))
        SubjectAlternativeNames(alternatives)
      }, issuerPrivateKey: .init(secret))
    try StateFolder.write(secret.pemRepresentation + "\n", to: key)
    try StateFolder.write(try made.serializeAsPEM().pemString + "\n", to: certificate)
  }

  /// For another month at least.
  private static func serves(_ path: String, _ wanted: String?) -> Bool {
    guard let text = try? String(contentsOfFile: path, encoding: .utf8),
      let known = try? X509.Certificate(pemEncoded: text), known.notValidAfter > Date() + 30 * 86_400
    else { return false }
    guard let wanted = wanted.flatMap(address) else { return true }
    return (try? known.extensions.subjectAlternativeNames)?.contains(wanted) == true
  }

  private static func address(_ text: String) -> GeneralName? {
    var four = in_addr()
    if inet_pton(AF_INET, text, &four) == 1 {
      return .ipAddress(ASN1OctetString(contentBytes: ArraySlice(withUnsafeBytes(of: four) { Array($0) })))
    }
    var six = in6_addr()
    guard inet_pton(AF_INET6, text, &six) == 1 else { return nil }
    return .ipAddress(ASN1OctetString(contentBytes: ArraySlice(withUnsafeBytes(of: six) { Array($0) })))
  }
}
