"""Packets of the tests: sockets inside namespaces, echo servers that know who asked, and what real machines run."""
import base64
import contextlib
import ctypes
import os
import selectors
import signal
import socket
import subprocess
import threading
import time

from cloud import RANGES, fetch, until

CLONE_NEWNET = 0x40000000
libc = ctypes.CDLL(None, use_errno=True)


def within(namespace, function):
    """Calls `function` in a network namespace (given as a path). Sockets that it makes stay there."""
    outcome = []

    def run():
        try:
            descriptor = os.open(namespace, os.O_RDONLY)
            try:
                if libc.setns(descriptor, CLONE_NEWNET) != 0:
                    raise OSError(ctypes.get_errno(), f"setns {namespace}")
            finally:
                os.close(descriptor)
            outcome.append((function(), None))
        except BaseException as error:  # handed to the caller
            outcome.append((None, error))

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    value, error = outcome[0]
    if error:
        raise error
    return value


def inside(cloud, machine):
    """The namespace of a simulated instance, as a path."""
    return cloud.namespace("i-" + machine["id"].replace("-", "")[:12])


def host_address(cloud):
    return RANGES[cloud.index].rsplit(".", 1)[0] + ".1"


def fetch_inside(cloud, machine, address, port=80, timeout=2):
    return within(inside(cloud, machine), lambda: fetch(address, port, timeout))


def cell(cloud, address):
    """The name of the cell whose gateway has a public address."""
    line = cloud.enter("wan", "ip", "route", "get", address).stdout
    return next((name for name, link in cloud.gateways().items() if f"dev {link} " in line), None)


class Echo:
    """A server on TCP and UDP that answers each message with its name, and notes who sent it. From a secondary address it
    answers when it listens at that alone."""

    def __init__(self, namespace, port, name, address="0.0.0.0"):
        self.name, self.seen, self.connections = name, [], []
        self.messages, self.last = 0, b""
        self.tcp, self.udp = within(namespace, lambda: self._listen(address, port))
        self.wake, self.waker = socket.socketpair()
        self.thread = threading.Thread(target=self._serve, daemon=True)
        self.thread.start()

    @staticmethod
    def _listen(address, port):
        tcp = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        tcp.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        tcp.bind((address, port))
        tcp.listen(128)
        udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        udp.bind((address, port))
        return tcp, udp

    def _serve(self):
        selector = selectors.DefaultSelector()
        for one in (self.tcp, self.udp, self.wake):
            selector.register(one, selectors.EVENT_READ)
        while True:
            for key, _ in selector.select():
                one = key.fileobj
                if one is self.wake:
                    selector.close()
                    return
                if one is self.tcp:
                    connection, peer = self.tcp.accept()
                    self.seen.append(("tcp", *peer))
                    self.connections.append(connection)
                    selector.register(connection, selectors.EVENT_READ)
                elif one is self.udp:
                    data, peer = self.udp.recvfrom(2048)
                    self.seen.append(("udp", *peer))
                    self.messages, self.last = self.messages + 1, data
                    with contextlib.suppress(OSError):
                        self.udp.sendto(self.name.encode() + b" " + data, peer)
                else:
                    try:
                        data = one.recv(2048)
                    except OSError:
                        data = b""
                    if data:
                        self.messages, self.last = self.messages + 1, data
                        with contextlib.suppress(OSError):
                            one.sendall(self.name.encode() + b" " + data)
                    else:
                        selector.unregister(one)
                        one.close()

    def close(self):
        self.waker.send(b"x")
        self.thread.join()
        for one in [self.tcp, self.udp, self.wake, self.waker, *self.connections]:
            one.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


class Listener(Echo):
    """An `Echo` on the host's own address of the public range, which shows as whom packets come out."""

    def __init__(self, cloud, port):
        super().__init__("/proc/self/ns/net", port, "host")


