"""The way of docs/first-steps.md, with the unmodified `cs` client, in both series, JSON by GET and by POST."""
import json
import os
import re
import subprocess
import sys


GUIDE = os.path.join(os.path.dirname(__file__), "../../docs/first-steps.md")


def commands(title):
    """What the guide says to type in a section."""
    section = re.split(r"^## ", open(GUIDE).read(), flags=re.MULTILINE)
    text = next(part for part in section if part.startswith(title))
    return "\n".join(re.findall(r"```\n(.*?)```", text, flags=re.DOTALL))


def test_the_guide_leads_to_machines_that_answer_when_typed_as_it_stands(cloud):
    keys = "\n".join(line for line in commands("# First steps").splitlines() if line.startswith(("export", "alias")))
    script = "\n".join([
        "set -euo pipefail", "shopt -s expand_aliases", "sudo() { \"$@\"; }", keys, commands("A machine of Basic"),
        commands("A machine of Isolate")])
    script = script.replace("/var/lib/daruma", cloud.state).replace("~/cs/bin", os.path.dirname(sys.executable))
    result = subprocess.run(["bash", "-c", script], capture_output=True, text=True, timeout=180)
    assert result.returncode == 0, (result.stdout[-2000:], result.stderr[-2000:])
    machines = cloud.admin.listVirtualMachines(listall="true")["virtualmachine"]
    assert len(machines) == 2
    for machine in machines:
        assert f"web {machine['nic'][0]['ipaddress']}\n" in result.stdout


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


def test_an_authorisation_answers_with_the_new_rules_alone(cloud):
    client = cloud.account()
    cloud.allow(client, 80)
    group = client.listSecurityGroups()["securitygroup"][0]
    answer = client.authorizeSecurityGroupIngress(
        securitygroupid=group["id"], protocol="TCP", startport=443, endport=443, cidrlist="10.0.0.0/8,192.168.0.0/16")
    rules = answer["securitygroup"]["ingressrule"]
    assert [(rule["startport"], rule["cidr"]) for rule in rules] == [(443, "10.0.0.0/8"), (443, "192.168.0.0/16")]
    assert len(client.listSecurityGroups()["securitygroup"][0]["ingressrule"]) == 3


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
