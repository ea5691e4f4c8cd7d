package import CloudModel
import FoundationEssentials
import Ledger

extension Control {
  package func startInternalLoadBalancerVM(
    _ id: ID<InternalLoadBalancerVM>, by caller: Caller
  ) async throws -> Started {
    try await administer("startInternalLoadBalancerVM", .internalLoadBalancerVM, by: caller) { draft in
      var machine = try Self.found(id, draft)
      try Self.requireSimulated(machine.zone, "A machine for internal load balancers", draft.state)
      if machine.isStopped == true { machine.host = try Self.routerHost(machine.zone, draft) }
      machine.isStopped = nil
      try draft.put(machine)
      try Self.note(
        "INTERNALLBVM.START", "Starting internal load balancer \(machine.name)", by: caller, "InternalLbVm", id.uuid,
        &draft)
      return id.uuid
    }
  }

  package func stopInternalLoadBalancerVM(
    _ id: ID<InternalLoadBalancerVM>, by caller: Caller
  ) async throws -> Started {
    try await administer("stopInternalLoadBalancerVM", .internalLoadBalancerVM, by: caller) { draft in
      var machine = try Self.found(id, draft)
      try Self.requireSimulated(machine.zone, "A machine for internal load balancers", draft.state)
      machine.isStopped = true
      try draft.put(machine)
      try Self.note(
        "INTERNALLBVM.STOP", "Stopping internal load balancer \(machine.name)", by: caller, "InternalLbVm", id.uuid,
        &draft)
      return id.uuid
    }
  }
}
