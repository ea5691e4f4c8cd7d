"""Secondary addresses of NICs: given, used by static NAT, guarded against spoofing, and taken away again."""
import json
import os
import signal
import subprocess

import pytest
from cs import CloudStackApiException

from cloud import fetch, until


@pytest.fixture(scope="module")
def user(cloud):
    user = cloud.account()
    cloud.allow(user)
    cloud.allow(user, port=7000, protocol="UDP")
    return user


@pytest.fixture(scope="module")
def machine(cloud, user):
    return cloud.deploy(user, "many")


def nic(user, machine):
    return user.listNics(virtualmachineid=machine["id"])["nic"][0]


def place(machine):
    return "i-" + machine["id"].replace("-", "")[:12]


def addresses(cloud, machine):
    links = json.loads(cloud.enter(place(machine), "ip", "-j", "-4", "addr", "show", "dev", "eth0").stdout)
    return {info["local"] for link in links for info in link["addr_info"]}


def web_server(cloud, machine):
    """The process that serves the instance: it must outlive every change of addresses."""
    return cloud.enter(place(machine), "ss", "-Hltnp").stdout


def refused(call, code):
    with pytest.raises(CloudStackApiException) as caught:
        call()
    assert caught.value.error["errorcode"] == code, caught.value.error


def test_an_address_is_given_and_shown(cloud, user, machine):
    server = web_server(cloud, machine)
    own = nic(user, machine)
    assert own["secondaryip"] == [] and own["ipaddress"] == machine["nic"][0]["ipaddress"]
    given = user.addIpToNic(nicid=own["id"])["nicsecondaryip"]
    assert given["nicid"] == own["id"] and given["virtualmachineid"] == machine["id"]
    assert given["networkid"] == own["networkid"]
    shown = [{"id": given["id"], "ipaddress": given["ipaddress"]}]
    assert nic(user, machine)["secondaryip"] == shown
    assert user.listVirtualMachines(id=machine["id"])["virtualmachine"][0]["nic"][0]["secondaryip"] == shown
    # The job was done when the instance had it, and the instance runs on.
    assert addresses(cloud, machine) == {own["ipaddress"], given["ipaddress"]}
    assert web_server(cloud, machine) == server


def test_a_static_nat_to_a_secondary_address_answers(cloud, user, machine):
    secondary = nic(user, machine)["secondaryip"][0]
    first = user.associateIpAddress(zoneid=cloud.zones["basic"])["ipaddress"]
    second = user.associateIpAddress(zoneid=cloud.zones["basic"])["ipaddress"]
    user.enableStaticNat(ipaddressid=first["id"], virtualmachineid=machine["id"])
    user.enableStaticNat(
        ipaddressid=second["id"], virtualmachineid=machine["id"], vmguestip=secondary["ipaddress"])
    for address in (first, second):
        assert "many" in (fetch(address["ipaddress"]) or ""), address["ipaddress"]
    third = user.associateIpAddress(zoneid=cloud.zones["basic"])["ipaddress"]
    refused(lambda: user.enableStaticNat(
        ipaddressid=third["id"], virtualmachineid=machine["id"], vmguestip=secondary["ipaddress"]), 537)
    refused(lambda: user.enableStaticNat(
        ipaddressid=third["id"], virtualmachineid=machine["id"], vmguestip="10.1.255.250"), 431)
    user.disassociateIpAddress(id=third["id"])
    refused(lambda: user.removeIpFromNic(id=secondary["id"]), 431)
    user.disableStaticNat(ipaddressid=second["id"])
    assert fetch(second["ipaddress"], timeout=0.5) is None
    user.disassociateIpAddress(id=second["id"])


