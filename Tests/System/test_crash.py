"""kill -9 at random moments under load: nothing acknowledged is lost, nothing half-done stays."""
import os
import random
import signal
import threading
import time

import pytest
from cs import CloudStackException

from cloud import Cloud, until

CALLS = 300 if os.environ.get("DARUMA_FULL") else 100
SETTLED = {"Running", "Stopped", "Destroyed"}


class Caller(threading.Thread):
    """A customer who deploys, translates, balances and destroys, and remembers what was acknowledged."""

    def __init__(self, cloud, client, number, seed, count):
        super().__init__()
        self.cloud, self.client, self.number = cloud, client, number
        self.random = random.Random(seed + number)
        self.left = count
        self.machines, self.addresses, self.nats, self.gone = {}, {}, {}, set()
        self.errors = []

    def attempt(self, body):
        """One call; a dead manager is waited for. None if nobody knows what became of it."""
        self.left -= 1
        try:
            return body()
        except CloudStackException as error:
            self.errors.append(str(error))
        except Exception:  # noqa: BLE001 - the manager was killed; the connection broke in one of many ways
            time.sleep(0.05)
        return None

    def run(self):
        serial = 0
        while self.left > 0:
            action = self.random.choice(["deploy", "deploy", "associate", "nat", "nat", "destroy", "unnat"])
            if action == "deploy":
                serial += 1
                name = f"m{self.number}-{serial}"
                machine = self.attempt(lambda: self.cloud.deploy(self.client, name))
                if machine:
                    self.machines[machine["id"]] = name
            elif action == "associate":
                address = self.attempt(lambda: self.client.associateIpAddress(zoneid=self.cloud.zones["basic"]))
                if address:
                    self.addresses[address["ipaddress"]["id"]] = address["ipaddress"]["ipaddress"]
            elif action == "nat":
                free = [a for a in self.addresses if a not in self.nats]
                idle = [m for m in self.machines if m not in self.nats.values()]
                if not free or not idle:
                    continue
                address, machine = self.random.choice(free), self.random.choice(idle)
                done = self.attempt(
                    lambda: self.client.enableStaticNat(ipaddressid=address, virtualmachineid=machine))
                if done:
                    self.nats[address] = machine
                else:
                    # Not acknowledged: it may be either way, and is not looked at again.
                    self.addresses.pop(address)
                    self.machines.pop(machine)
            elif action == "unnat" and self.nats:
                address = self.random.choice(list(self.nats))
                self.nats.pop(address)
                if not self.attempt(lambda: self.client.disableStaticNat(id=address, ipaddressid=address)):
                    self.addresses.pop(address)
            elif action == "destroy":
                idle = [m for m in self.machines if m not in self.nats.values()]
                if not idle:
                    continue
                machine = self.random.choice(idle)
                self.machines.pop(machine)
                if self.attempt(lambda: self.client.destroyVirtualMachine(id=machine, expunge=True)):
                    self.gone.add(machine)


@pytest.mark.parametrize("victim", ["manager", "agent"])
def test_no_acknowledged_call_is_lost_and_no_half_done_one_stays(victim):
    seed = int(os.environ.get("DARUMA_SEED", random.randrange(1 << 30)))
    print(f"\nseed {seed}, {CALLS} calls, killing the {victim}")
    cloud = Cloud()
    try:
        cloud.up()
        callers = [Caller(cloud, cloud.account(), number, seed, CALLS // 4) for number in range(4)]
        for caller in callers:
            caller.start()
        dice = random.Random(seed)
        kills = 0
        while any(caller.is_alive() for caller in callers):
            time.sleep(dice.uniform(0.05, 1.0))
            os.kill(cloud.process(victim), signal.SIGKILL)
            kills += 1
            cloud.daruma("up")
        for caller in callers:
            caller.join(120)
            assert not caller.is_alive()
        print(f"{kills} kills, {sum(len(c.machines) for c in callers)} instances, {sum(len(c.nats) for c in callers)} static NATs")
        until(lambda: cloud.daruma("status", check=False).returncode == 0, 30, "all is verified")
        until(lambda: not pending(cloud), 30, f"no job stays pending: {pending(cloud)}")
        for caller in callers:
            check(caller)
        compare_with_the_kernel(cloud)
    finally:
        cloud.purge()


def pending(cloud):
    return [job for job in cloud.admin.listAsyncJobs(listall=True).get("asyncjobs", []) if job["jobstatus"] == 0]


def check(caller):
    machines = {m["id"]: m for m in caller.client.listVirtualMachines().get("virtualmachine", [])}
    addresses = {a["id"]: a for a in caller.client.listPublicIpAddresses().get("publicipaddress", [])}
    for machine, name in caller.machines.items():
        assert machines[machine]["name"] == name and machines[machine]["state"] == "Running"
    for machine in caller.gone:
        assert machine not in machines
    assert all(machine["state"] in SETTLED for machine in machines.values()), machines
    for address, text in caller.addresses.items():
        assert addresses[address]["ipaddress"] == text and addresses[address]["state"] == "Allocated"
    for address, machine in caller.nats.items():
        assert addresses[address].get("virtualmachineid") == machine
    assert len({m["nic"][0]["ipaddress"] for m in machines.values()}) == len(machines)


def compare_with_the_kernel(cloud):
    """The gateways translate exactly what the API shows."""
    wanted = set()
    for account in cloud.admin.listAccounts(listall=True)["account"]:
        found = cloud.admin.listPublicIpAddresses(listall=True, account=account["name"], domainid=account["domainid"])
        for address in found.get("publicipaddress", []):
            if address.get("isstaticnat"):
                wanted.add(address["ipaddress"])
    text = "".join(
        cloud.enter(name, "nft", "list", "map", "ip", "daruma", "to_private").stdout for name in cloud.gateways().values())
    there = {word for word in text.replace(",", " ").replace("{", " ").split() if word.startswith("198.51.100.")}
    assert there == wanted
