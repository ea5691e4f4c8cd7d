"""The zone "isolate": networks of their own behind virtual routers."""
import os
import socket
import subprocess

import pytest
from cs import CloudStackApiException

from cloud import Cloud, Host, fetch, until
from traffic import (
    Echo, Line, Listener, ask, fetch_inside, host_address, inside, kill_web_server, now, page, user_data, within)

INDEX = int(os.environ.get("DARUMA_TEST_RANGE", "0"))
ECHO = 7000


@pytest.fixture(scope="module")
def cloud():
    before = Host()
    cloud = Cloud(INDEX)
    try:
        yield cloud.up()
    finally:
        cloud.purge()
    if "DARUMA_TEST_RANGE" not in os.environ:
        # With a range of its own, other clouds may come and go on this host meanwhile.
        after = Host()
        assert after == before, after.difference(before)


class Tenant:
    """An account with an isolated network 10.1.1.0/24."""

    def __init__(self, cloud, name="net"):
        self.cloud, self.client = cloud, cloud.account()
        self.network = self.make(name)
        self.id = self.network["id"]

    def make(self, name):
        offering = self.client.listNetworkOfferings(
            name="DefaultIsolatedNetworkOfferingWithSourceNatService")["networkoffering"][0]
        return self.client.createNetwork(
            name=name, displaytext=name, zoneid=self.cloud.zones["isolate"], networkofferingid=offering["id"])["network"]

    def deploy(self, name, **more):
        return self.cloud.deploy(self.client, name, "isolate", networkids=[self.id], **more)

    def address(self):
        return self.client.associateIpAddress(networkid=self.id)["ipaddress"]

    def source_nat(self):
        found = self.client.listPublicIpAddresses(associatednetworkid=self.id, issourcenat=True)["publicipaddress"]
        assert len(found) == 1
        return found[0]

    def open(self, address, first=80, last=None, protocol="tcp", cidr="0.0.0.0/0"):
        return self.client.createFirewallRule(
            ipaddressid=address["id"], protocol=protocol, startport=first, endport=last or first,
            cidrlist=cidr)["firewallrule"]

    def close(self, rule):
        self.client.deleteFirewallRule(id=rule["id"])

    def forward(self, address, machine, public, private, **more):
        return self.client.createPortForwardingRule(
            ipaddressid=address["id"], virtualmachineid=machine["id"], protocol=more.pop("protocol", "tcp"),
            publicport=public, privateport=private, **more)["portforwardingrule"]

    def static_nat(self, machine):
        address = self.address()
        self.client.enableStaticNat(ipaddressid=address["id"], virtualmachineid=machine["id"])
        return address


@pytest.fixture(scope="module")
def home(cloud):
    """An account with a real machine and a simulated one in a network."""
    start = now()
    tenant = Tenant(cloud, "home")
    tenant.neighbour = tenant.deploy("neighbour")
    tenant.machine = tenant.deploy("real", template="tiny", userdata=user_data())
    print(f"\na network with two instances after {now() - start:.1f} s")
    # Reached through the source NAT address, so that the machine has no static NAT of its own.
    tenant.public = tenant.source_nat()
    tenant.rule = tenant.forward(tenant.public, tenant.machine, 8080, 80)
    tenant.web = tenant.public["ipaddress"]
    return tenant


def get(tenant, path):
    return page(tenant.web, path, 8080)


def test_networks_with_the_same_prefix_do_not_see_each_other(cloud, home):
    """Two accounts have 10.1.1.0/24 and even the same addresses, and each reaches only its own."""
    other = Tenant(cloud, "elsewhere")
    assert home.network["cidr"] == other.network["cidr"] == "10.1.1.0/24"
    wanted = home.neighbour["ipaddress"]
    stranger = other.deploy("stranger")
    twin = other.deploy("twin", ipaddress=wanted) if stranger["ipaddress"] != wanted else stranger
    assert twin["ipaddress"] == wanted
    lonely = other.deploy("lonely")
    assert fetch_inside(cloud, lonely, wanted) == f"{twin['name']} {wanted}\n"
    target = home.machine["ipaddress"]
    if not other.client.listVirtualMachines(keyword=target).get("virtualmachine"):
        theirs = {m["nic"][0]["ipaddress"] for m in other.client.listVirtualMachines()["virtualmachine"]}
        if target not in theirs:
            assert fetch_inside(cloud, lonely, target, timeout=1) is None
    until(lambda: get(home, "/proof"), 40, "the real machine is up")
    assert get(home, f"/cgi-bin/get?{wanted}/") == f"neighbour {wanted}\n"


