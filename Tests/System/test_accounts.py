"""Accounts, keys and roles: nobody sees or touches what is another's, whatever the command."""
import base64
import json
import os
import re
import signal

import pytest

from cloud import Cloud, until
from wire import Wire, everything, refused


@pytest.fixture(scope="module")
def cloud():
    cloud = Cloud(index=3)
    try:
        yield cloud.up()
    finally:
        cloud.purge()


class Tenant:
    """An account with at least one of everything."""

    def __init__(self, cloud, name):
        self.name = name
        self.client = client = cloud.account(name)
        self.machine = cloud.deploy(client, f"{name}-web")
        self.group = client.createSecurityGroup(name=f"{name}-group", description=f"of {name}")["securitygroup"]
        client.authorizeSecurityGroupIngress(
            securitygroupid=self.group["id"], protocol="TCP", startport=80, endport=80, cidrlist="0.0.0.0/0")
        client.authorizeSecurityGroupEgress(
            securitygroupid=self.group["id"], protocol="TCP", startport=1, endport=65535, cidrlist="0.0.0.0/0")
        self.group = client.listSecurityGroups(id=self.group["id"])["securitygroup"][0]
        self.address = cloud.static_nat(client, self.machine)
        self.balanced = client.associateIpAddress(zoneid=cloud.zones["basic"])["ipaddress"]
        self.balancer = client.createLoadBalancerRule(
            name=f"{name}-balancer", algorithm="roundrobin", publicport=80, privateport=80,
            publicipid=self.balanced["id"])["loadbalancer"]
        client.assignToLoadBalancerRule(id=self.balancer["id"], virtualmachineids=self.machine["id"])
        self.offering = client.listNetworkOfferings(guestiptype="Isolated", forvpc="false")["networkoffering"][0]["id"]
        self.network = client.createNetwork(
            name=f"{name}-network", displaytext=f"of {name}", zoneid=cloud.zones["isolate"],
            networkofferingid=self.offering)["network"]
        self.inner = cloud.deploy(client, f"{name}-inner", zone="isolate", networkids=self.network["id"])
        self.router = client.listRouters()["router"][0] if self.sees("listRouters") else None
        self.outer = client.associateIpAddress(networkid=self.network["id"])["ipaddress"]
        self.forwarding = client.createPortForwardingRule(
            ipaddressid=self.outer["id"], protocol="tcp", publicport=80, privateport=80,
            virtualmachineid=self.inner["id"], openfirewall="false")["portforwardingrule"]
        self.firewall = client.createFirewallRule(
            ipaddressid=self.outer["id"], protocol="tcp", startport=80, endport=80)["firewallrule"]
        self.egress = client.createEgressFirewallRule(
            networkid=self.network["id"], protocol="tcp", startport=1, endport=65535)["firewallrule"]
        self.nic = client.listNics(virtualmachineid=self.machine["id"])["nic"][0]
        self.secondary = client.addIpToNic(nicid=self.nic["id"])["nicsecondaryip"]
        self.system = client.listOsTypes()["ostype"][0]["id"]
        self.disk = client.createVolume(
            name=f"{name}-disk", zoneid=cloud.zones["basic"],
            diskofferingid=client.listDiskOfferings(name="Small")["diskoffering"][0]["id"])["volume"]
        client.attachVolume(id=self.disk["id"], virtualmachineid=self.machine["id"])
        self.snapshot = client.createSnapshot(volumeid=self.disk["id"])["snapshot"]
        self.policy = client.createSnapshotPolicy(
            volumeid=self.disk["id"], intervaltype="DAILY", maxsnaps=1, schedule="0:0", timezone="GMT")["snapshotpolicy"]
        image = dict(name=f"{name}-image", url="http://example.org/image", zoneid=cloud.zones["basic"])
        self.template = client.registerTemplate(format="RAW", hypervisor="Simulator", **image)["template"][0]
        self.iso = client.registerIso(**image)["iso"][0]
        client.rebuildNetwork(networkid=self.network["id"])
        self.rebuild = client.listRebuilds()["rebuild"][0]
        self.user = client.listUsers()["user"][0]
        self.account = client.listAccounts()["account"][0]
        self.job = client.listAsyncJobs()["asyncjobs"][0]["jobid"]
        self.event = client.listEvents()["event"][0]["id"]

    def sees(self, command):
        return any(api["name"] == command for api in self.client.listApis()["api"])

    def things(self):
        """Ids by the list command that shows such a thing."""
        things = {
            "listVirtualMachines": self.machine["id"], "listSecurityGroups": self.group["id"],
            "listPublicIpAddresses": self.address["id"], "listLoadBalancerRules": self.balancer["id"],
            "listNetworks": self.network["id"], "listPortForwardingRules": self.forwarding["id"],
            "listFirewallRules": self.firewall["id"], "listEgressFirewallRules": self.egress["id"],
            "listUsers": self.user["id"], "listAccounts": self.account["id"], "listAsyncJobs": self.job,
            "queryAsyncJobResult": self.job, "listEvents": self.event, "listNics": self.nic["id"],
            "listRebuilds": self.rebuild["id"], "listVolumes": self.disk["id"], "listSnapshots": self.snapshot["id"],
            "listSnapshotPolicies": self.policy["id"], "listTemplates": self.template["id"], "listIsos": self.iso["id"]}
        if self.router:
            things["listRouters"] = self.router["id"]
        return things

    def thing(self, api, parameter):
        """What `parameter` of `api` may name of this account; None for a parameter of another kind."""
        if not (parameter["type"] == "uuid" or parameter["type"] == "list" and parameter["name"].endswith("ids")):
            return None
        rules = {"revokeSecurityGroupIngress": "ingressrule", "revokeSecurityGroupEgress": "egressrule"}
        if api["name"] in rules:
            return self.group[rules[api["name"]]][0]["ruleid"]
        if api["name"] == "removeIpFromNic":
            return self.secondary["id"]
        things = self.things()
        return next((things[name] for name in parameter.get("related", "").split(",") if name in things), None)

    def traces(self):
        """What nobody else may ever be shown."""
        found = {self.name, self.client.key, self.client.secret, self.inner["id"], self.balanced["id"], self.outer["id"],
                 self.address["ipaddress"], self.balanced["ipaddress"], self.outer["ipaddress"],
                 self.group["ingressrule"][0]["ruleid"], self.group["egressrule"][0]["ruleid"]}
        return found | set(self.things().values())


