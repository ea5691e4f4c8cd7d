"""What else can load the same rules on this machine. Each rule set is written once; loading it is what is timed."""
import os
import shutil
import signal
import subprocess
import time
from pathlib import Path

from rebuild.places import Namespace, timed

PACKAGES = ["iptables", "libip4tc2", "libip6tc2", "libxtables12", "libnfnetlink0", "libnetfilter-conntrack3"]


def address(value):
    return ".".join(str(value >> shift & 255) for shift in (24, 16, 8, 0))


def outside(number):
    return address(0x64400100 + number)


def inside(number):
    return address(0x0A400100 + number)


def service(number):
    return address(0x64600000 + number)


def member(number):
    return address(0x0A800000 + number)


def unpack(packages, cache):
    """Debian packages, downloaded and unpacked, not installed; the folder."""
    folder = Path(cache) / packages[0]
    if not (folder / "complete").exists():
        shutil.rmtree(folder, ignore_errors=True)
        (folder / "root").mkdir(parents=True)
        subprocess.run(["apt-get", "download", "-q", *packages], cwd=folder, check=True, stdout=subprocess.DEVNULL,
                       stderr=subprocess.PIPE)
        for package in folder.glob("*.deb"):
            subprocess.run(["dpkg", "-x", package, folder / "root"], check=True)
        (folder / "complete").touch()
    return folder / "root"


class Nft:
    def __init__(self, name, path, one_more):
        self.name, self.path, self.one_more = name, path, one_more

    def refill(self):
        return timed(["nft", "-f", self.path])


def nft_maps(floor, size, folder):
    """The rule set of the floor with all its sets, maps and elements, as `nft` lists it."""
    process = subprocess.Popen([floor, *map(str, size), "--hold"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        process.stdout.readline()
        text = subprocess.run(["nsenter", f"--net=/proc/{process.pid}/ns/net", "nft", "-s", "list", "ruleset"], check=True,
                              stdout=subprocess.PIPE).stdout
    finally:
        process.communicate()
    path = Path(folder) / "maps.nft"
    # nft 1.0.6 lists a connection's ports within a concatenation, what an error is about, and an address in a mark, but does not read
    # them: those rules stay out.
    unread = (b"ct original proto-dst", b"@th,", b"@tracked", b"set meta mark", b"meta mark set ip daddr map", b"meta mark set ip saddr map")
    path.write_bytes(b"\n".join(line for line in text.split(b"\n") if not any(part in line for part in unread)))
    one = (f"add element ip daruma to_private {{ {outside(size[0])} : {inside(size[0])} }}\n"
           f"add element ip daruma to_public {{ {inside(size[0])} : {outside(size[0])} }}\n"
           f"add element ip daruma pairs {{ {outside(size[0])} . {inside(size[0])} }}\n")
    return Nft("nft -f, same maps", path, one)


def nft_rules(size, folder):
    nats, balancers, members = size
    path = Path(folder) / "rules.nft"
    with path.open("w") as file:
        file.write("table ip rules {\n chain pre {\n  type nat hook prerouting priority dstnat;\n")
        for n in range(nats):
            file.write(f"  ip daddr {outside(n)} dnat to {inside(n)}\n")
        for n in range(balancers):
            targets = ", ".join(f"{k} : {member(n * members + k)} . 8080" for k in range(members))
            file.write(f"  ip daddr {service(n)} tcp dport 80 dnat ip to numgen inc mod {members} map {{ {targets} }}\n")
        file.write(" }\n chain post {\n  type nat hook postrouting priority srcnat;\n")
        for n in range(nats):
            file.write(f"  ip saddr {inside(n)} snat to {outside(n)}\n")
        file.write(" }\n}\n")
    one = (f"add rule ip rules pre ip daddr {outside(nats)} dnat to {inside(nats)}\n"
           f"add rule ip rules post ip saddr {inside(nats)} snat to {outside(nats)}\n")
    return Nft("nft -f, a rule per NAT", path, one)


class IPTables:
    def __init__(self, name, root, kind, size, folder):
        self.name = name
        self.command = [str(root / f"usr/sbin/xtables-{kind}-multi"), "iptables-restore"]
        library = root / "usr/lib/x86_64-linux-gnu"
        self.environment = {"LD_LIBRARY_PATH": str(library), "XTABLES_LIBDIR": str(library / "xtables"), "PATH": "/usr/sbin:/usr/bin",
                            "XTABLES_LOCKFILE": f"{folder}/xtables.lock"}
        self.path = Path(folder) / "iptables.txt"
        nats, balancers, members = size
        if not self.path.exists():
            with self.path.open("w") as file:
                file.write("*nat\n")
                for n in range(balancers):
                    file.write(f":B{n} - [0:0]\n")
                for n in range(nats):
                    file.write(f"-A PREROUTING -d {outside(n)}/32 -j DNAT --to-destination {inside(n)}\n"
                               f"-A POSTROUTING -s {inside(n)}/32 -j SNAT --to-source {outside(n)}\n")
                for n in range(balancers):
                    file.write(f"-A PREROUTING -d {service(n)}/32 -p tcp -m tcp --dport 80 -j B{n}\n")
                    for k in range(members):
                        every = f"-m statistic --mode nth --every {members - k} --packet 0 " if k < members - 1 else ""
                        file.write(f"-A B{n} -p tcp {every}-j DNAT --to-destination {member(n * members + k)}:8080\n")
                file.write("COMMIT\n")
        self.one_more = (f"*nat\n-A PREROUTING -d {outside(nats)}/32 -j DNAT --to-destination {inside(nats)}\n"
                         f"-A POSTROUTING -s {inside(nats)}/32 -j SNAT --to-source {outside(nats)}\nCOMMIT\n")

    def refill(self):
        return timed([*self.command, str(self.path)], env=self.environment)

    def add(self, namespace, path):
        start = time.perf_counter()
        subprocess.run(namespace.enter(*self.command, "--noflush", path), check=True, env=self.environment,
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        return time.perf_counter() - start


class Haproxy:
    """Load balancers alone; a reload with one more of them, until the new process serves and the old one is told to end."""

    name = "haproxy, reload (load balancers alone)"

    def __init__(self, size, folder):
        _, self.balancers, self.members = size
        self.folder = Path(folder)

    def _write(self, count):
        path = self.folder / "haproxy.cfg"
        with path.open("w") as file:
            file.write(f"global\n nbthread 2\n maxconn 2000\n stats socket {self.folder}/haproxy.sock expose-fd listeners\n"
                       "defaults\n mode tcp\n timeout connect 5s\n timeout client 30s\n timeout server 30s\n")
            for n in range(count):
                file.write(f"frontend f{n}\n bind {service(n)}:80 transparent\n default_backend b{n}\nbackend b{n}\n")
                for k in range(self.members):
                    file.write(f" server s{k} {member(n * self.members + k)}:8080\n")
        return path

    def reload(self):
        with Namespace() as place:
            pid = self.folder / "haproxy.pid"
            pid.unlink(missing_ok=True)
            path = self._write(self.balancers - 1)
            place.run("haproxy", "-D", "-f", path, "-p", pid, stderr=subprocess.DEVNULL)
            old = pid.read_text().split()
            path = self._write(self.balancers)
            try:
                return place.timed("haproxy", "-D", "-f", path, "-p", pid, "-x", self.folder / "haproxy.sock", "-sf", *old)
            finally:
                for one in [*old, *pid.read_text().split()]:
                    try:
                        os.kill(int(one), signal.SIGKILL)
                    except ProcessLookupError:
                        pass