def hears(cloud, sender, source, receiver):
    """Whether a datagram that `sender` sends as `source` arrives at `receiver`."""
    target = receiver["nic"][0]["ipaddress"]
    listen = (
        "import socket\n"
        "s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.bind(('', 7000)); s.settimeout(0.7)\n"
        "print('ready', flush=True)\n"
        "try: print(s.recvfrom(64)[1][0], flush=True)\n"
        "except TimeoutError: print('nothing', flush=True)\n")
    send = (
        "import socket, sys\n"
        "s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)\n"
        "s.setsockopt(socket.SOL_IP, 15, 1)\n"  # IP_FREEBIND
        f"s.bind(('{source}', 0))\n"
        f"s.sendto(b'hello', ('{target}', 7000))\n")
    enter = lambda machine: ["nsenter", f"--net={cloud.namespace(place(machine))}", "python3", "-c"]
    with subprocess.Popen([*enter(receiver), listen], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "ready\n"
        cloud.enter(place(sender), "python3", "-c", send)
        return process.stdout.readline().strip() == source


def test_an_instance_speaks_as_itself_only(cloud, user, machine):
    other = cloud.deploy(user, "other")
    secondary = nic(user, machine)["secondaryip"][0]["ipaddress"]
    assert hears(cloud, machine, machine["nic"][0]["ipaddress"], other)
    assert hears(cloud, machine, secondary, other)
    foreign = str(cloud.admin.listNics(virtualmachineid=other["id"])["nic"][0]["ipaddress"])
    free = foreign.rsplit(".", 1)[0] + "." + str(int(foreign.rsplit(".", 1)[1]) ^ 1)
    cloud.enter(place(machine), "ip", "addr", "add", f"{free}/32", "dev", "eth0")
    try:
        assert not hears(cloud, machine, free, other), "an address of nobody"
    finally:
        cloud.enter(place(machine), "ip", "addr", "del", f"{free}/32", "dev", "eth0")
    user.destroyVirtualMachine(id=other["id"], expunge=True)


def test_nobody_gets_an_address_twice(cloud, user, machine):
    secondary = nic(user, machine)["secondaryip"][0]["ipaddress"]
    refused(lambda: user.addIpToNic(nicid=nic(user, machine)["id"], ipaddress=secondary), 533)
    refused(lambda: user.addIpToNic(nicid=nic(user, machine)["id"], ipaddress="192.0.2.77"), 431)
    refused(lambda: user.addIpToNic(nicid=nic(user, machine)["id"], ipaddress="nonsense"), 431)


def test_somebody_else_cannot_touch_it(cloud, user, machine):
    stranger = cloud.account()
    own = nic(user, machine)
    refused(lambda: stranger.addIpToNic(nicid=own["id"]), 531)
    refused(lambda: stranger.removeIpFromNic(id=own["secondaryip"][0]["id"]), 531)
    refused(lambda: stranger.listNics(virtualmachineid=machine["id"]), 531)


def test_addresses_outlive_the_agent_and_a_reboot(cloud, user, machine):
    before = addresses(cloud, machine)
    assert len(before) == 2
    old = cloud.process("agent")
    os.kill(old, signal.SIGKILL)
    cloud.up()
    until(lambda: cloud.process("agent") != old, 10, "a new agent")
    assert addresses(cloud, machine) == before
    user.rebootVirtualMachine(id=machine["id"])
    assert addresses(cloud, machine) == before


def test_an_address_is_taken_away(cloud, user, machine):
    own = nic(user, machine)
    secondary = own["secondaryip"][0]
    user.removeIpFromNic(id=secondary["id"])
    assert nic(user, machine)["secondaryip"] == []
    assert addresses(cloud, machine) == {own["ipaddress"]}
    table = cloud.enter("fabric", "nft", "list", "table", "ip", "daruma").stdout
    assert secondary["ipaddress"] not in table and own["ipaddress"] in table
    assert secondary["ipaddress"] not in cloud.enter("fabric", "ip", "route").stdout
    refused(lambda: user.removeIpFromNic(id=secondary["id"]), 431)
    again = user.addIpToNic(nicid=own["id"], ipaddress=secondary["ipaddress"])["nicsecondaryip"]
    assert again["ipaddress"] == secondary["ipaddress"]


def test_what_an_instance_had_is_free_once_it_is_expunged(cloud, user):
    gone = cloud.deploy(user, "gone")
    given = user.addIpToNic(nicid=nic(user, gone)["id"])["nicsecondaryip"]
    address = user.associateIpAddress(zoneid=cloud.zones["basic"])["ipaddress"]
    user.enableStaticNat(ipaddressid=address["id"], virtualmachineid=gone["id"], vmguestip=given["ipaddress"])
    assert "gone" in (fetch(address["ipaddress"]) or "")
    user.destroyVirtualMachine(id=gone["id"], expunge=True)
    assert fetch(address["ipaddress"], timeout=0.5) is None
    heir = cloud.deploy(user, "heir")
    taken = user.addIpToNic(nicid=nic(user, heir)["id"], ipaddress=given["ipaddress"])["nicsecondaryip"]
    user.enableStaticNat(ipaddressid=address["id"], virtualmachineid=heir["id"], vmguestip=taken["ipaddress"])
    assert "heir" in (fetch(address["ipaddress"]) or "")