def is_in(trace, answer):
    """198.18.2.16 is not in 198.18.2.168."""
    return re.search(rf"(?<!\d){re.escape(trace)}(?!\d)", json.dumps(answer)) is not None


@pytest.fixture(scope="module")
def alice(cloud):
    return Tenant(cloud, "alice")


@pytest.fixture(scope="module")
def mallory(cloud, alice):
    return Tenant(cloud, "mallory")


def parameters_of(api):
    return {parameter["name"]: parameter for parameter in api["params"]}


def nameable(cloud, api, own):
    """Whether `own` has things for all ids that `api` requires."""
    values = filled(cloud, api, own)
    return all(values[name] != "1" for name, parameter in parameters_of(api).items()
               if parameter["required"] and parameter["type"] == "uuid")


def filled(cloud, api, own, **more):
    """Plausible values for all that `api` requires; `own` has the things that they name."""
    zone = "isolate" if api["name"] == "createNetwork" else "basic"
    plain = {
        "zoneid": cloud.zones[zone], "templateid": cloud.templates["tiny-simulator"],
        "serviceofferingid": cloud.offering, "networkofferingid": own.offering, "algorithm": "roundrobin",
        "protocol": "tcp", "publicport": "80", "privateport": "80", "templatefilter": "executable", "name": "intruder",
        "resourceid": own.machine["id"], "resourcetype": "UserVm", "revision": "1", "ostypeid": own.system, "hypervisor": "Simulator",
        "format": "RAW", "url": "http://example.org/image", "mode": "HTTP_DOWNLOAD"}
    values = {}
    for name, parameter in parameters_of(api).items():
        if parameter["required"]:
            values[name] = plain.get(name) or own.thing(api, parameter) or "1"
    if api["name"].startswith("authorizeSecurityGroup"):
        values.update(securitygroupname="default", cidrlist="10.0.0.0/8", startport="80", endport="80")
    if api["name"] == "registerSSHKeyPair":
        values["publickey"] = "ssh-ed25519 " + base64.b64encode(b"\0\0\0\x0bssh-ed25519\0\0\0 " + bytes(32)).decode()
    if api["name"] == "registerUserData":
        values["userdata"] = "aGVsbG8="
    if api["name"] == "createAffinityGroup":
        values["type"] = "host anti-affinity"
    if api["name"] in ("deleteAffinityGroup", "deleteSecurityGroup") and "id" not in more:
        values["name"] = "mallory-group"
    return {**values, **more}


def test_an_account_sees_what_it_has(cloud, alice):
    shown = json.dumps(everything(alice.client))
    for trace in alice.traces() - {alice.client.key, alice.client.secret}:
        assert trace in shown, f"{trace} is not shown to its owner"


