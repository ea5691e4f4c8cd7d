"""What the tests of repair share: a steady flow of datagrams, rule sets that compare, and what of a cloud is alive."""
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time

from cloud import Host, fetch, sh, until

ECHO = """
import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind(("0.0.0.0", 7007))
while True:
    data, sender = s.recvfrom(2048)
    try: s.sendto(data, sender)
    except OSError: pass
"""


def short(identifier):
    return identifier.replace("-", "")[:12]


class Echo:
    """A responder on UDP port 7007 of a simulated instance."""

    def __init__(self, cloud, machine):
        self.process = subprocess.Popen(
            ["nsenter", f"--net={cloud.namespace('i-' + short(machine['id']))}", sys.executable, "-c", ECHO], cwd="/")

    def stop(self):
        self.process.kill()
        self.process.wait()


class Flow:
    """One UDP socket that sends a number every 5 ms for as long as it lives, whatever happens on the way."""

    def __init__(self, address, port=7007):
        self.target = (address, port)
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("", 0))
        self.socket.settimeout(0.2)
        self.answers = []
        self.number = 0
        self.isOver = threading.Event()
        self.threads = [threading.Thread(target=body, daemon=True) for body in (self.send, self.receive)]
        for thread in self.threads:
            thread.start()

    def send(self):
        while not self.isOver.wait(0.005):
            self.number += 1
            try:
                self.socket.sendto(str(self.number).encode(), self.target)
            except OSError:
                pass

    def receive(self):
        while not self.isOver.is_set():
            try:
                data = self.socket.recv(2048)
                self.answers.append((time.monotonic(), int(data)))
            except OSError:
                pass

    def works(self, since=None):
        """Whether something that was sent after `since` (or lately) was answered."""
        since = since or time.monotonic() - 0.2
        return bool(self.answers) and self.answers[-1][0] > since

    def answered(self, number):
        """Whether a datagram sent after `number` was answered."""
        return bool(self.answers) and self.answers[-1][1] > number

    def longest_gap(self, since):
        """Seconds without an answer from `since` to now."""
        times = [since] + [t for t, _ in self.answers if t > since] + [time.monotonic()]
        return max(later - earlier for earlier, later in zip(times, times[1:]))

    def stop(self):
        self.isOver.set()
        for thread in self.threads:
            thread.join()
        self.socket.close()


def normal(value):
    if isinstance(value, dict):
        return {k: normal(v) for k, v in value.items() if k not in ("handle", "metainfo", "counter", "expires")}
    if isinstance(value, list):
        return [normal(v) for v in value]
    return value


def ruleset(path):
    """The rules in a namespace, comparable: without handles, elements of sets in order."""
    listed = json.loads(sh("nsenter", f"--net={path}", "nft", "-s", "-j", "list", "ruleset").stdout)
    result = {}
    for entry in normal(listed)["nftables"]:
        for kind, body in entry.items():
            if kind in ("set", "map") and "elem" in body:
                body["elem"] = sorted(json.dumps(e, sort_keys=True) for e in body["elem"])
            if kind == "rule":
                name = (kind, body["family"], body["table"], body["chain"])
                result.setdefault(name, []).append(json.dumps(body, sort_keys=True))
            elif kind:
                result[(kind, body.get("family"), body.get("table"), body.get("name"))] = json.dumps(
                    body, sort_keys=True)
    return result


def processes(cloud, program=None):
    """Processes that name the cloud's state folder: pid → command line."""
    found = {}
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            words = open(f"/proc/{pid}/cmdline", "rb").read().decode(errors="replace").split("\0")
            state = open(f"/proc/{pid}/stat").read().rsplit(")", 1)[1].split()[0]
            place = os.readlink(f"/proc/{pid}/cwd")
        except OSError:
            continue
        line = " ".join(words)
        if state == "Z" or int(pid) == os.getpid():
            continue
        if cloud.state + "/" not in line + "/" and not place.startswith(cloud.state + "/"):
            continue
        if program is None or os.path.basename(words[0]) == program:
            found[int(pid)] = line
    return found


def namespaces(cloud):
    """Every network namespace that anything of this cloud keeps alive: inode → a path to enter it by."""
    found = {}
    for line in open("/proc/mounts"):
        path = line.split()[1]
        if path.startswith(cloud.state + "/") and line.split()[2] == "nsfs":
            found[os.stat(path).st_ino] = path
    for pid in processes(cloud):
        paths = [f"/proc/{pid}/ns/net"]
        try:
            paths += [f"/proc/{pid}/fd/{fd}" for fd in os.listdir(f"/proc/{pid}/fd")]
        except OSError:
            continue
        for path in paths:
            try:
                if os.readlink(path).startswith("net:["):
                    found.setdefault(os.stat(path).st_ino, path)
            except OSError:
                continue
    found.pop(os.stat("/proc/self/ns/net").st_ino, None)
    return found


def living_routers(cloud):
    """How many namespaces have a router's link to the public side."""
    count = 0
    for path in namespaces(cloud).values():
        listed = sh("nsenter", f"--net={path}", "ip", "-o", "link", "show", "pub", check=False)
        count += listed.returncode == 0
    return count


def kill(pid):
    """Ends a process for good: it is gone or a zombie when this returns."""
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return

    def gone():
        try:
            return open(f"/proc/{pid}/stat").read().rsplit(")", 1)[1].split()[0] in "ZX"
        except OSError:
            return True

    until(gone, 10, f"process {pid} ends")