def test_a_real_machine_gets_its_address_from_the_virtual_router(home):
    """By DHCP: the page that the machine serves has the address that the cloud gave it."""
    assert until(lambda: get(home, "/"), 40, "the machine serves") == f"real {home.machine['ipaddress']}\n"
    assert home.machine["ipaddress"].startswith("10.1.1.")
    assert get(home, "/proof") == "user data of real\n"


def test_a_real_machine_resolves_its_neighbours_by_name(home):
    """The router's DNS knows the instances of its network, and not a name that is none."""
    until(lambda: get(home, "/proof"), 40, "the machine is up")
    answer = get(home, "/cgi-bin/lookup?neighbour")
    assert home.neighbour["ipaddress"] in answer, answer
    assert get(home, "/cgi-bin/get?neighbour/") == f"neighbour {home.neighbour['ipaddress']}\n"
    late = home.deploy("latecomer")
    assert late["ipaddress"] in get(home, "/cgi-bin/lookup?latecomer")
    home.client.destroyVirtualMachine(id=late["id"], expunge=True)
    gone = get(home, "/cgi-bin/lookup?latecomer")
    assert late["ipaddress"] not in gone, gone


def test_nothing_leaves_a_network_until_an_egress_rule_allows_it(cloud, home):
    """Denied by default; allowed, it leaves as the source NAT address; the rule deleted, also established ends."""
    until(lambda: get(home, "/proof"), 40, "the machine is up")
    host = host_address(cloud)
    neighbour = inside(cloud, home.neighbour)
    with Listener(cloud, ECHO) as listener:
        get(home, f"/cgi-bin/get?{host}:{ECHO}/")
        assert within(neighbour, lambda: ask(host, ECHO, 0.5)) is None
        assert listener.seen == []
        rules = [
            home.client.createEgressFirewallRule(
                networkid=home.id, protocol=protocol, startport=ECHO, endport=ECHO,
                cidrlist="10.1.1.0/24")["firewallrule"] for protocol in ("tcp", "udp")]
        get(home, f"/cgi-bin/get?{host}:{ECHO}/")
        assert within(neighbour, lambda: ask(host, ECHO)) == "host"
        assert {(kind, peer) for kind, peer, _ in listener.seen} == {("tcp", home.web), ("udp", home.web)}
        line = within(neighbour, lambda: Line(host, ECHO, listener))
        for rule in rules:
            home.client.deleteEgressFirewallRule(id=rule["id"])
        assert line.is_silent()
        line.close()
        listener.seen.clear()
        get(home, f"/cgi-bin/get?{host}:{ECHO}/")
        assert within(neighbour, lambda: ask(host, ECHO, 0.5)) is None
        assert listener.seen == []


def test_an_egress_rule_allows_only_its_destinations_and_sources(cloud, home):
    """A rule for one source and one destination is not one for others."""
    host = host_address(cloud)
    one, other = home.neighbour, home.deploy("other-source")
    with Listener(cloud, ECHO) as listener:
        rule = home.client.createEgressFirewallRule(
            networkid=home.id, protocol="udp", startport=ECHO, endport=ECHO, cidrlist=one["ipaddress"] + "/32",
            destcidrlist=host + "/32")["firewallrule"]
        assert within(inside(cloud, one), lambda: ask(host, ECHO)) == "host"
        assert within(inside(cloud, other), lambda: ask(host, ECHO, 0.5)) is None
        home.client.deleteEgressFirewallRule(id=rule["id"])
        rule = home.client.createEgressFirewallRule(
            networkid=home.id, protocol="udp", startport=ECHO, endport=ECHO, destcidrlist="192.0.2.0/24")["firewallrule"]
        assert within(inside(cloud, one), lambda: ask(host, ECHO, 0.5)) is None
        home.client.deleteEgressFirewallRule(id=rule["id"])
        assert len(listener.seen) == 1
    home.client.destroyVirtualMachine(id=other["id"], expunge=True)


