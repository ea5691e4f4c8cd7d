"""The way of docs/first-steps.md, with the unmodified `cs` client, in both series, JSON by GET and by POST."""
import json
import os
import subprocess
import sys

from cloud import fetch, until


def test_the_guide_of_the_first_steps_leads_to_a_machine_in_basic(cloud):
    client = cloud.account()
    machine = cloud.deploy(client, "web", template="tiny")
    address = cloud.static_nat(client, machine)
    assert fetch(address["ipaddress"], timeout=0.5) is None, "the default security group lets nobody in"
    cloud.allow(client)
    answer = until(lambda: fetch(address["ipaddress"]), 60, "the machine answers")
    assert answer == f"web {machine['nic'][0]['ipaddress']}\n"


def test_the_guide_of_the_first_steps_leads_to_a_machine_in_isolate(cloud):
    client = cloud.account()
    offering = client.listNetworkOfferings(guestiptype="Isolated")["networkoffering"][0]
    network = client.createNetwork(
        zoneid=cloud.zones["isolate"], networkofferingid=offering["id"], name="office", displaytext="office")["network"]
    machine = cloud.deploy(client, "web", zone="isolate", networkids=network["id"])
    address = client.associateIpAddress(networkid=network["id"])["ipaddress"]
    client.createPortForwardingRule(
        ipaddressid=address["id"], virtualmachineid=machine["id"], protocol="tcp", publicport=8080, privateport=80)
    assert fetch(address["ipaddress"], 8080) == f"web {machine['nic'][0]['ipaddress']}\n"


def test_the_command_line_of_cs_works(cloud):
    environment = dict(
        os.environ, CLOUDSTACK_ENDPOINT=cloud.admin_file["endpoint"], CLOUDSTACK_KEY=cloud.admin_file["apikey"],
        CLOUDSTACK_SECRET=cloud.admin_file["secretkey"])
    for method in ("get", "post"):
        result = subprocess.run(
            [sys.executable, "-m", "cs", "listZones", "name=basic"], capture_output=True, text=True, timeout=30,
            env=dict(environment, CLOUDSTACK_METHOD=method))
        assert result.returncode == 0, result.stderr
        assert json.loads(result.stdout)["zone"][0]["networktype"] == "Basic"


def test_every_command_of_the_guide_is_there(cloud):
    names = {api["name"] for api in cloud.admin.listApis()["api"]}
    wanted = """
        createAccount listAccounts deleteAccount registerUserKeys getUserKeys listZones listTemplates
        listServiceOfferings listNetworkOfferings createNetwork listNetworks deleteNetwork deployVirtualMachine
        listVirtualMachines stopVirtualMachine startVirtualMachine rebootVirtualMachine destroyVirtualMachine
        createSecurityGroup deleteSecurityGroup authorizeSecurityGroupIngress authorizeSecurityGroupEgress
        revokeSecurityGroupIngress revokeSecurityGroupEgress listSecurityGroups associateIpAddress
        disassociateIpAddress listPublicIpAddresses enableStaticNat disableStaticNat createFirewallRule
        deleteFirewallRule listFirewallRules createEgressFirewallRule deleteEgressFirewallRule
        listEgressFirewallRules createPortForwardingRule deletePortForwardingRule listPortForwardingRules
        createLoadBalancerRule assignToLoadBalancerRule removeFromLoadBalancerRule deleteLoadBalancerRule
        listLoadBalancerRules listLoadBalancerRuleInstances listRouters queryAsyncJobResult listAsyncJobs listEvents
        listApis listCapabilities""".split()
    assert not set(wanted) - names