def ask(address, port, timeout=1.0):
    """One datagram, one answer: the text of it, or None."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.settimeout(timeout)
        try:
            client.connect((address, port))
            client.send(b"?")
            return client.recv(2048).decode().split()[0]
        except OSError:
            return None


class Line:
    """A TCP connection to an `Echo`, of which both ends are in hand."""

    def __init__(self, address, port, server):
        before = len(server.connections)
        self.client = socket.create_connection((address, port), 2)
        until(lambda: len(server.connections) > before, 2, "the server has the connection")
        self.server, self.echo = server.connections[-1], server
        assert self.says(b"hello"), "a fresh connection does not pass bytes"

    def says(self, data, timeout=1.0):
        self.client.settimeout(timeout)
        try:
            self.client.sendall(data)
            return self.client.recv(2048)
        except OSError:
            return b""

    def is_silent(self, seconds=1.0):
        """Neither what the client nor what the server sends arrives; both are sent again by TCP meanwhile."""
        messages = self.echo.messages
        with contextlib.suppress(OSError):
            self.client.sendall(b"up")
        with contextlib.suppress(OSError):
            self.server.sendall(b"down")
        self.client.settimeout(seconds)
        try:
            arrived = self.client.recv(2048)
        except OSError:
            arrived = b""
        return arrived == b"" and self.echo.messages == messages

    def close(self):
        self.client.close()


# What a real machine runs: a page that fetches others (`/cgi-bin/get?ADDRESS:PORT/PATH`), a stream of bytes on port 7777
# and a proof that the script ran.
MACHINE = """#!/bin/sh
mkdir -p /www/cgi-bin
cat >/www/cgi-bin/get <<'GET'
#!/bin/sh
printf '\\r\\n'
timeout 2 wget -q -O - "http://$QUERY_STRING" 2>/dev/null || echo nothing
GET
cat >/www/cgi-bin/lookup <<'LOOKUP'
#!/bin/sh
printf '\\r\\n'
timeout 3 nslookup "$QUERY_STRING" 2>&1
LOOKUP
cat >/root/stream <<'STREAM'
#!/bin/sh
while echo tick; do usleep 50000; done
STREAM
chmod 755 /www/cgi-bin/get /www/cgi-bin/lookup /root/stream
nc -ll -p 7777 -e /root/stream &
echo "user data of $(hostname)" >/www/proof.new
mv /www/proof.new /www/proof
"""


def user_data(text=MACHINE):
    return base64.b64encode(text.encode()).decode()


def page(address, path, port=80, timeout=6):
    """The body of GET PATH, or None."""
    try:
        with socket.create_connection((address, port), 2) as connection:
            connection.settimeout(timeout)
            connection.sendall(f"GET {path} HTTP/1.0\r\n\r\n".encode())
            answer = b""
            while chunk := connection.recv(4096):
                answer += chunk
        head, _, body = answer.partition(b"\r\n\r\n")
        return body.decode() if b" 200 " in head else None
    except OSError:
        return None


def serves(namespace):
    """The process ids of everything in a namespace."""
    inode = os.stat(namespace).st_ino
    found = []
    for name in os.listdir("/proc"):
        with contextlib.suppress(OSError):
            if name.isdigit() and os.stat(f"/proc/{name}/ns/net").st_ino == inode:
                found.append(int(name))
    return found


def kill_web_server(cloud, machine):
    """Ends the web server in a simulated instance; the instance itself goes on."""
    killed = 0
    for pid in serves(inside(cloud, machine)):
        with contextlib.suppress(OSError):
            if b"httpd" in open(f"/proc/{pid}/cmdline", "rb").read():
                os.kill(pid, signal.SIGKILL)
                killed += 1
    # It has a child for each connection that is not over yet.
    assert killed, f"no web server in {machine['name']}"


def start_web_server(cloud, machine):
    folder = f"{cloud.state}/instances/{machine['id']}/www"
    return subprocess.Popen(
        ["nsenter", f"--net={inside(cloud, machine)}", "busybox", "httpd", "-f", "-p", "80", "-h", folder],
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def percentile(values, part):
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * part))]


def now():
    return time.monotonic()
