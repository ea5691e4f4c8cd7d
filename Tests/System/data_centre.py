"""Data centres of simulated hosts, built through the API alone in a cloud that was started without zones."""
import contextlib
import json

from cloud import Cloud, Host, RANGES, free_port

PASSWORD = "a password of its own"


@contextlib.contextmanager
def bare_cloud(index=0):
    """A running cloud without zones, with a client for its administrator; afterwards the host must be what it was."""
    before = Host()
    cloud = Cloud(index)
    cloud.integration = free_port()
    try:
        cloud.daruma(
            "up", "--port", str(cloud.port), "--public-range", RANGES[index], "--host-link", cloud.link, "--bare",
            "--integration-port", str(cloud.integration), "--admin-password", PASSWORD)
        cloud.admin_file = json.load(open(cloud.state + "/admin.json"))
        cloud.admin = cloud.client(cloud.admin_file["apikey"], cloud.admin_file["secretkey"])
        yield cloud
    finally:
        cloud.purge()
    after = Host()
    assert after == before, after.difference(before)


class DataCentre:
    """A zone with a pod, a cluster and three hosts."""

    def __init__(self, cloud, kind, net):
        self.cloud, self.kind, admin = cloud, kind, cloud.admin
        self.zone = admin.createZone(
            name=kind.lower(), networktype=kind, dns1="192.0.2.53", internaldns1="192.0.2.53")["zone"]["id"]
        self.physical = admin.createPhysicalNetwork(name="physical", zoneid=self.zone)["physicalnetwork"]["id"]
        for traffic in ["Guest", "Management"] + (["Public"] if kind == "Advanced" else []):
            admin.addTrafficType(physicalnetworkid=self.physical, traffictype=traffic)
        admin.updatePhysicalNetwork(id=self.physical, state="Enabled")
        provider = admin.listNetworkServiceProviders(
            physicalnetworkid=self.physical, name="VirtualRouter")["networkserviceprovider"][0]["id"]
        element = admin.listVirtualRouterElements(nspid=provider)["virtualrouterelement"][0]["id"]
        admin.configureVirtualRouterElement(id=element, enabled=True)
        admin.updateNetworkServiceProvider(id=provider, state="Enabled")
        self.pod = admin.createPod(
            name="pod", zoneid=self.zone, gateway=f"172.16.{net}.1", netmask="255.255.255.0",
            startip=f"172.16.{net}.10", endip=f"172.16.{net}.100")["pod"]["id"]
        self.cluster = admin.addCluster(
            clustername="cluster", clustertype="CloudManaged", hypervisor="Simulator", podid=self.pod,
            zoneid=self.zone)["cluster"][0]["id"]
        self.hosts = [
            admin.addHost(
                hypervisor="Simulator", podid=self.pod, zoneid=self.zone, clusterid=self.cluster,
                url=f"http://sim/c0/h{number}", username="root", password="password")["host"][0]["id"]
            for number in range(3)]
        self.pool = admin.createStoragePool(
            name="primary", zoneid=self.zone, podid=self.pod, clusterid=self.cluster, scope="cluster",
            url=f"nfs://nas/{kind}/primary")["storagepool"]["id"]
        self.store = admin.addImageStore(
            name="secondary", provider="NFS", zoneid=self.zone, url=f"nfs://nas/{kind}/secondary")["imagestore"]["id"]
        self.network = None
        if kind == "Basic":
            offering = admin.listNetworkOfferings(
                name="DefaultSharedNetworkOfferingWithSGService")["networkoffering"][0]["id"]
            self.network = admin.createNetwork(
                name="guest", displaytext="guest", zoneid=self.zone, networkofferingid=offering)["network"]["id"]
            admin.createVlanIpRange(
                zoneid=self.zone, podid=self.pod, forvirtualnetwork=False, gateway=f"10.7.{net}.1",
                netmask="255.255.255.0", startip=f"10.7.{net}.10", endip=f"10.7.{net}.100")
        else:
            admin.createVlanIpRange(
                zoneid=self.zone, forvirtualnetwork=True, gateway=f"192.0.{net}.1", netmask="255.255.255.0",
                startip=f"192.0.{net}.10", endip=f"192.0.{net}.200", vlan="untagged")
        admin.updateZone(id=self.zone, allocationstate="Enabled")

    def deploy(self, client):
        networks = {}
        if self.kind == "Advanced":
            offering = client.listNetworkOfferings(
                name="DefaultIsolatedNetworkOfferingWithSourceNatService")["networkoffering"][0]["id"]
            self.network = client.createNetwork(
                name="net", displaytext="net", zoneid=self.zone, networkofferingid=offering)["network"]["id"]
            networks["networkids"] = [self.network]
        template = client.listTemplates(templatefilter="featured", zoneid=self.zone)["template"][0]["id"]
        offering = client.listServiceOfferings(name="Tiny Instance")["serviceoffering"][0]["id"]
        return client.deployVirtualMachine(
            zoneid=self.zone, templateid=template, serviceofferingid=offering, name="web", **networks)["virtualmachine"]

    def take_down(self, client):
        admin = self.cloud.admin
        (client if self.kind == "Advanced" else admin).deleteNetwork(id=self.network)
        for one in admin.listVlanIpRanges(zoneid=self.zone).get("vlaniprange", []):
            admin.deleteVlanIpRange(id=one["id"])
        admin.enableStorageMaintenance(id=self.pool)
        admin.deleteStoragePool(id=self.pool)
        admin.deleteImageStore(id=self.store)
        for host in self.hosts:
            admin.prepareHostForMaintenance(id=host)
            admin.deleteHost(id=host)
        admin.deleteCluster(id=self.cluster)
        admin.deletePod(id=self.pod)
        admin.deletePhysicalNetwork(id=self.physical)
        admin.deleteZone(id=self.zone)
