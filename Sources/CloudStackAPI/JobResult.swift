package import CloudModel
import Control
import FoundationEssentials

/// What queryAsyncJobResult answers for a job that succeeded.
package enum JobResult {
  /// JSON text: the job's resource under its name as the job's user may see it, or that it succeeded.
  package static func render(_ job: AsyncJob, _ state: CloudState) -> String {
    let type = state.users[job.user].flatMap { state.accounts[$0.account]?.type }
    let view = View(state: state, isRootAdmin: type == .rootAdmin)
    return String(decoding: (resource(of: job, view) ?? .success()).json, as: UTF8.self)
  }

  private static func resource(of job: AsyncJob, _ view: View) -> Reply? {
    guard let uuid = job.instance, let command = Catalog.command(job.command),
      command.resultName != ResponseType.success.name
    else {
      return nil
    }
    let state = view.state
    let fields: Fields? =
      switch job.instanceType {
      case "Account": state.accounts[ID(uuid)].map(view.fields)
      case "User": state.users[ID(uuid)].map(view.fields)
      case "VirtualMachine": state.virtualMachines[ID(uuid)].map(view.fields)
      case "IpAddress": state.publicIPs[ID(uuid)].map(view.fields)
      case "Network": state.networks[ID(uuid)].map(view.fields)
      case "SecurityGroup": state.securityGroups[ID(uuid)].map { view.fields(of: only(job.references, of: $0)) }
      case "FirewallRule": state.firewallRules[ID(uuid)].map(view.fields)
      case "PortForwardingRule": state.portForwardingRules[ID(uuid)].map(view.fields)
      case "LoadBalancer": state.loadBalancerRules[ID(uuid)].map { balancing(job, $0, view) }
      case "AffinityGroup": state.affinityGroups[ID(uuid)].map(view.fields)
      case "VMSnapshot": state.instanceSnapshots[ID(uuid)].map(view.fields)
      case "NicSecondaryIp": HeldSecondaryAddress(uuid, in: state).map(view.fields)
      case "Volume", "Snapshot", "SnapshotPolicy", "Template", "Iso": view.storage(of: job, uuid)
      case "Host": state.hosts[ID(uuid)].map { view.fields(of: $0) }
      case "PhysicalNetwork": state.physicalNetworks[ID(uuid)].map(view.fields)
      case "TrafficType": HeldTrafficType(uuid, in: state).map(view.fields)
      case "PhysicalNetworkServiceProvider": HeldProvider(uuid, in: state).map(view.fields)
      case "VirtualRouterProvider": HeldElement(uuid, in: state).map(view.fields)
      case "StoragePool": state.storagePools[ID(uuid)].map(view.fields)
      case "ImageStore": View.migrationOfNothing
      case "SystemVm": state.systemVMs[ID(uuid)].map(view.fields)
      case "Project": state.projects[ID(uuid)].map(view.fields)
      default: networking(job, uuid, view)
      }
    return fields.map { .one(command.resultName, $0) }
  }

  /// Of the group's rules only those that the job made, if it made some.
  private static func only(_ references: [JobReference]?, of group: SecurityGroup) -> SecurityGroup {
    guard let made = references.map({ Set($0.map(\.id)) }) else { return group }
    var group = group
    group.ingress.removeAll { !made.contains($0.id) }
    group.egress.removeAll { !made.contains($0.id) }
    return group
  }
}