def destroy(cloud, name):
    """Takes a namespace away with all in it: its name, its links, what runs in it."""
    path = cloud.namespace(name)
    inode = os.stat(path).st_ino
    links = [
        line.split(":")[1].strip().split("@")[0]
        for line in sh("nsenter", f"--net={path}", "ip", "-o", "link", "show").stdout.splitlines()]
    script = "; ".join(f"ip link del {link}" for link in links if link != "lo")
    subprocess.run(["nsenter", f"--net={path}", "sh", "-c", script or "true"], capture_output=True)
    for pid in processes(cloud):
        try:
            if os.stat(f"/proc/{pid}/ns/net").st_ino == inode:
                kill(pid)
        except OSError:
            continue
    sh("umount", path)
    return inode


def exists(inode):
    """Whether a namespace is still held by anything of the machine that can be seen."""
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            if os.stat(f"/proc/{pid}/ns/net").st_ino == inode:
                return True
        except OSError:
            continue
    return any(f"net:[{inode}]" in line for line in open("/proc/self/mountinfo"))


def traces(cloud):
    """What of the cloud is on the machine outside its folder."""
    found = [f"mount {line.split()[1]}" for line in open("/proc/mounts") if line.split()[1].startswith(cloud.state + "/")]
    found += [f"process {pid}: {line}" for pid, line in processes(cloud).items()]
    if os.path.exists(f"/sys/class/net/{cloud.link}"):
        found.append(f"link {cloud.link}")
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            if int(pid) != os.getpid() and cloud.state.encode() in open(f"/proc/{pid}/environ", "rb").read():
                found.append(f"process {pid} knows the folder")
            for line in open(f"/proc/{pid}/mountinfo"):
                if f" {cloud.state}/run/netns/" in line:
                    found.append(f"mount in process {pid}: {line.strip()}")
        except OSError:
            continue
    return found


def check_host(cloud, before):
    """The host is as it was `before`, and nothing of the cloud is left on it."""
    assert traces(cloud) == []
    after, shared = Host(), "DARUMA_RANGE" in os.environ
    if shared:  # Other clouds come and go meanwhile.
        for host in (before, after):
            host.links = [link for link in host.links if not link.startswith("dt")]
            host.addresses = [a for a in host.addresses if not a.startswith("dt")]
            host.routes = [r for r in host.routes if " dev dt" not in r]
            host.mounts = [m for m in host.mounts if not m.startswith("/tmp/")]
    assert after == before, after.difference(before)


class Site:
    """A cloud with customers of every kind: static NAT, load balancers, an isolated network."""

    def __init__(self, cloud, isolate=True, balancers=True):
        self.cloud = cloud
        self.user = cloud.account()
        self.machines = [cloud.deploy(self.user, f"site{i}") for i in range(2)]
        cloud.allow(self.user, 80)
        cloud.allow(self.user, 7007, "UDP")
        self.addresses = [cloud.static_nat(self.user, machine) for machine in self.machines]
        self.echoes = [Echo(cloud, self.machines[0])]
        self.flows = {"basic": Flow(self.addresses[0]["ipaddress"])}
        self.balanced = {}
        if balancers:
            for algorithm in ("roundrobin", "leastconn"):
                address = self.user.associateIpAddress(zoneid=cloud.zones["basic"])["ipaddress"]
                rule = self.user.createLoadBalancerRule(
                    publicipid=address["id"], algorithm=algorithm, name=algorithm, publicport=80, privateport=80)
                rule = rule["loadbalancer"]
                self.user.assignToLoadBalancerRule(
                    id=rule["id"], virtualmachineids=",".join(m["id"] for m in self.machines))
                self.balanced[algorithm] = address["ipaddress"]
        self.router = None
        if isolate:
            offering = cloud.admin.listNetworkOfferings(guestiptype="Isolated", forvpc="false")["networkoffering"][0]["id"]
            self.network = self.user.createNetwork(
                zoneid=cloud.zones["isolate"], networkofferingid=offering, name="inner", displaytext="inner")["network"]
            self.inner = cloud.deploy(self.user, "inner0", "isolate", networkids=self.network["id"])
            address = cloud.static_nat(self.user, self.inner, networkid=self.network["id"])
            for protocol, port in (("tcp", 80), ("udp", 7007)):
                self.user.createFirewallRule(
                    ipaddressid=address["id"], protocol=protocol, startport=port, endport=port, cidrlist="0.0.0.0/0")
            self.addresses.append(address)
            self.echoes.append(Echo(cloud, self.inner))
            self.flows["isolate"] = Flow(address["ipaddress"])
            routers = [
                s for s in cloud.scopes().values()
                if s["scope"].startswith("router/") and not s.get("name", "").startswith("cell-")]
            self.router = "r-" + short(routers[0]["scope"].split("/")[1])
        first = self.addresses[0]["ipaddress"]
        self.gateway = next(
            name for name in cloud.gateways().values()
            if f'"{first}"' in str(ruleset(cloud.namespace(name))).replace("\\", ""))
        self.wait()

    def wait(self, seconds=20):
        try:
            until(self.is_whole, seconds, "everything answers")
        except AssertionError as error:
            raise AssertionError(f"{error}: {self.answers()}\n{self.cloud.logs()}") from None

    def answers(self):
        result = {a["ipaddress"]: fetch(a["ipaddress"], timeout=1) is not None for a in self.addresses}
        result.update({name: fetch(address, timeout=1) is not None for name, address in self.balanced.items()})
        result.update({name: flow.works() for name, flow in self.flows.items()})
        return result

    def is_whole(self):
        return all(self.answers().values())

    def stop(self):
        for one in [*self.flows.values(), *self.echoes]:
            one.stop()
