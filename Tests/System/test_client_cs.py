"""cs: a data centre built, used and taken down by GET and by POST, with every list that needs no more than its name."""
import copy

import pytest
from cs import CloudStack

from client_matrix import Matrix, Recorded, is_whole
from data_centre import DataCentre, bare_cloud

MATRIX = Matrix("cs", "command", ["GET", "POST"])


@pytest.fixture(scope="module")
def cloud():
    with bare_cloud() as cloud:
        yield cloud


@pytest.mark.parametrize("method,kind,net", [("get", "Advanced", 2), ("post", "Basic", 8)])
def test_a_data_centre_by_one_method(cloud, method, kind, net):
    site = copy.copy(cloud)
    site.admin = Recorded(
        CloudStack(
            endpoint=cloud.admin_file["endpoint"], key=cloud.admin.key, secret=cloud.admin.secret, method=method,
            poll_interval=0.02, fetch_result=True, job_timeout=60),
        MATRIX, method.upper())
    centre = DataCentre(site, kind, net)
    machine = centre.deploy(site.admin)
    site.admin.stopVirtualMachine(id=machine["id"])
    site.admin.startVirtualMachine(id=machine["id"])
    # Values that are encoded in several ways.
    name = "a b+c~d*e/f?g=h&i%j [ü] 日本"
    assert site.admin.updateVirtualMachine(id=machine["id"], displayname=name)["virtualmachine"]["displayname"] == name
    site.admin.createTags(resourceids=machine["id"], resourcetype="UserVm", tags=[{"key": "k", "value": name}])
    assert site.admin.listTags()["tag"][0]["value"] == name
    for api in cloud.admin.listApis()["api"]:
        needed = [parameter["name"] for parameter in api["params"] if parameter["required"]]
        if api["name"].startswith("list") and not needed:
            getattr(site.admin.client, api["name"])()
    MATRIX.saw("every list that needs no more than its name", method.upper(), "works")
    assert [one["id"] for one in site.admin.listVirtualMachines(fetch_list=True)] == [machine["id"]]
    site.admin.destroyVirtualMachine(id=machine["id"], expunge=True)
    centre.take_down(site.admin)


def test_the_table_of_cs(request):
    MATRIX.settle(whole=is_whole(request))
