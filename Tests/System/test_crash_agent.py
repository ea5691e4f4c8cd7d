"""The agent dies after the kernel has a change and before anybody is told of it, and its disk is full when it is to remember
one: afterwards all is as asked for, and nothing is left over."""
import contextlib
import os
import select
import shutil
import signal
import socket
import threading

import pytest

from cloud import fetch, sh, until
from traffic import within

ROUNDS = 1000 if os.environ.get("DARUMA_FULL") else 4
NETLINK_NETFILTER, NFTABLES_GROUP = 12, 1 << 6


@pytest.fixture(scope="module")
def estate(cloud):
    client = cloud.account()
    cloud.allow(client)
    cloud.customer = client
    cloud.machines = [cloud.deploy(client, f"web-{number}") for number in range(3)]
    cloud.kept = cloud.static_nat(client, cloud.machines[0])["ipaddress"]
    cloud.address = client.associateIpAddress(zoneid=cloud.zones["basic"])["ipaddress"]
    settled(cloud)
    return cloud


def settled(cloud):
    until(lambda: cloud.daruma("status", check=False).returncode == 0, 60, f"all is verified\n{cloud.logs()}")


class Call(threading.Thread):
    """One change by the customer, on its way; `error` tells why it failed."""

    def __init__(self, cloud, machine):
        super().__init__(daemon=True)
        self.cloud, self.machine, self.error = cloud, machine, None

    def run(self):
        client, address = self.cloud.customer, self.cloud.address["id"]
        try:
            if self.machine is None:
                client.disableStaticNat(ipaddressid=address)
            else:
                client.enableStaticNat(ipaddressid=address, virtualmachineid=self.machine["id"])
        except Exception as error:  # noqa: BLE001 - the test says what was refused, and why
            self.error = error


def shows(cloud, machine):
    """Whether the address leads to the machine, or to nobody."""
    answer = fetch(cloud.address["ipaddress"], timeout=1)
    return answer is None if machine is None else answer is not None and answer.startswith(machine["name"])


def changes_of_rules(cloud):
    """A socket that hears of every transaction in any gateway, one for each."""

    def listen():
        one = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, NETLINK_NETFILTER)
        one.bind((0, NFTABLES_GROUP))
        return one

    return [within(cloud.namespace(name), listen) for name in cloud.gateways().values()]


def holdings(cloud):
    """What there is for a cloud that could be left over."""
    processes = 0
    for pid in filter(str.isdigit, os.listdir("/proc")):
        with contextlib.suppress(OSError):
            processes += cloud.state.encode() in open(f"/proc/{pid}/cmdline", "rb").read()
    links = [cloud.enter(place, "ip", "-br", "link").stdout.count("\n") for place in ("wan", "fabric", *cloud.gateways().values())]
    return {
        "namespaces": sorted(os.listdir(f"{cloud.state}/run/netns")), "processes": processes, "links": links,
        "mounts": sum(cloud.state in line for line in open("/proc/mounts")),
        "files": sorted(name for name in os.listdir(f"{cloud.state}/services") if not name.endswith((".log", ".leases"))),
    }


def test_an_agent_killed_between_the_transaction_and_its_report_leaves_all_as_asked_for(estate):
    before = holdings(estate)
    descriptors = len(os.listdir(f"/proc/{estate.process('manager')}/fd"))
    for number in range(ROUNDS):
        machine = [estate.machines[1], None, estate.machines[2], None][number % 4]
        heard = changes_of_rules(estate)
        agent = estate.process("agent")
        call = Call(estate, machine)
        call.start()
        assert select.select(heard, [], [], 30)[0], f"no transaction within 30 s, round {number}: {call.error}"
        os.kill(agent, signal.SIGKILL)
        for one in heard:
            one.close()
        until(lambda: not os.path.exists(f"/proc/{agent}"), 10, "the agent is gone")
        estate.daruma("up")
        call.join(60)
        assert not call.is_alive() and call.error is None, f"round {number}: {call.error}\n{estate.logs()}"
        until(lambda: shows(estate, machine), 10, f"round {number}: the address leads to {machine and machine['name']}")
        assert fetch(estate.kept).startswith("web-0"), f"round {number}"
    settled(estate)
    until(lambda: holdings(estate) == before, 20, f"nothing is left over: {holdings(estate)} instead of {before}")
    until(lambda: len(os.listdir(f"/proc/{estate.process('manager')}/fd")) <= descriptors + 4, 20, "descriptors of the manager")


def test_an_agent_that_cannot_store_its_plan_forwards_on_and_catches_up(estate):
    folder, aside = f"{estate.state}/agent", f"{estate.state}/aside"
    os.kill(estate.process("agent"), signal.SIGKILL)
    shutil.copytree(folder, aside)
    sh("mount", "-t", "tmpfs", "-o", "size=2m,mode=700", "tmpfs", folder)
    try:
        shutil.copytree(aside, folder, dirs_exist_ok=True)
        estate.daruma("up")
        settled(estate)
        with open(f"{folder}/filler", "wb", buffering=0) as filler, contextlib.suppress(OSError):
            while True:
                filler.write(bytes(4096))
        # A page that is begun has room for a few more.
        for number in range(200):
            machine = [estate.machines[1], None][number % 2]
            call = Call(estate, machine)
            call.start()
            call.join(2)
            if call.is_alive() or call.error:
                break
        assert call.is_alive(), f"every change was taken although nothing can be stored: {call.error}"
        assert fetch(estate.kept).startswith("web-0")
        assert not shows(estate, machine), "what is not stored is not carried out"
        os.unlink(f"{folder}/filler")
        call.join(60)
        assert not call.is_alive() and call.error is None, call.error
        until(lambda: shows(estate, machine), 10, "what was asked for is so")
        settled(estate)
    finally:
        os.kill(estate.process("agent"), signal.SIGKILL)
        sh("umount", "-l", folder)
        shutil.rmtree(aside)
        estate.daruma("up", check=False)
    settled(estate)
