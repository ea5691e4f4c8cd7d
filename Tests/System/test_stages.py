"""A change that concerns many customers goes in stages: what goes wrong stays small and is taken back by itself."""
import glob
import os

import pytest

from cloud import fetch, until
from damage import kill

OLD, NEW, BAD = "192.0.2.53", "192.0.2.54", "192.0.2.55"


class Customer:
    """An account with a network, an instance in it, and so a virtual router."""

    def __init__(self, cloud, number):
        self.client = cloud.account()
        offering = self.client.listNetworkOfferings(
            name="DefaultIsolatedNetworkOfferingWithSourceNatService")["networkoffering"][0]
        self.network = self.client.createNetwork(
            name="net", displaytext="net", zoneid=cloud.zones["isolate"], networkofferingid=offering["id"])["network"]
        self.machine = cloud.deploy(self.client, f"vm-{number}", "isolate", networkids=[self.network["id"]])
        self.router = cloud.admin.listRouters(networkid=self.network["id"], listall=True)["router"][0]["id"]
        name = "r-" + self.router.replace("-", "")[:12]
        found = glob.glob(f"{cloud.state}/**/dnsmasq-{name}.conf", recursive=True)
        assert len(found) == 1, found
        self.file = found[0]

    def servers(self):
        """The name servers that the router's dnsmasq asks, as it was started."""
        return [line.split("=")[1].strip() for line in open(self.file) if line.startswith("server=")]

    def seen(self):
        """Differs whenever the router was told of another name server."""
        return os.stat(self.file).st_ino, self.servers()


@pytest.fixture(scope="module")
def estate(cloud):
    """Four customers, by the stage in which their routers come."""
    cloud.customers = sorted((Customer(cloud, number) for number in range(4)), key=lambda one: one.router)
    return cloud


def newest(cloud):
    return cloud.admin.listRebuilds(listall=True)["rebuild"][0]


def test_a_wide_change_goes_in_stages_and_survives_the_manager(estate):
    told = estate.admin.updateZone(id=estate.zones["isolate"], dns1=OLD, dryrun=True)
    assert [len(field["after"]) for change in told["change"] if change["kind"] == "rollout"
            for field in change["field"] if field["name"] == "stages"] == [4]
    assert "rebuild" not in estate.admin.listRebuilds(listall=True)
    estate.admin.updateZone(id=estate.zones["isolate"], dns1=OLD)
    found = newest(estate)
    assert (found["kind"], found["stages"], len(found["router"])) == ("change", 4, 4), found
    until(lambda: newest(estate)["stage"] == 2, 20, "the second stage")
    assert estate.customers[0].servers() == [OLD] and estate.customers[3].servers() == []
    kill(estate.process("manager"))
    estate.daruma("up")
    until(lambda: newest(estate)["state"] == "Completed", 40, f"it goes on\n{estate.logs()}")
    assert [one.servers() for one in estate.customers] == [[OLD]] * 4
    assert all(router["state"] == "verified" for router in newest(estate)["router"])


def test_a_stage_that_fails_is_taken_back_and_later_ones_see_nothing(estate):
    before = [one.seen() for one in estate.customers]
    obstacle = estate.customers[1].file + ".next"
    os.mkdir(obstacle)
    try:
        estate.admin.updateZone(id=estate.zones["isolate"], dns1=BAD)
        revision = newest(estate)["revision"]
        until(lambda: newest(estate)["stage"] == 2, 20, "the second stage")
        # Customers' own changes do not wait: here of a router whose stage never comes.
        last = estate.customers[3]
        address = last.client.listPublicIpAddresses(
            associatednetworkid=last.network["id"], issourcenat=True)["publicipaddress"][0]
        last.client.createPortForwardingRule(
            ipaddressid=address["id"], virtualmachineid=last.machine["id"], protocol="tcp", publicport=80,
            privateport=80)
        assert fetch(address["ipaddress"]) == f"vm-{last.machine['name'][3:]} {last.machine['nic'][0]['ipaddress']}\n"
        assert newest(estate)["state"] == "Running" and last.seen() == before[3]
        until(lambda: newest(estate)["state"] == "Failed", 40, f"it is halted and taken back\n{estate.logs()}")
    finally:
        os.rmdir(obstacle)
    found = newest(estate)
    print("\n" + found["message"])
    assert f"revision {revision} was taken back by revision {found['revertedby']}" in found["message"]
    assert estate.admin.listZones(id=estate.zones["isolate"])["zone"][0]["dns1"] == OLD
    assert [one.servers() for one in estate.customers] == [[OLD]] * 4
    assert [one.seen() for one in estate.customers[2:]] == before[2:], "they never saw anything"
    assert [router["state"] for router in found["router"]][2:] == ["waiting"] * 2
    until(lambda: estate.daruma("status", check=False).returncode == 0, 20, "all is verified")
    # What was wrong is gone: the same change passes.
    estate.admin.updateZone(id=estate.zones["isolate"], dns1=NEW)
    until(lambda: newest(estate)["state"] == "Completed", 40, f"it passes\n{estate.logs()}")
    assert [one.servers() for one in estate.customers] == [[NEW]] * 4