def test_a_static_nat_needs_a_firewall_rule(cloud, home):
    """Closed, opened, and closed again for an established connection and a datagram; outbound it is the address."""
    machine = home.deploy("static")
    address = home.static_nat(machine)
    public = address["ipaddress"]
    with Echo(inside(cloud, machine), ECHO, "static") as echo:
        assert fetch(public, timeout=0.5) is None and ask(public, ECHO, 0.5) is None
        web = home.open(address)
        assert fetch(public) == f"static {machine['ipaddress']}\n"
        both = [home.open(address, ECHO), home.open(address, ECHO, protocol="udp")]
        line = Line(public, ECHO, echo)
        assert ask(public, ECHO) == "static"
        with Listener(cloud, ECHO + 1) as listener:
            rule = home.client.createEgressFirewallRule(
                networkid=home.id, protocol="udp", startport=ECHO + 1, endport=ECHO + 1)["firewallrule"]
            assert within(inside(cloud, machine), lambda: ask(host_address(cloud), ECHO + 1)) == "host"
            assert listener.seen[0][1] == public
            home.client.deleteEgressFirewallRule(id=rule["id"])
        # From inside to itself, and from a neighbour.
        for one in (machine, home.neighbour):
            assert fetch_inside(cloud, one, public) == f"static {machine['ipaddress']}\n", one["name"]
        for rule in both:
            home.close(rule)
        assert line.is_silent()
        line.close()
        assert ask(public, ECHO, 0.5) is None
        home.close(web)
        assert fetch(public, timeout=0.5) is None
        again = home.open(address, ECHO)
        line = Line(public, ECHO, echo)
        home.client.disableStaticNat(ipaddressid=address["id"])
        assert line.is_silent()
        line.close()
        assert again
    home.client.disassociateIpAddress(id=address["id"])


def test_a_firewall_rule_for_some_sources_refuses_others(cloud, home):
    """Only who is in the rule's list gets in; an ICMP rule lets pings pass and nothing else."""
    machine = home.deploy("choosy")
    address = home.static_nat(machine)
    public = address["ipaddress"]
    far = home.open(address, cidr="192.0.2.0/24")
    assert fetch(public, timeout=0.5) is None
    near = home.open(address, 1, 100, cidr=host_address(cloud) + "/32")
    assert fetch(public) is not None
    home.close(near)
    home.close(far)
    ping = ["busybox", "ping", "-c", "1", "-W", "1", public]
    assert ping_status(ping) != 0
    rule = home.client.createFirewallRule(
        ipaddressid=address["id"], protocol="icmp", icmptype=8, icmpcode=0)["firewallrule"]
    assert ping_status(ping) == 0
    assert fetch(public, timeout=0.5) is None
    home.close(rule)
    assert ping_status(ping) != 0
    home.client.disassociateIpAddress(id=address["id"])


def ping_status(command):
    return subprocess.run(command, capture_output=True).returncode


def test_a_port_forwarding_opens_the_firewall_unless_told_not_to(cloud, home):
    """With its firewall rule it passes at once; without, only after one is made; deleted, connections end."""
    machine = home.deploy("forwarded")
    address = home.address()
    public = address["ipaddress"]
    with Echo(inside(cloud, machine), ECHO, "forwarded") as echo:
        rule = home.forward(address, machine, 9000, ECHO)
        line = Line(public, 9000, echo)
        closed = home.forward(address, machine, 9001, ECHO, openfirewall=False)
        assert connects(public, 9001) is False
        opened = home.open(address, 9001)
        second = Line(public, 9001, echo)
        home.close(opened)
        assert second.is_silent()
        second.close()
        assert connects(public, 9001) is False
        datagrams = home.forward(address, machine, 9002, ECHO, protocol="udp", openfirewall=True)
        assert ask(public, 9002) == "forwarded"
        assert fetch_inside(cloud, home.neighbour, public, 9000, 1) is None
        home.client.deletePortForwardingRule(id=rule["id"])
        assert line.is_silent()
        line.close()
        assert connects(public, 9000) is False
        home.client.deletePortForwardingRule(id=closed["id"])
        home.client.deletePortForwardingRule(id=datagrams["id"])
        assert ask(public, 9002, 0.5) is None
    web = home.forward(address, machine, 8000, 80, publicendport=8002, privateendport=82)
    assert fetch(public, 8000) == f"forwarded {machine['ipaddress']}\n"
    assert fetch(public, 8001, 0.5) is None
    assert fetch_inside(cloud, home.neighbour, public, 8000) == f"forwarded {machine['ipaddress']}\n"
    assert fetch_inside(cloud, machine, public, 8000) == f"forwarded {machine['ipaddress']}\n"
    home.client.deletePortForwardingRule(id=web["id"])
    assert fetch(public, 8000, 0.5) is None
    home.client.disassociateIpAddress(id=address["id"])


def connects(address, port, timeout=0.5):
    try:
        socket.create_connection((address, port), timeout).close()
        return True
    except OSError:
        return False


