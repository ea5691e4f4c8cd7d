import CloudModel
import Control
import FoundationEssentials

/// What the infrastructure consists of; only root administrators may name it.
extension Entity {
  static let alert = Entity(Alert.self, "alert") { _, _ in .rootAdmin }
  static let cluster = Entity(Cluster.self, "cluster") { _, _ in .rootAdmin }
  static let hypervisorCapabilities = Entity("hypervisorcapabilities", "hypervisorCapabilities") { uuid, _ in
    HypervisorCapabilities.all.contains { $0.id == uuid } ? .rootAdmin : nil
  }
  static let imageStore = Entity(ImageStore.self, "imagestore") { _, _ in .rootAdmin }
  static let internalLoadBalancerElement = Entity("internalloadbalancerelement", "internalloadbalancerelement") {
    HeldElement($0, in: $1).flatMap { $0.provider.name == Providers.internalBalancer ? .rootAdmin : nil }
  }
  /// The managers are not in the ledger, so any id may be asked for.
  static let managementServer = Entity("managementserver", "managementserver") { _, _ in .rootAdmin }
  static let physicalNetwork = Entity(PhysicalNetwork.self, "physicalnetwork") { _, _ in .rootAdmin }
  static let pod = Entity(Pod.self, "pod") { _, _ in .rootAdmin }
  static let routerElement = Entity("virtualrouterelement", "virtualrouterelement") {
    HeldElement($0, in: $1).flatMap { $0.provider.name == Providers.internalBalancer ? nil : .rootAdmin }
  }
  static let serviceProvider = Entity("networkserviceprovider", "networkserviceprovider") { uuid, state in
    state.physicalNetworks.first("provider", .uuid(uuid)).map { _ in .rootAdmin }
  }
  static let storagePool = Entity(StoragePool.self, "storagepool") { _, _ in .rootAdmin }
  static let systemVM = Entity(SystemVM.self, "systemvm") { _, _ in .rootAdmin }
  static let trafficType = Entity("traffictype", "traffictype") { uuid, state in
    state.physicalNetworks.first("traffictype", .uuid(uuid)).map { _ in .rootAdmin }
  }
}