def test_every_list_hides_what_is_anothers(cloud, alice, mallory):
    lists = [api for api in mallory.client.listApis()["api"] if api["name"].startswith("list")]
    assert len(lists) > 15
    wire = Wire(cloud, mallory.client)
    for api in lists:
        known = parameters_of(api)
        if not nameable(cloud, api, mallory):
            continue
        for more in ({}, {"listall": "true"}, {"listall": "true", "isrecursive": "true"}, {"projectid": "-1"},
                     {"keyword": "a"}, {"allocatedonly": "false"}, {"page": "1", "pagesize": "500"},
                     {"state": "Running"}):
            if not set(more) <= set(known):
                continue
            status, answer = wire.call(api["name"], **filled(cloud, api, mallory, **more))
            assert status == 200, (api["name"], more, answer)
            for trace in alice.traces():
                assert not is_in(trace, answer), f"{api['name']} {more} shows mallory {trace}"


def test_no_list_speaks_for_another_account(cloud, alice, mallory):
    cloud.admin.updateConfiguration(name="quota.enable.service", value="true")
    wire = Wire(cloud, mallory.client)
    tried = 0
    for api in mallory.client.listApis()["api"]:
        known = parameters_of(api)
        if not {"account", "domainid"} <= set(known) or api["name"] in ("createAccount", "listUsers"):
            continue
        if not nameable(cloud, api, mallory):
            continue
        status, answer = wire.call(
            api["name"], **filled(cloud, api, mallory, account="alice", domainid=alice.account["domainid"]))
        if api["name"] == "listNetworkOfferings" and status == 200:
            continue
        assert status == 531, (api["name"], status, answer)
        tried += 1
    assert tried > 10


def test_no_command_takes_an_id_of_another_account(cloud, alice, mallory):
    """Every parameter of every command that names a thing, tried with alice's thing."""
    before = everything(alice.client), everything(mallory.client)
    wire = Wire(cloud, mallory.client)
    public = (
        "listDiskOfferings", "listDomains", "listNetworkOfferings", "listOsCategories", "listOsTypes", "listServiceOfferings",
        "listZones")
    tried = set()
    for api in mallory.client.listApis()["api"]:
        for parameter in api["params"]:
            name, related = parameter["name"], parameter.get("related", "").split(",")
            isID = parameter["type"] == "uuid" or parameter["type"] == "list" and name.endswith("ids")
            # The owner of a network may permit any account of its domain.
            if not isID or name in ("projectid", "domainid", "accountids") or any(command in public for command in related):
                continue
            thing = alice.thing(api, parameter)
            if not thing or not nameable(cloud, api, mallory):
                continue  # what it names these tenants do not have; the API's own tests walk those
            status, answer = wire.call(api["name"], **filled(cloud, api, mallory, **{name: thing}))
            assert status == 531, (api["name"], name, status, answer)
            assert set(answer) == {"uuidList", "errorcode", "cserrorcode", "errortext"}, answer
            for trace in alice.traces() - {thing}:
                assert not is_in(trace, answer), (api["name"], answer)
            tried.add((api["name"], name))
    assert len(tried) > 40, tried
    print(f"\n{len(tried)} parameters of {len({command for command, _ in tried})} commands refused with 531")
    assert (everything(alice.client), everything(mallory.client)) == before


def test_names_and_addresses_reach_no_other_account(cloud, alice, mallory):
    client = mallory.client
    before = everything(alice.client), everything(client)
    refused(531, client.disassociateIpAddress, ipaddress=alice.address["ipaddress"])
    refused(533, client.associateIpAddress, zoneid=cloud.zones["basic"], ipaddress=alice.address["ipaddress"])
    text = refused(431, client.deleteSecurityGroup, name="alice-group")
    assert alice.group["id"] not in text
    refused(
        431, client.authorizeSecurityGroupIngress, securitygroupname="alice-group", protocol="TCP", startport=1,
        endport=2, cidrlist="0.0.0.0/0")
    refused(
        531, client.authorizeSecurityGroupIngress, securitygroupname="default", protocol="TCP", startport=1, endport=2,
        **{"usersecuritygrouplist[0].account": "alice", "usersecuritygrouplist[0].group": "alice-group"})
    refused(
        431, cloud.deploy, client, "intruder", securitygroupnames="alice-group")
    for command in ("createSecurityGroup", "associateIpAddress"):
        refused(
            531, getattr(client, command), name="x", zoneid=cloud.zones["basic"], account="alice",
            domainid=alice.account["domainid"])
    assert (everything(alice.client), everything(client)) == before