@pytest.fixture(scope="module")
def farm(cloud):
    tenant = Tenant(cloud, "farm")
    tenant.machines = [tenant.deploy(f"farm-{number}") for number in range(3)]
    tenant.names = {machine["name"] for machine in tenant.machines}
    return tenant


@pytest.mark.parametrize("algorithm", ["roundrobin", "source", "leastconn"])
def test_a_load_balancer_serves_by_all_its_instances(cloud, farm, algorithm):
    """Spread as the algorithm says; a dead service and a stopped instance are left out; deleted, it is closed."""
    address = farm.address()
    public = address["ipaddress"]
    rule = farm.client.createLoadBalancerRule(
        publicipid=address["id"], publicport=80, privateport=80, algorithm=algorithm, name=algorithm)["loadbalancer"]
    farm.client.assignToLoadBalancerRule(id=rule["id"], virtualmachineids=[m["id"] for m in farm.machines])

    def names(count):
        answers = [fetch(public, timeout=1) for _ in range(count)]
        return [answer.split()[0] if answer else None for answer in answers]

    found = names(1)
    assert found[0] in farm.names, "the first connection after the job is not served"
    answers = names(30)
    if algorithm == "source":
        assert set(answers) == set(found)
    elif algorithm == "roundrobin":
        assert {name: answers.count(name) for name in answers} == dict.fromkeys(farm.names, 10)
    else:
        assert set(answers) == farm.names
    dead = next(machine for machine in farm.machines if machine["name"] == found[0])
    others = farm.names - {dead["name"]}
    kill_web_server(cloud, dead)
    start = now()
    until(lambda: set(names(9)) <= others, 10, "the dead service is left out")
    print(f"\n{algorithm}: left out after {now() - start:.2f} s")
    farm.client.stopVirtualMachine(id=dead["id"])
    assert set(names(9)) <= others
    farm.client.startVirtualMachine(id=dead["id"])
    wanted = {dead["name"]} if algorithm == "source" else farm.names
    start = now()
    until(lambda: set(names(6)) == wanted, 10, "the started instance serves again")
    print(f"{algorithm}: back after {now() - start:.2f} s")
    farm.client.deleteLoadBalancerRule(id=rule["id"])
    assert fetch(public, timeout=0.5) is None
    farm.client.disassociateIpAddress(id=address["id"])


def test_the_first_packet_after_a_job_passes_twenty_times(cloud, farm):
    """Port forwardings are made and deleted; a single datagram after each job passes, or does not."""
    machine = farm.machines[0]
    address = farm.address()
    with Echo(inside(cloud, machine), ECHO, machine["name"]):
        for number in range(20):
            rule = farm.forward(address, machine, 5000 + number % 3, ECHO, protocol="udp")
            assert ask(address["ipaddress"], 5000 + number % 3) == machine["name"], number
            farm.client.deletePortForwardingRule(id=rule["id"])
            assert ask(address["ipaddress"], 5000 + number % 3, 0.03) is None, number
    farm.client.disassociateIpAddress(id=address["id"])


def test_a_router_is_listed_while_its_network_is_in_use(cloud):
    """A network gets its router with the first instance; in use it is not deleted (536), afterwards it is."""
    tenant = Tenant(cloud, "short")
    client = tenant.client
    assert cloud.admin.listRouters(networkid=tenant.id, listall=True).get("router", []) == []
    machine = tenant.deploy("only")
    routers = cloud.admin.listRouters(networkid=tenant.id, listall=True)["router"]
    assert len(routers) == 1 and routers[0]["state"] == "Running"
    assert routers[0]["guestnetworkid"] == tenant.id
    assert routers[0]["publicip"] == tenant.source_nat()["ipaddress"]
    namespace = cloud.namespace("r-" + routers[0]["id"].replace("-", "")[:12])
    assert os.path.exists(namespace)
    with pytest.raises(CloudStackApiException) as refused:
        client.deleteNetwork(id=tenant.id)
    assert refused.value.error["errorcode"] == 536
    source = tenant.source_nat()["ipaddress"]
    client.destroyVirtualMachine(id=machine["id"], expunge=True)
    client.deleteNetwork(id=tenant.id)
    assert client.listNetworks(zoneid=cloud.zones["isolate"]).get("network", []) == []
    assert not os.path.exists(namespace)
    assert all(router["guestnetworkid"] != tenant.id for router in cloud.admin.listRouters(listall=True).get("router", []))
    free = cloud.admin.listPublicIpAddresses(ipaddress=source, allocatedonly=False)["publicipaddress"][0]
    assert free["state"] == "Free"
    again = Tenant(cloud, "short")
    assert again.deploy("only")["state"] == "Running"
