"""A cloud without zones, in which data centres of simulated hosts are built through the API alone."""
import json
import urllib.error
import urllib.request

import pytest
from cs import CloudStackApiException

from cloud import Cloud, Host, RANGES, free_port

PASSWORD = "a password of its own"


@pytest.fixture(scope="module")
def bare():
    before = Host()
    cloud = Cloud()
    cloud.integration = free_port()
    try:
        cloud.daruma(
            "up", "--port", str(cloud.port), "--public-range", RANGES[0], "--host-link", cloud.link, "--bare",
            "--integration-port", str(cloud.integration), "--admin-password", PASSWORD)
        cloud.admin_file = json.load(open(cloud.state + "/admin.json"))
        cloud.admin = cloud.client(cloud.admin_file["apikey"], cloud.admin_file["secretkey"])
        yield cloud
    finally:
        cloud.purge()
    after = Host()
    assert after == before, after.difference(before)


def ask(cloud, query, headers={}):
    """The status and the text of a call to the integration port."""
    request = urllib.request.Request(f"http://127.0.0.1:{cloud.integration}/client/api?{query}", headers=headers)
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def test_a_bare_cloud_has_offerings_and_a_template_but_no_zone(bare):
    assert "zone" not in bare.admin.listZones()
    assert "host" not in bare.admin.listHosts()
    names = {offering["name"] for offering in bare.admin.listNetworkOfferings()["networkoffering"]}
    assert "DefaultIsolatedNetworkOfferingWithSourceNatService" in names
    assert bare.admin.listServiceOfferings(name="Small Instance")["count"] == 1
    assert bare.admin_file["password"] == PASSWORD


def test_the_integration_port_needs_no_keys_and_refuses_web_pages(bare):
    status, text = ask(bare, "command=listAccounts&listall=true&response=json")
    assert status == 200 and {a["name"] for a in json.loads(text)["listaccountsresponse"]["account"]} >= {"admin"}
    assert ask(bare, "command=nonsense&response=json")[0] == 432
    assert ask(bare, "command=listZones&response=json", {"Origin": "http://example.org"})[0] == 401
    assert ask(bare, "command=listZones&response=json", {"Host": "example.org"})[0] == 401


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
                startip=f"192.0.{net}.10", endip=f"192.0.{net}.20", vlan="untagged")
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


@pytest.mark.parametrize("kind,net", [("Advanced", 2), ("Basic", 8)])
def test_a_data_centre_is_built_used_and_taken_down(bare, kind, net):
    centre = DataCentre(bare, kind, net)
    client = bare.account()
    machine = centre.deploy(client)
    assert machine["state"] == "Running"
    assert machine["nic"][0]["ipaddress"].startswith("10.1.1." if kind == "Advanced" else f"10.7.{net}.")
    shown = bare.admin.listVirtualMachines(id=machine["id"])["virtualmachine"][0]
    assert shown["hostid"] in centre.hosts
    # The host can be emptied, and the instance goes on elsewhere.
    host = bare.admin.prepareHostForMaintenance(id=shown["hostid"])["host"]
    assert host["resourcestate"] == "Maintenance"
    moved = bare.admin.listVirtualMachines(id=machine["id"])["virtualmachine"][0]
    assert moved["state"] == "Running" and moved["hostid"] != shown["hostid"]
    bare.admin.cancelHostMaintenance(id=shown["hostid"])
    with pytest.raises(CloudStackApiException):
        bare.admin.deleteZone(id=centre.zone)
    # Everything is in the ledger: a manager that comes back knows it.
    bare.down()
    bare.daruma("up")
    assert client.listVirtualMachines(id=machine["id"])["virtualmachine"][0]["state"] == "Running"
    client.destroyVirtualMachine(id=machine["id"], expunge=True)
    centre.take_down(client)
    assert "zone" not in bare.admin.listZones()
