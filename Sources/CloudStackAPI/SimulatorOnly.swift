extension Catalog {
  /// Commands that only instances, networks and hosts of the Simulator follow. On what nodes carry they answer that it is not
  /// supported, and change nothing.
  static let simulatorOnly: Set<String> = [
    "addCluster", "addHost", "addImageStore", "addVpnUser", "assignCertToLoadBalancer", "attachIso", "attachVolume",
    "cancelHostMaintenance", "cancelStorageMaintenance", "changeServiceForRouter", "copyIso", "copyTemplate",
    "createLBHealthCheckPolicy", "createLBStickinessPolicy", "createLoadBalancer", "createNetworkACL",
    "createNetworkACLList", "createPod", "createPrivateGateway", "createRemoteAccessVpn", "createSnapshot",
    "createSnapshotPolicy", "createStaticRoute", "createStorageNetworkIpRange", "createStoragePool", "createTemplate",
    "createVMSnapshot", "createVPC", "createVolume", "createVpnConnection", "createVpnCustomerGateway",
    "createVpnGateway", "createZone", "deleteCluster", "deleteHost", "deleteImageStore", "deleteLBHealthCheckPolicy",
    "deleteLBStickinessPolicy", "deleteLoadBalancer", "deleteNetworkACL", "deleteNetworkACLList", "deletePod",
    "deletePrivateGateway", "deleteRemoteAccessVpn", "deleteSnapshot", "deleteSnapshotPolicies", "deleteStaticRoute",
    "deleteStorageNetworkIpRange", "deleteStoragePool", "deleteVMSnapshot", "deleteVPC", "deleteVpnConnection",
    "deleteVpnCustomerGateway", "deleteVpnGateway", "deleteZone", "destroyRouter", "destroySystemVm", "detachIso",
    "detachVolume",
    "enableStorageMaintenance", "extractIso", "extractTemplate", "extractVolume", "getVMPassword",
    "migrateSystemVm", "migrateVirtualMachine", "migrateVirtualMachineWithVolume", "migrateVolume",
    "moveNetworkAclItem", "prepareHostForMaintenance",
    "rebootSystemVm", "registerIso", "registerTemplate", "removeCertFromLoadBalancer", "removeVpnUser",
    "replaceNetworkACLList",
    "resetPasswordForVirtualMachine", "resetVpnConnection", "resizeVolume", "restartVPC", "revertSnapshot",
    "revertToVMSnapshot", "startInternalLoadBalancerVM", "startSystemVm", "stopInternalLoadBalancerVM", "stopRouter",
    "stopSystemVm",
    "updateLBHealthCheckPolicy", "updateLBStickinessPolicy", "updateLoadBalancer", "updateNetworkACLItem",
    "updateNetworkACLList", "updateSnapshotPolicy", "updateStorageNetworkIpRange", "updateVPC", "updateVpnConnection",
    "updateVpnCustomerGateway", "uploadVolume",
  ]
}
