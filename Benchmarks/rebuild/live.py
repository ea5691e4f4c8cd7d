"""A whole cloud with many static NATs on one gateway: detection, one more rule, changes under load, and a start from its
ledger."""
import concurrent.futures
import json
import os
import shutil
import signal
import subprocess
import threading
import time

from cloud import BINARY, RANGES, Cloud, sh, until
from traffic import Echo, ask, inside, percentile
from wire import Wire

CALLERS = 50
# Rules that are made, and then changed, through the API.
BY_API = 500
# So many are kept.
EVENTS = 20_000
ACCOUNT = "measured"
PORT = 7000
FIRST = (198 << 24) + (18 << 16) + (4 << 8)
GUESTS = "10.4.0.0/14"
# Behind what the cloud gives away by itself here.
GUEST_FIRST = "10.6.0.0"


def dotted(value):
    return ".".join(str(value >> shift & 255) for shift in (24, 16, 8, 0))


def alive(process):
    try:
        return open(f"/proc/{process}/stat").read().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


class Live:
    def __init__(self, nats, balancers, members, account=ACCOUNT, port=PORT):
        self.nats, self.balancers, self.members = nats, balancers, members
        self.account, self.port = account, port
        self.cloud = Cloud(4)
        self.local = threading.local()

    def call(self, command, **parameters):
        """A call by this thread's own connection, and the result of its job if it begins one."""
        wire = getattr(self.local, "wire", None)
        if wire is None:
            wire = self.local.wire = Wire(self.cloud, self.client)
        status, body = wire.call(command, **parameters)
        if status != 200:
            raise RuntimeError(f"{command}: {body.get('errortext', status)}")
        pause = 0.001
        while "jobid" in body:
            job = wire.call("queryAsyncJobResult", jobid=body["jobid"])[1]
            if job["jobstatus"] == 2:
                raise RuntimeError(f"{command}: {job['jobresult']}")
            if job["jobstatus"] == 1:
                return job.get("jobresult", {})
            time.sleep(pause)
            pause = min(0.05, pause * 2)
        return body

    def each(self, count, body):
        with concurrent.futures.ThreadPoolExecutor(CALLERS) as pool:
            return list(pool.map(body, range(count)))

    def fill(self):
        """Makes all: the many while the cloud stands still, some of it through the API, with the callers at once. How many rules
        the API took per second."""
        self.fill_at_once()
        start = time.perf_counter()
        self.rules = self.each(BY_API, self.enable)
        return BY_API / (time.perf_counter() - start)

    def fill_at_once(self):
        """A cloud with the many rules, which runs in the end."""
        cloud = self.cloud.up("--guest-range", GUESTS)
        self.client = cloud.account(self.account)
        cloud.allow(self.client, self.port, "UDP")
        zone = cloud.zones["basic"]
        self.cell = cloud.admin.listCells(zoneid=zone)["cell"][0]
        cloud.admin.createVlanIpRange(zoneid=zone, cellid=self.cell["id"], startip=dotted(FIRST),
                                      endip=dotted(FIRST + self.nats + BY_API + self.balancers))
        machines = max(CALLERS, -(-self.nats // 100))
        self.machines = self.each(machines, lambda n: self.call(
            "deployVirtualMachine", zoneid=zone, templateid=cloud.templates["tiny-simulator"],
            serviceofferingid=cloud.offering, name=f"measured-{n:05}")["virtualmachine"])
        cloud.down()
        cloud.daruma("cloud-fill", "--account", self.account, "--public-first", dotted(FIRST), "--guest-first", GUEST_FIRST,
                     "--static-nats", str(self.nats), "--load-balancers", str(self.balancers), "--members", str(self.members),
                     "--port", str(self.port), timeout=900)
        start = time.perf_counter()
        cloud.up()
        self.first_start = time.perf_counter() - start
        # The host knows the way to its own range only.
        host = RANGES[self.cloud.index].rsplit(".", 1)[0]
        sh("ip", "route", "add", "198.18.0.0/15", "via", f"{host}.254", "dev", cloud.link, "src", f"{host}.1", "onlink")

    def enable(self, number):
        """A secondary address, a public one and a static NAT between them."""
        machine = self.machines[number % len(self.machines)]
        guest = self.call("addIpToNic", nicid=machine["nic"][0]["id"])["nicsecondaryip"]["ipaddress"]
        address = self.call("associateIpAddress", zoneid=self.cloud.zones["basic"], ipaddress=self.public(number))
        rule = {"ipaddressid": address["ipaddress"]["id"], "virtualmachineid": machine["id"], "vmguestip": guest}
        self.call("enableStaticNat", **rule)
        return rule

    def public(self, number):
        return dotted(FIRST + self.nats + self.balancers + number)

    def gateway(self):
        scopes = self.cloud.admin.listDataplaneScopes()["dataplanescope"]
        return next(scope for scope in scopes if scope["scope"] == "router/" + self.cell["id"])

    def namespace(self):
        return "r-" + self.cell["id"].replace("-", "")[:12]

    def losses(self, count):
        """For each wiping of the gateway: seconds until it was detected, and until all was verified again."""
        found = []
        for _ in range(count):
            wiped = time.time()
            self.cloud.enter(self.namespace(), "nft", "delete", "table", "ip", "daruma")

            def verified():
                scope = self.gateway()
                return scope if scope["phase"] == "verified" and scope["verifiedat"] / 1e6 > wiped and \
                    scope["detectedat"] / 1e6 > wiped else None

            scope = until(verified, 60, "the gateway is verified again")
            found.append((scope["detectedat"] / 1e6 - wiped, scope["verifiedat"] / 1e6 - wiped))
            time.sleep(0.3)
        return found

    def one_more(self, count):
        """Milliseconds from the call to the answer of the first datagram through the new rule."""
        rule = self.rules[0]
        address = self.public(0)
        times = []
        with Echo(inside(self.cloud, self.machines[0]), self.port, "measured-0", rule["vmguestip"]):
            for _ in range(count):
                self.call("disableStaticNat", ipaddressid=rule["ipaddressid"])
                start = time.perf_counter()
                self.call("enableStaticNat", **rule)
                if ask(address, self.port) is None:
                    raise RuntimeError("the first datagram after the call was lost")
                times.append((time.perf_counter() - start) * 1000)
        return times

    def fill_history(self):
        """Until the cloud has as many events as it keeps, each change has less to forget."""
        while self.cloud.admin.listEvents(listall=True, page=1, pagesize=1)["count"] < EVENTS:
            self.changes(10)

    def changes(self, seconds):
        """Fifty callers take their rules away and give them again: changes per second, and their milliseconds by time."""
        drifts = self.gateway()["repairs"]
        order = {"port": self.cloud.port, "key": self.client.key, "secret": self.client.secret, "seconds": seconds,
                 "rules": self.rules[:CALLERS]}
        done = subprocess.run([BINARY, "change-benchmark"], input=json.dumps(order), stdout=subprocess.PIPE, check=True, text=True)
        done = sorted(json.loads(done.stdout))
        early = [value for at, value in done if at < seconds / 4]
        late = [value for at, value in done if at >= seconds * 3 / 4]
        scope = self.gateway()
        wanted = next(service for service in scope["service"] if service["name"] == "staticnat")
        return {
            "per_second": len(done) / seconds, "early_p50": percentile(early, 0.5), "early_p99": percentile(early, 0.99),
            "late_p50": percentile(late, 0.5), "late_p99": percentile(late, 0.99),
            "lost": self.nats + BY_API - wanted["verified"], "drifts": scope["repairs"] - drifts,
        }

    def start_after_loss(self):
        """Seconds from the start of `up` to everything verified, after manager and agent were killed and then the gateway's rules
        were taken away. The instances run on."""
        for name in ("manager", "agent"):
            process = self.cloud.process(name)
            os.kill(process, signal.SIGKILL)
            until(lambda: not alive(process), 10, f"the {name} is dead")
        self.cloud.enter(self.namespace(), "nft", "delete", "table", "ip", "daruma")
        return self.start()

    def start_again(self):
        """Seconds from the start of `up`, with nothing left but the state folder, to everything verified."""
        self.cloud.down()
        return self.start()

    def start(self):
        start = time.perf_counter()
        self.cloud.up()
        seconds = time.perf_counter() - start
        wanted = next(service for service in self.gateway()["service"] if service["name"] == "staticnat")
        if wanted["verified"] < self.nats + BY_API:
            raise RuntimeError(f"{wanted['verified']} of {self.nats + BY_API} static NATs are verified after a start")
        return seconds

    def close(self):
        self.cloud.purge()
        shutil.rmtree(self.cloud.state, ignore_errors=True)
