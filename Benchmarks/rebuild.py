"""How fast a gateway is refilled: `rebuild.py [--size small|default|full] [--full] [--repeats N] [--json FILE]`.

A gateway's rule set of static NATs and load balancers, loaded by the product, by the floor (a raw netlink writer with
nothing around it) and by what else is on the machine, in turns. Then packets through it, many virtual routers on one node,
and a whole cloud. Ratios count: all of a row's values are from the same minutes.
"""
import argparse
import contextlib
import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from rebuild import forwarding, ovn, peers
from rebuild.figures import Row
from rebuild.places import Namespace, _leave

ROOT = Path(__file__).parent.parent
DARUMA = os.environ.get("DARUMA_BINARY", str(ROOT / ".build/release/daruma"))
SIZES = {
    # A gateway's static NATs, load balancers, members; the many; virtual routers; the same of a cloud; load balancers for haproxy.
    "small": ((1_000, 100, 10), 10_000, 20, (100, 10, 3), 100),
    "default": ((100_000, 10_000, 10), 1_000_000, 200, (500, 50, 10), 1_000),
    "full": ((100_000, 10_000, 10), 1_000_000, 1_000, (100_000, 10_000, 10), 10_000),
}


class Bench:
    def __init__(self, options):
        self.options = options
        self.size, self.many, self.routers, self.live, self.proxied = SIZES[options.size]
        self.folder = tempfile.mkdtemp(prefix="daruma-rebuild-")
        self.floor, self.packets = (self._compile(name) for name in ("floor", "packets"))
        self.rows = []

    def _compile(self, name):
        path = f"{self.folder}/{name}"
        subprocess.run(["gcc", "-O2", "-Wall", "-o", path, str(Path(__file__).parent / f"rebuild/{name}.c")], check=True)
        return path

    def row(self, *arguments, **more):
        self.rows.append(Row(*arguments, **more))
        return self.rows[-1]

    def say(self, text):
        print(text, file=sys.stderr, flush=True)

    def by_floor(self, size, *more):
        return self._json([self.floor, *map(str, size), *more])

    def ours(self, size, *more):
        arguments = ["--nats", size[0], "--balancers", size[1], "--members", size[2], *more]
        return self._json([DARUMA, "rebuild-benchmark", *map(str, arguments)])

    @staticmethod
    def _json(command):
        done = subprocess.run(command, preexec_fn=_leave, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        if done.returncode != 0:
            raise RuntimeError(f"{' '.join(command)}: {done.stderr[-500:]}")
        return json.loads(done.stdout)

    # MARK: one gateway

    def same_rules(self):
        """The floor's rule set compared element by element, rule by rule with what the product wants."""
        size = (100, 10, 10)
        process = subprocess.Popen([self.floor, *map(str, size), "--hold"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        try:
            process.stdout.readline()
            found = subprocess.run(
                ["nsenter", f"--net=/proc/{process.pid}/ns/net", DARUMA, "rebuild-benchmark", "--nats", "100", "--balancers", "10",
                 "--members", "10", "--audit"], check=True, stdout=subprocess.PIPE, text=True).stdout
        finally:
            process.communicate()
        if json.loads(found)["differs"]:
            raise RuntimeError(f"the floor does not write the product's rules: {found}")

    def refill(self):
        text = f"{self.size[0]:,} static NATs, {self.size[1]:,} load balancers of {self.size[2]}"
        refill = self.row("refill of one empty gateway, wanted state in memory to committed", "s", text, must=1.5, aim=1.15,
                          note="programs that load text are timed as a whole, the floor and ours within the process")
        whole = self.row("the same from plan objects in memory", "s", text)
        read = self.row("full read-back by dump, and compare", "s", text, note="must: 1 s, aim: 0.6 s; the floor only reads")
        busy = self.row("the same under 1,000 changes a second", "s", text, note="must: 1 s, aim: 0.6 s; nothing differs")
        confirm = self.row("full compare by the kernel, as after a loss and at a start", "s", text, note="must: 1 s, aim: 0.6 s")
        confirm_busy = self.row("the same under 1,000 changes a second", "s", text, note="must: 1 s, aim: 0.6 s; nothing differs")
        nat = self.row("one more static NAT, kernel part", "us", text, must=5, aim=2)
        nat_read = self.row("one more static NAT, kernel part, read back by key", "us", text, must=5, aim=2)
        lb = self.row(f"one more load balancer of {self.size[2]}, kernel part", "us", text, must=5, aim=2)
        lb_read = self.row(f"one more load balancer of {self.size[2]}, kernel part, read back by key", "us", text, must=5, aim=2)
        growth = {name: self.row(f"growth of one more {name}: 10 rules to full size", "×", text, note="must: 1.3, aim: 1.0")
                  for name in ("static NAT", "load balancer")}
        loaders = self.loaders(refill)
        for turn in range(self.options.repeats):
            self.say(f"refill, turn {turn + 1}")
            adds = ("--adds", "40", "--read")
            floor, small_floor = self.by_floor(self.size, *adds), self.by_floor((10, 10, 10), "--adds", "40")
            ours, small = self.ours(self.size, *adds), self.ours((10, 10, 10), "--adds", "40")
            refill.floor.append(floor["refill"])
            refill.ours.append(ours["refill"])
            whole.ours.append(ours["plan"] + ours["refill"])
            whole.floor.append(floor["refill"])
            read.ours.append(ours["read"])
            read.floor.append(floor["read"])
            busy.ours.append(ours["read_busy"])
            busy.floor.append(floor["read"])
            confirm.ours.append(ours["confirm"])
            confirm_busy.ours.append(ours["confirm_busy"])
            for row, key in ((nat, "add_nat"), (lb, "add_lb")):
                row.floor.append(floor[key]["median"] * 1e6)
                row.ours.append(ours[key]["median"] * 1e6)
            nat_read.floor.append(floor["add_nat"]["median"] * 1e6)
            nat_read.ours.append(ours["add_nat_read"]["median"] * 1e6)
            lb_read.floor.append(floor["add_lb"]["median"] * 1e6)
            lb_read.ours.append(ours["add_lb_read"]["median"] * 1e6)
            for name, key in (("static NAT", "add_nat"), ("load balancer", "add_lb")):
                growth[name].ours.append(ours[key]["median"] / small[key]["median"])
                growth[name].floor.append(floor[key]["median"] / small_floor[key]["median"])
            for loader in loaders:
                with self.attempt(refill, loader.name):
                    refill.peer(loader.name, loader.refill() if hasattr(loader, "refill") else loader.reload())
            self.by_ovn(refill, nat, lb)
        self.one_more_by_peers(nat, loaders)

    @contextlib.contextmanager
    def attempt(self, row, name):
        try:
            yield
        except Exception as error:  # A peer that cannot run says why in its row.
            row.lacks(name, str(error)[:300])

    def loaders(self, row):
        found = []
        with self.attempt(row, "nft -f, same maps"):
            found.append(peers.nft_maps(self.floor, self.size, self.folder))
        found.append(peers.nft_rules(self.size, self.folder))
        for kind in ("legacy", "nft"):
            with self.attempt(row, f"iptables-{kind}-restore"):
                root = peers.unpack(peers.PACKAGES, self.options.cache)
                found.append(peers.IPTables(f"iptables-{kind}-restore", root, kind, self.size, self.folder))
        found.append(peers.Haproxy((0, min(self.proxied, self.size[1]), self.size[2]), self.folder))
        found[-1].name = f"haproxy, reload, {found[-1].balancers:,} load balancers alone"
        return found

    def by_ovn(self, refill, nat, lb):
        """Static NATs alone, then load balancers alone, each with a fresh OVN, and one more of each."""
        if "OVN 23.03" in refill.missing:
            return
        with self.attempt(refill, "OVN 23.03"):
            root = peers.unpack(ovn.PACKAGES, self.options.cache)
            nats, balancers, members = min(self.size[0], ovn.LIMIT), min(self.size[1], ovn.LIMIT), self.size[2]
            with ovn.Ovn(root, self.folder) as one:
                refill.peer(f"OVN 23.03, {nats:,} static NATs alone", one.nats(0, nats))
                nat.peer(f"OVN 23.03, with {nats:,} there", statistics.median(one.nats(nats + n, 1) for n in range(3)) * 1e6)
            with ovn.Ovn(root, self.folder) as one:
                refill.peer(f"OVN 23.03, {balancers:,} load balancers alone", one.balancers(0, balancers, members))
                lb.peer(f"OVN 23.03, with {balancers:,} there",
                        statistics.median(one.balancers(balancers + n, 1, members) for n in range(3)) * 1e6)

    def one_more_by_peers(self, row, loaders):
        for loader in loaders:
            if not hasattr(loader, "one_more"):
                continue
            self.say(f"one more by {loader.name}")
            path = Path(self.folder) / "more"
            path.write_text(loader.one_more)
            with self.attempt(row, loader.name), Namespace() as place:
                if isinstance(loader, peers.Nft):
                    place.run("nft", "-f", loader.path)
                else:
                    subprocess.run(place.enter(*loader.command, loader.path), check=True, env=loader.environment)
                for _ in range(self.options.repeats):
                    if isinstance(loader, peers.Nft):
                        row.peer(loader.name, place.timed("nft", "-f", path) * 1e6)
                    else:
                        row.peer(loader.name, loader.add(place, path) * 1e6)

    def million(self):
        row = self.row("static NATs alone, plan to committed", "s", f"{self.many:,} static NATs", must=2, aim=1.25)
        memory = self.row("memory of that", "MiB", f"{self.many:,} static NATs", note="must: 1,536 MiB; the plan's objects included")
        for turn in range(self.options.repeats):
            self.say(f"{self.many:,} static NATs, turn {turn + 1}")
            size = (self.many, 0, 10)
            row.floor.append(self.by_floor(size)["refill"])
            ours = self.ours(size)
            row.ours.append(ours["refill"])
            memory.ours.append(ours["memory_mib"])

    # MARK: packets

    def packets_through(self):
        nats = self.size[0]
        text = f"{nats:,} static NATs, the last one's"
        flows = f"{forwarding.FLOWS:,} flows of one datagram at {{}} /s"
        rows = {
            "established": self.row("forwarding rate relative to 1 rule", "×", text, note="must: 0.95; one flow of "
                                    f"{forwarding.PACKETS:,} datagrams; the rates themselves are its parts"),
            "connections": self.row("new connections relative to 1 rule", "×", text,
                                    note=f"must: 0.95; {forwarding.CONNECTIONS:,} TCP connections, 64 at a time"),
            "new": self.row("new flows relative to plain routing without conntrack", "×", text, note="must: 0.55, aim: 0.65"),
        }

        def command(count):
            return [DARUMA, "rebuild-benchmark", "--nats", str(count), "--balancers", "0", "--hold"]

        for turn in range(self.options.repeats):
            self.say(f"packets, turn {turn + 1}")
            full, one = (forwarding.measure(self.packets, command(count), count) for count in (nats, 1))
            plain = forwarding.measure(self.packets, None, 1)
            for kind, row in rows.items():
                base = plain if kind == "new" else one
                row.ours.append(full[kind] / base[kind])
                for name, values in ((f"{nats:,} rules, per second", full), ("1 rule, per second", one),
                                     ("plain routing, per second", plain)):
                    row.part(name, values[kind])
        row = rows["new"]
        rate = statistics.median(row.parts[f"{nats:,} rules, per second"])
        row.note += f"; {flows.format(round(rate))}, {forwarding.FLOWS / rate:.2f} s each time, a fresh gateway for each"

    # MARK: many routers, a cloud

    def virtual_routers(self):
        row = self.row("virtual routers built on one node, DHCP and DNS running, 8 rules each, until all are verified", "s",
                       f"{self.routers:,} routers", note="must: 60 s for 1,000; aim: 20 s")
        for turn in range(self.options.repeats if self.routers < 500 else min(3, self.options.repeats)):
            self.say(f"virtual routers, turn {turn + 1}")
            with tempfile.TemporaryDirectory(prefix="daruma-routers-") as folder:
                done = subprocess.run(
                    ["unshare", "-n", "-m", "-p", "-f", "--mount-proc", DARUMA, "rebuild-benchmark", "--routers", str(self.routers),
                     "--folder", folder], check=True, stdout=subprocess.PIPE, text=True)
            found = json.loads(done.stdout)
            if found["unverified"] or found["dnsmasq"] < self.routers:
                raise RuntimeError(f"not every router came up: {found}")
            row.ours.append(found["seconds"])

    def cloud(self):
        from rebuild.live import CALLERS, Live

        live = Live(*self.live)
        nats, balancers, members = self.live
        text = f"{nats:,} static NATs, {balancers:,} load balancers of {members} on one gateway"
        try:
            self.say(f"a cloud with {text}")
            self.row(f"static NATs made through the API by {CALLERS} callers, each with its addresses", "1/s", text
                     ).ours.append(live.fill())
            self.row("first start with all of it: nothing of it in the kernel, to all verified", "s", text
                     ).ours.append(live.first_start)
            losses = live.losses(max(5, self.options.repeats))
            self.row("wiping to detected", "s", text, note="must: 0.1 s, aim: 0.01 s").ours += [found for found, _ in losses]
            self.row("wiping to verified", "s", text).ours += [verified for _, verified in losses]
            more = sorted(live.one_more(200))
            self.row("one more static NAT: API call to first packet, p50", "ms", text, note="must: 10 ms, aim: 3 ms"
                     ).ours.append(more[len(more) // 2])
            self.row("the same, p99", "ms", text, note="must: 50 ms").ours.append(more[len(more) * 99 // 100])
            if self.options.size == "full":
                live.fill_history()
            changes = live.changes(60 if self.options.size == "full" else 15)
            note = f"must: 1,000; {CALLERS} callers; wrong or lost afterwards: {changes['lost']}"
            self.row("a gateway found different while nobody damaged it, under these changes", "times", text, note="must: 0"
                     ).ours.append(changes["drifts"])
            self.row("changes per second", "1/s", text, note=note).ours.append(changes["per_second"])
            for part in ("p50", "p99"):
                self.row(f"growth of a change's {part}, last quarter of the time to the first", "×", text,
                         note=f"{changes['early_' + part]:.1f} ms to {changes['late_' + part]:.1f} ms"
                         ).ours.append(changes["late_" + part] / changes["early_" + part])
            row = self.row("start from the ledger: `up` after a crash of manager and agent and the loss of the gateway's rules, to "
                           "all verified", "s", text, note="must: 6 s, aim: 2 s")
            for _ in range(self.options.repeats):
                row.ours.append(live.start_after_loss())
            row = self.row("start of everything: `up` with nothing left but its state folder, its instances too", "s", text)
            for _ in range(self.options.repeats):
                row.ours.append(live.start_again())
        finally:
            live.close()

    def document(self):
        return {"machine": {"processors": os.cpu_count(), "kernel": os.uname().release, "load": os.getloadavg()[0]},
                "size": self.options.size, "repeats": self.options.repeats, "rows": [row.document() for row in self.rows]}


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--size", choices=list(SIZES), default="default")
    parser.add_argument("--full", action="store_true", help="the sizes of SPECIFICATION.md; takes long")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--only", action="append", help="one part: " + ", ".join(PARTS))
    parser.add_argument("--cache", default="/var/cache/daruma/peers", help="where packages of peers are kept")
    parser.add_argument("--json", help="write the figures to this file too")
    options = parser.parse_args()
    if options.full:
        options.size = "full"
    Path(options.cache).mkdir(parents=True, exist_ok=True)
    bench = Bench(options)
    bench.same_rules()
    for part in options.only or PARTS:
        getattr(bench, part)()
    for row in bench.rows:
        print(row.line())
    if options.json:
        Path(options.json).write_text(json.dumps(bench.document(), indent=2) + "\n")
    return 0


PARTS = ["refill", "million", "packets_through", "virtual_routers", "cloud"]

if __name__ == "__main__":
    sys.exit(main())
