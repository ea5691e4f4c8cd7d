"""A cloud of its own for a test: started, driven by the unmodified `cs` client, damaged, and taken away without a trace."""
import json
import os
import random
import re
import shutil
import socket
import string
import subprocess
import tempfile
import time

from cs import CloudStack

BINARY = os.environ.get("DARUMA_BINARY", os.path.join(os.path.dirname(__file__), "../../.build/release/daruma"))
ROOT = os.path.realpath(os.path.join(os.path.dirname(__file__), "../.."))
# Prefixes for documentation (RFC 5737) and benchmarks (RFC 2544) that this machine does not use itself.
RANGES = ["198.51.100.0/24", "198.18.0.0/24", "198.18.1.0/24", "198.18.2.0/24", "198.18.3.0/24"]


def until(condition, seconds, what):
    """Waits for `condition` to hold, and returns its value."""
    deadline = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {seconds} s: {what}")
        time.sleep(0.02)


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def sh(*arguments, check=True, timeout=60):
    result = subprocess.run(arguments, capture_output=True, text=True, timeout=timeout)
    if check and result.returncode != 0:
        raise AssertionError(f"{' '.join(arguments)}: {result.returncode}\n{result.stdout}\n{result.stderr}")
    return result


class Host:
    """What `up` and `down` must leave as it was."""

    def __init__(self):
        self.links = re.sub(r"@if\d+", "", sh("ip", "-o", "link", "show").stdout).splitlines()
        self.links = sorted(line.split(":")[1].strip() for line in self.links)
        self.addresses = sorted(
            " ".join(line.split()[1:4]) for line in sh("ip", "-o", "-4", "addr", "show").stdout.splitlines())
        self.routes = sorted(sh("ip", "route", "show", "table", "all").stdout.splitlines())
        self.ruleset = sh("nft", "list", "ruleset").stdout
        self.mounts = sorted(line.split()[1] for line in open("/proc/mounts"))

    def __eq__(self, other):
        return vars(self) == vars(other)

    def difference(self, other):
        return {key: (value, vars(other)[key]) for key, value in vars(self).items() if value != vars(other)[key]}


class Cloud:
    def __init__(self, index=0, state=None):
        self.index = index
        self.state = state or tempfile.mkdtemp(prefix="daruma-test-")
        self.port = free_port()
        self.link = "dt" + "".join(random.choices(string.ascii_lowercase, k=6))
        self.binary = os.path.join(self.state + "-bin", "daruma")
        os.makedirs(os.path.dirname(self.binary), exist_ok=True)
        shutil.copy(BINARY, self.binary)

    def daruma(self, *arguments, check=True, timeout=120):
        environment = dict(os.environ, DARUMA_ROOT=ROOT)
        command = [self.binary, arguments[0], *arguments[1:], "--state", self.state]
        result = subprocess.run(command, capture_output=True, text=True, timeout=timeout, env=environment)
        if check and result.returncode != 0:
            raise AssertionError(f"{' '.join(command)}: {result.returncode}\n{result.stdout}\n{result.stderr}\n{self.logs()}")
        return result

    def up(self, *more):
        new = not os.path.exists(self.state + "/cloud.json")
        first = ["--port", str(self.port), "--public-range", RANGES[self.index], "--host-link", self.link]
        self.daruma("up", *(first if new else []), *more)
        self.admin_file = json.load(open(self.state + "/admin.json"))
        self.admin = self.client(self.admin_file["apikey"], self.admin_file["secretkey"])
        self.zones = {zone["name"]: zone["id"] for zone in self.admin.listZones()["zone"]}
        self.templates = {t["name"]: t["id"] for t in self.admin.listTemplates(templatefilter="all")["template"]}
        self.offering = self.admin.listServiceOfferings(name="Tiny Instance")["serviceoffering"][0]["id"]
        return self

    def down(self, *more):
        return self.daruma("down", *more)

    def purge(self):
        self.down("--purge")
        shutil.rmtree(os.path.dirname(self.binary), ignore_errors=True)

    def client(self, key, secret):
        return CloudStack(
            endpoint=f"http://127.0.0.1:{self.port}/client/api", key=key, secret=secret, poll_interval=0.02,
            fetch_result=True, timeout=60, retry=0, job_timeout=120)

    def account(self, name=None):
        """A new account of an ordinary user, as a `cs` client."""
        name = name or "user-" + "".join(random.choices(string.ascii_lowercase, k=8))
        account = self.admin.createAccount(
            accounttype=0, username=name, password="secret", firstname=name, lastname="Test",
            email=f"{name}@example.org")["account"]
        keys = self.admin.registerUserKeys(id=account["user"][0]["id"])["userkeys"]
        client = self.client(keys["apikey"], keys["secretkey"])
        client.account_id, client.account_name = account["id"], name
        return client

    def deploy(self, client, name, zone="basic", template="tiny-simulator", **more):
        return client.deployVirtualMachine(
            zoneid=self.zones[zone], templateid=self.templates[template], serviceofferingid=self.offering, name=name,
            **more)["virtualmachine"]

    def allow(self, client, port=80, protocol="TCP", cidr="0.0.0.0/0", group="default"):
        found = client.listSecurityGroups(securitygroupname=group)["securitygroup"][0]
        client.authorizeSecurityGroupIngress(
            securitygroupid=found["id"], protocol=protocol, startport=port, endport=port, cidrlist=cidr)
        return client.listSecurityGroups(id=found["id"])["securitygroup"][0]

    def static_nat(self, client, machine, zone="basic", **more):
        where = more or {"zoneid": self.zones[zone]}
        address = client.associateIpAddress(**where)["ipaddress"]
        client.enableStaticNat(ipaddressid=address["id"], virtualmachineid=machine["id"])
        return address

    def namespace(self, name):
        return f"{self.state}/run/netns/{name}"

    def gateways(self):
        """Namespace names of the cells' gateways, by cell name."""
        return {
            scope["name"]: "r-" + scope["scope"].split("/")[1].replace("-", "")[:12]
            for scope in self.admin.listDataplaneScopes()["dataplanescope"]
            if scope["scope"].startswith("router/") and scope.get("name", "").startswith("cell-")}

    def enter(self, namespace, *command, check=True, timeout=60):
        return sh("nsenter", f"--net={self.namespace(namespace)}", *command, check=check, timeout=timeout)

    def scopes(self):
        return {s["scope"]: s for s in self.admin.listDataplaneScopes()["dataplanescope"]}

    def logs(self):
        text = ""
        for name in ("manager", "agent"):
            path = f"{self.state}/log/{name}.log"
            if os.path.exists(path):
                text += "".join(open(path, errors="replace").readlines()[-30:])
        return text

    def process(self, name):
        return json.load(open(f"{self.state}/{name}.process.json"))["pid"]


def fetch(address, port=80, timeout=2, source_port=None):
    """The body of GET /, or None if nobody answers."""
    try:
        source = ("", source_port) if source_port else None
        with socket.create_connection((address, port), timeout, source) as connection:
            connection.settimeout(timeout)
            connection.sendall(b"GET / HTTP/1.0\r\n\r\n")
            answer = b""
            while True:
                chunk = connection.recv(4096)
                if not chunk:
                    return answer.split(b"\r\n\r\n", 1)[1].decode()
                answer += chunk
    except (OSError, IndexError):
        return None
