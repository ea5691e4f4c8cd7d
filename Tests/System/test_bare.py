"""A cloud without zones, in which data centres of simulated hosts are built through the API alone."""
import json
import urllib.error
import urllib.request

import pytest
from cs import CloudStackApiException

from data_centre import PASSWORD, DataCentre, bare_cloud


@pytest.fixture(scope="module")
def bare():
    with bare_cloud() as cloud:
        yield cloud


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
