"""py-acs-sdk: every list of its services, and the life of an instance with what belongs to it."""
import importlib
import inspect
import re
import time
import typing

import pytest
from acs_sdk import ApacheCloudStack, ApacheCloudStackConfig

from client_matrix import Matrix, Recorded, is_whole
from data_centre import DataCentre, bare_cloud

MATRIX = Matrix(
    "py-acs-sdk", "method", ["seen"],
    "It asks for Python 3.12 and runs on Debian 12's 3.11 as well.")


@pytest.fixture(scope="module")
def cloud():
    with bare_cloud() as cloud:
        cloud.commands = {api["name"] for api in cloud.admin.listApis()["api"]}
        cloud.centre = DataCentre(cloud, "Advanced", 2)
        yield cloud


class Service:
    """A service of the SDK, whose methods take the fields of their request and wait for the job, if there is one."""

    def __init__(self, acs, name):
        self.acs, self.service = acs, getattr(acs, name)
        self.recorded = Recorded(self, MATRIX, "seen", prefix=name + ".")

    def __getattr__(self, name):
        method = getattr(self.service, name)

        def call(**fields):
            request = request_type(method)
            answer = method(request(**fields)) if request else method()
            job = answer.data.get("jobid") if isinstance(answer.data, dict) else None
            if job is None:
                return inner(answer.data)
            told = self.acs.job.poll(job, sleep_func=lambda _: time.sleep(0.05)).data
            assert told["status_label"] == "Success", told["error"]
            return inner(told["result"])

        return call


def inner(answer):
    """The one object of an answer."""
    return next(iter(answer.values())) if isinstance(answer, dict) and len(answer) == 1 else answer


def request_type(method):
    module = importlib.import_module(method.__module__)
    return typing.get_type_hints(method, vars(module)).get("payload")


def command_of(method):
    return re.search(r'"([a-z]+[A-Z]\w+)"', inspect.getsource(method)).group(1)


@pytest.fixture(scope="module")
def acs(cloud):
    config = ApacheCloudStackConfig(
        api_endpoint=cloud.admin_file["endpoint"], api_key=cloud.admin.key, api_secret=cloud.admin.secret)
    return ApacheCloudStack(config)


def test_every_list_of_every_service(cloud, acs):
    known = {
        "templatefilter": "featured", "physicalnetworkid": cloud.centre.physical, "clusterid": cloud.centre.cluster,
        "zoneid": cloud.centre.zone, "storageid": cloud.centre.pool}
    wrong = []
    for name in ApacheCloudStack._service_map:
        service = Service(acs, name)
        for method, function in inspect.getmembers(service.service, inspect.ismethod):
            if not method.startswith("list") or inspect.iscoroutinefunction(function):
                continue
            if command_of(function) not in cloud.commands:
                continue
            request = request_type(function)
            needed = [field for field, info in request.model_fields.items() if info.is_required()] if request else []
            if set(needed) <= set(known):
                try:
                    getattr(service, method)(**{field: known[field] for field in needed})
                except Exception as error:
                    wrong.append(f"{name}.{method}: {error}")
    MATRIX.saw("every list of a command that there is", "seen", "; ".join(wrong) or "works")
    assert not wrong, wrong


def test_an_instance_and_what_belongs_to_it(cloud, acs):
    def service(name):
        return Service(acs, name).recorded

    admin, zone = cloud.admin, cloud.centre.zone
    offering = admin.listNetworkOfferings(
        name="DefaultIsolatedNetworkOfferingWithSourceNatService")["networkoffering"][0]["id"]
    sizes = {one["name"]: one["id"] for one in service("serviceoffering").list()}
    template = admin.listTemplates(templatefilter="featured")["template"][0]["id"]
    disk = admin.listDiskOfferings(name="Custom")["diskoffering"][0]["id"]
    network, ssh, vm = service("network"), service("ssh"), service("vm")
    volume, address, tag = service("volume"), service("address"), service("tag")
    made = network.create(name="net", networkofferingid=offering, zoneid=zone, gateway="10.4.4.1", netmask="255.255.255.0")
    assert made["cidr"] == "10.4.4.0/24"
    assert network.update(id=made["id"], displaytext="a network")["displaytext"] == "a network"
    assert "privatekey" in ssh.create_ssh_key_pair(name="login")
    machine = vm.deploy_vm(
        serviceofferingid=sizes["Tiny Instance"], zoneid=zone, templateid=template, networkids=[made["id"]], name="web",
        keypair="login")
    assert machine["state"] == "Running" and machine["keypairs"] == "login"
    assert vm.reboot_vm(id=machine["id"])["state"] == "Running"
    assert vm.stop_vm(id=machine["id"])["state"] == "Stopped"
    assert vm.scale_vm(id=machine["id"], serviceofferingid=sizes["Small Instance"])
    assert vm.update_vm(id=machine["id"], displayname="Web")["displayname"] == "Web"
    assert vm.start_vm(id=machine["id"])["state"] == "Running"
    data = volume.create_volume(name="data", diskofferingid=disk, size=10, zoneid=zone)
    assert volume.attach_volume(id=data["id"], virtualmachineid=machine["id"])["vmname"] == "web"
    snapshot = service("snapshot").create(volumeid=data["id"], name="before")
    assert service("snapshot").delete(id=snapshot["id"])
    assert "attached" not in volume.detach_volume(id=data["id"])
    assert volume.resize_volume(id=data["id"], size=20)["size"] == 20 << 30
    assert volume.delete_volume(id=data["id"])
    taken = address.associate_ip_address(networkid=made["id"])
    firewall = service("firewall")
    rule = firewall.create_firewall_rule(ipaddressid=taken["id"], protocol="tcp", startport=80, endport=80)
    assert firewall.delete_firewall_rule(id=rule["id"])
    balancers = service("loadbalancer")
    rule = balancers.create_rule(
        publicipid=taken["id"], algorithm="roundrobin", name="web", publicport=80, privateport=8080)
    assert balancers.assign_to_rule(id=rule["id"], virtualmachineids=[machine["id"]])
    assert balancers.delete_rule(id=rule["id"])
    nat = service("nat")
    assert nat.enable_static_nat(ipaddressid=taken["id"], virtualmachineid=machine["id"])
    assert nat.disable_static_nat(ipaddressid=taken["id"])
    assert address.disassociate_ip_address(id=taken["id"])
    assert tag.create(resourceids=[machine["id"]], resourcetype="UserVm", tags={"owner": "web"})
    assert [one["value"] for one in tag.list()] == ["web"]
    assert vm.destroy_vm(id=machine["id"], expunge=True)
    assert network.restart(id=made["id"])
    assert network.delete(id=made["id"])
    assert ssh.delete_ssh_key_pair(name="login")


def test_the_table_of_the_sdk(request):
    MATRIX.settle(whole=is_whole(request))
