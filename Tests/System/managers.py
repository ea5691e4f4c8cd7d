"""A cloud of several managers over one database, each of which can be killed, frozen, cut off or run by hand."""
import ctypes
import json
import os
import random
import signal
import socket
import subprocess
import threading
import time
import urllib.error
import urllib.request
from datetime import timedelta

from cloud import ROOT, Cloud, until

CLONE_NEWNET = 0x40000000


def free_ports(count):
    """The first of `count` ports in a row that nobody uses, and that no connection gets for its own end meanwhile."""
    while True:
        port = random.randrange(20000, 32000)
        probes = [socket.socket() for _ in range(count)]
        try:
            for number, probe in enumerate(probes):
                probe.bind(("127.0.0.1", port + number))
            return port
        except OSError:
            continue
        finally:
            for probe in probes:
                probe.close()


class Managers(Cloud):
    def __init__(self, conninfo, count=3, index=0):
        super().__init__(index)
        self.port = free_ports(count)
        self.conninfo, self.count = conninfo, count
        self.names = ["manager"] + [f"manager-{number}" for number in range(2, count + 1)]
        self.by_hand = {}
        # How long signatures hold, by clocks that may differ.
        self.patience = timedelta(minutes=10)

    def up(self, *more):
        new = not os.path.exists(self.state + "/cloud.json")
        first = ["--postgresql", self.conninfo, "--managers", str(self.count)]
        return super().up(*(first if new else []), *more)

    def purge(self):
        for process in self.by_hand.values():
            process.kill()
            process.wait()
        super().purge()

    def port_of(self, name):
        return self.port + self.names.index(name)

    def pid(self, name):
        """The process that runs as `name`, or None."""
        if name in self.by_hand:
            return self.by_hand[name].pid if self.by_hand[name].poll() is None else None
        try:
            record = json.load(open(f"{self.state}/{name}.process.json"))
            fields = open(f"/proc/{record['pid']}/stat").read().rsplit(")", 1)[1].split()
        except (OSError, ValueError):
            return None
        return record["pid"] if int(fields[19]) == record["startTime"] and fields[0] != "Z" else None

    def kill(self, name, number=signal.SIGKILL):
        os.kill(self.pid(name), number)

    def start(self, name, env=None, enter=()):
        """Runs the manager `name` by hand, in the place of one that `up` would start."""
        if self.pid(name):
            self.kill(name)
            until(lambda: not self.pid(name), 10, f"{name} ends")
        log = open(f"{self.state}/log/{name}.log", "a")
        self.by_hand[name] = subprocess.Popen(
            [*enter, self.binary, "manager", "--state", self.state, "--name", name, "--port", str(self.port_of(name))],
            stdin=subprocess.DEVNULL, stdout=log, stderr=log, env={**os.environ, "DARUMA_ROOT": ROOT, **(env or {})})
        log.close()

    def client_of(self, name, client=None):
        client = client or self.admin
        made = self.client(client.key, client.secret)
        made.expiration = self.patience
        made.endpoint = f"http://127.0.0.1:{self.port_of(name)}/client/api"
        return made

    def health(self, name, timeout=2):
        """What the manager says of itself; None if it says nothing."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port_of(name)}/health", timeout=timeout) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as error:
            return json.load(error)
        except OSError:
            return None

    def leader(self, among=None):
        for name in among or self.names:
            if self.pid(name) and (self.health(name, 1) or {}).get("role") == "leads":
                return name
        return None

    def followers(self):
        return [name for name in self.names if (self.health(name) or {}).get("role") == "follows"]

    def verified(self, name):
        """Whether the manager sees every unit of the network verified, and as it is now."""
        try:
            scopes = self.client_of(name).listDataplaneScopes()["dataplanescope"]
        except Exception:  # noqa: BLE001 - it has just begun, or is about to end
            return False
        return bool(scopes) and all(scope["phase"] == "verified" and scope["current"] for scope in scopes)

    def logs(self):
        text = ""
        for name in [*self.names, "agent"]:
            path = f"{self.state}/log/{name}.log"
            if os.path.exists(path):
                text += f"--- {name}\n" + "".join(open(path, errors="replace").readlines()[-30:])
        return text


class Anywhere:
    """A `cs` client whose every call goes to a manager of its own, at random."""

    def __init__(self, cloud, client, seed):
        self.clients = [cloud.client_of(name, client) for name in cloud.names]
        self.random = random.Random(seed)

    def __getattr__(self, name):
        return getattr(self.random.choice(self.clients), name)


class Tunnel:
    """Lets this namespace's loopback reach a port of another's."""

    def __init__(self, port, pid):
        self.port, self.pid = port, pid
        self.listener = until(self.bind, 10, f"port {port} is free")
        threading.Thread(target=self.run, daemon=True).start()

    def bind(self):
        try:
            return socket.create_server(("127.0.0.1", self.port))
        except OSError:
            # Who listened there was killed, but not all of its threads have ended.
            return None

    def close(self):
        # Only that wakes who waits in accept.
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()

    def run(self):
        while True:
            try:
                near, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.carry, args=(near,), daemon=True).start()

    def carry(self, near):
        # The thread ends in the other namespace; nothing else runs in it.
        with open(f"/proc/{self.pid}/ns/net") as namespace:
            if ctypes.CDLL(None, use_errno=True).setns(namespace.fileno(), CLONE_NEWNET) != 0:
                return near.close()
        try:
            far = socket.create_connection(("127.0.0.1", self.port), 5)
        except OSError:
            return near.close()
        back = threading.Thread(target=self.copy, args=(far, near), daemon=True)
        back.start()
        self.copy(near, far)
        back.join()
        near.close()
        far.close()

    @staticmethod
    def copy(source, target):
        try:
            while data := source.recv(1 << 16):
                target.sendall(data)
            target.shutdown(socket.SHUT_WR)
        except OSError:
            for end in (source, target):
                try:
                    end.shutdown(socket.SHUT_RDWR)
                except OSError:
                    pass


class Clock:
    """A library that shifts what a process takes for the time of day."""

    SOURCE = """
#define _GNU_SOURCE
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>
int clock_gettime(clockid_t clock, struct timespec *time) {
  int result = syscall(SYS_clock_gettime, clock, time);
  if (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE) time->tv_sec += SHIFT;
  return result;
}
int gettimeofday(struct timeval *value, void *zone) {
  struct timespec time;
  clock_gettime(CLOCK_REALTIME, &time);
  value->tv_sec = time.tv_sec;
  value->tv_usec = time.tv_nsec / 1000;
  return 0;
}
time_t time(time_t *value) {
  struct timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  if (value) *value = now.tv_sec;
  return now.tv_sec;
}
"""

    def __init__(self, folder, seconds):
        self.path = f"{folder}/clock{seconds}.so"
        with open(self.path + ".c", "w") as file:
            file.write(self.SOURCE)
        subprocess.run(["gcc", "-shared", "-fPIC", "-O1", f"-DSHIFT=({seconds})", "-o", self.path, self.path + ".c"], check=True)

    @property
    def env(self):
        return {"LD_PRELOAD": self.path}


def wait_for_leader(cloud, among, seconds=30):
    """The name of the one that leads, of `among`, and how long it took."""
    begin = time.monotonic()
    name = until(lambda: cloud.leader(among), seconds, f"one of {among} leads\n{cloud.logs()}")
    return name, time.monotonic() - begin
