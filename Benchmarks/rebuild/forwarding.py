"""What the gateway's rule set costs packets: client, gateway and backend in three namespaces, one sender."""
import time

from rebuild.peers import address, inside, outside
from rebuild.places import Namespace

CLIENT_MAC, GATEWAY_MAC, BACKEND_MAC = "02:00:00:00:01:01", "02:00:00:00:01:02", "02:00:00:00:01:03"
PACKETS, FLOWS, CONNECTIONS = 400_000, 100_000, 20_000


class Course:
    """client ── pub gateway fab ── backend. The gateway's process holds the rule set, or it only routes."""

    def __init__(self, packets, gateway):
        self.packets, self.gateway = packets, gateway
        self.client, self.backend = Namespace(), Namespace()
        for place, link, mac, far, far_mac in ((self.client, "out", CLIENT_MAC, "pub", GATEWAY_MAC),
                                               (self.backend, "in", BACKEND_MAC, "fab", "02:00:00:00:01:04")):
            gateway.run("ip", "link", "add", far, "address", far_mac, "type", "veth", "peer", "name", link, "address", mac,
                        "netns", str(place.pid))
            gateway.run("ip", "link", "set", far, "up")
            place.run("ip", "link", "set", link, "up")
        gateway.run("sysctl", "-qw", "net.ipv4.ip_forward=1", "net.ipv4.conf.all.rp_filter=0",
                    "net.ipv4.conf.default.rp_filter=0", "net.ipv4.conf.pub.rp_filter=0", "net.ipv4.conf.fab.rp_filter=0")
        gateway.run("ip", "address", "add", "169.254.1.1/30", "dev", "pub")
        gateway.run("ip", "address", "add", "169.254.2.1/30", "dev", "fab")
        gateway.run("ip", "neighbour", "add", "169.254.1.2", "lladdr", CLIENT_MAC, "dev", "pub")
        gateway.run("ip", "route", "add", "192.0.2.0/24", "via", "169.254.1.2", "dev", "pub")
        self.client.run("ip", "address", "add", "192.0.2.1/32", "dev", "out")
        self.client.run("ip", "route", "add", "169.254.1.1", "dev", "out")
        self.client.run("ip", "neighbour", "add", "169.254.1.1", "lladdr", GATEWAY_MAC, "dev", "out")
        self.client.run("ip", "route", "add", "default", "via", "169.254.1.1", "dev", "out", "src", "192.0.2.1")
        self.backend.run("ip", "route", "add", "169.254.2.1", "dev", "in")
        self.backend.run("ip", "neighbour", "add", "169.254.2.1", "lladdr", "02:00:00:00:01:04", "dev", "in")
        self.backend.run("ip", "route", "add", "default", "via", "169.254.2.1", "dev", "in")

    def target(self, private):
        """The backend is to be this address; the last rule of all leads there."""
        self.private = private
        self.backend.run("ip", "address", "add", f"{private}/32", "dev", "in")
        self.gateway.run("ip", "route", "add", f"{private}/32", "via", "169.254.2.2", "dev", "fab")
        self._neighbour(BACKEND_MAC)

    def _neighbour(self, mac):
        self.gateway.run("ip", "neighbour", "replace", "169.254.2.2", "lladdr", mac, "dev", "fab")

    def _received(self):
        return int(self.backend.run("cat", "/proc/net/dev").split("in:")[1].split()[1])

    def flood(self, destination, flows):
        """Datagrams of 60 bytes per second that reached the backend, which drops them as somebody else's."""
        self._neighbour("02:00:00:00:09:09")
        before = self._received()
        count = PACKETS if flows == 1 else FLOWS
        seconds = float(self.client.run(self.packets, "flood", "out", GATEWAY_MAC, "198.51.100.1", destination, count,
                                        flows if flows == 1 else count).split()[0])
        arrived = self._received() - before
        self._neighbour(BACKEND_MAC)
        if arrived < count * 0.98:
            raise RuntimeError(f"{count - arrived} of {count} datagrams did not arrive")
        return arrived / seconds

    def connect(self, destination):
        server = self.backend.start(self.packets, "serve", self.private, 80)
        try:
            server.stdout.readline()
            seconds = float(self.client.run(self.packets, "connect", destination, 80, CONNECTIONS).split()[0])
        finally:
            server.kill()
            server.wait()
        return CONNECTIONS / seconds

    def close(self):
        self.client.close()
        self.backend.close()


class Held:
    """The namespace of a program that made a rule set in it and waits."""

    def __init__(self, command):
        self.holder = Namespace()
        self.process = self.holder.start(*command)
        if not self.process.stdout.readline():
            raise RuntimeError("the rule set was not made")
        self.pid, self.run, self.start = self.holder.pid, self.holder.run, self.holder.start

    def close(self):
        self.process.communicate()
        self.holder.close()


def measure(packets, command, nats):
    """With `nats` rules, through the last of them; without a command plain routing. One value of each kind."""
    gateway = Held(command) if command else Namespace()
    course = None
    try:
        course = Course(packets, gateway)
        private = inside(nats - 1)
        course.target(private)
        public = outside(nats - 1) if command else private
        values = {"new": course.flood(public, FLOWS), "established": course.flood(public, 1),
                  "connections": course.connect(public)}
        return values
    finally:
        if course:
            course.close()
        gateway.close()
