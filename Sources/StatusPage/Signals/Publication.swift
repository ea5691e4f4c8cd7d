/// When a measured incident becomes public. Until then it is a draft that only operators see.
package enum Publication: Sendable, Hashable, Codable {
  case atOnce
  /// Unless an operator publishes or merges it before; in seconds.
  case after(Double)
  case byOperator
}

/// What operators decided once, for every incident to come.
package struct IncidentPolicy: Sendable, Hashable, Codable {
  /// Kinds that are not named are published at once.
  package var publication: [FaultKind: Publication]

  package init(publication: [FaultKind: Publication] = [:]) { self.publication = publication }

  /// The soonest that any of the incident's losses asks for.
  func delay(_ losses: [ScopeLoss]) -> Double? {
    losses.compactMap { loss -> Double? in
      switch publication[loss.kind] ?? .atOnce {
      case .atOnce: 0
      case .after(let seconds): max(0, seconds)
      case .byOperator: nil
      }
    }.min()
  }
}