def test_an_ordinary_user_has_no_command_of_administrators(cloud, alice, mallory):
    every = {api["name"]: api for api in cloud.admin.listApis()["api"]}
    own = {api["name"] for api in mallory.client.listApis()["api"]}
    hidden = set(every) - own
    assert {"createAccount", "deleteAccount", "createVlanIpRange", "confirmHeldRemovals", "listDataplaneScopes"} <= hidden
    wire = Wire(cloud, mallory.client)
    for name in sorted(hidden):
        status, answer = wire.call(name, **filled(cloud, every[name], mallory, id=alice.account["id"]))
        assert status == 432, (name, answer)


def test_a_domain_administrator_sees_the_domain_and_no_infrastructure(cloud, alice):
    admin = cloud.admin
    account = admin.createAccount(
        accounttype=2, username="warden", password="secret", firstname="W", lastname="W",
        email="warden@example.org")["account"]
    keys = admin.registerUserKeys(id=account["user"][0]["id"])["userkeys"]
    warden = cloud.client(keys["apikey"], keys["secretkey"])
    assert "virtualmachine" not in warden.listVirtualMachines()
    names = {machine["name"] for machine in warden.listVirtualMachines(listall="true")["virtualmachine"]}
    assert {"alice-web", "alice-inner"} <= names
    assert {machine["name"] for machine in warden.listVirtualMachines(
        account="alice", domainid=alice.account["domainid"])["virtualmachine"]} == {"alice-web", "alice-inner"}
    wire = Wire(cloud, warden)
    for command in ("listDataplaneScopes", "listVlanIpRanges", "listCells", "confirmHeldRemovals"):
        status, _ = wire.call(command, name="x")
        assert status == 432, command
    refused(
        531, warden.createAccount, accounttype=1, username="root2", password="x", firstname="x", lastname="x", email="x@x")
    # Nor can it become one by the keys of one.
    root = cloud.admin.listUsers(username="admin")["user"][0]["id"]
    for command in (warden.getUserKeys, warden.registerUserKeys):
        refused(531, command, id=root)
    refused(531, warden.deleteAccount, id=cloud.admin.listAccounts(name="admin")["account"][0]["id"])
    assert cloud.admin.listZones()["count"] == 2


def test_new_keys_void_the_old_ones(cloud, alice):
    client = cloud.account("carol")
    user = client.listUsers()["user"][0]["id"]
    assert client.getUserKeys(id=user)["userkeys"]["secretkey"] == client.secret
    keys = client.registerUserKeys(id=user)["userkeys"]
    assert Wire(cloud, client).call("listZones")[0] == 401
    renewed = cloud.client(keys["apikey"], keys["secretkey"])
    assert renewed.listZones()["count"] == 2
    assert keys["secretkey"] not in json.dumps(everything(renewed))


def test_a_deleted_account_takes_all_it_has_with_it(cloud, alice):
    others = everything(alice.client)
    dave = Tenant(cloud, "dave")
    cloud.admin.deleteAccount(id=dave.account["id"])
    assert Wire(cloud, dave.client).call("listZones")[0] == 401

    def gone():
        shown = everything(cloud.admin)
        for command in ("listAsyncJobs", "listEvents"):
            del shown[command]
        return "dave" not in json.dumps(shown)

    until(gone, 60, "everything of the deleted account is gone")
    taken = cloud.admin.listPublicIpAddresses(listall="true")["publicipaddress"]
    assert not {dave.address["ipaddress"], dave.outer["ipaddress"]} & {address["ipaddress"] for address in taken}
    assert everything(alice.client) == others


def test_nothing_new_is_given_to_an_account_that_is_being_deleted(cloud):
    erin = cloud.account("erin")
    cloud.deploy(erin, "erin-web")
    account = erin.listAccounts()["account"][0]
    agent = cloud.process("agent")
    os.kill(agent, signal.SIGSTOP)
    try:
        status, answer = Wire(cloud, cloud.admin).call("deleteAccount", id=account["id"])
        assert status == 200 and "jobid" in answer
        named = dict(account="erin", domainid=account["domainid"])
        refused(531, cloud.deploy, cloud.admin, "late", **named)
        refused(531, cloud.admin.associateIpAddress, zoneid=cloud.zones["basic"], **named)
        refused(531, cloud.admin.createSecurityGroup, name="late", **named)
    finally:
        os.kill(agent, signal.SIGCONT)
    until(lambda: not cloud.admin.listAccounts(listall="true", name="erin").get("account"), 30, "the account is gone")
    assert not [m for m in cloud.admin.listVirtualMachines(listall="true")["virtualmachine"] if m["account"] == "erin"]
