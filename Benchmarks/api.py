"""How fast the API answers: `api.py [--instances N] [--accounts N] [--seconds N] [--repeats N] [--json FILE]`.

A cloud with N instances (of simulated hosts, without kernel objects) of many accounts in its ledger is asked as its
administrator and as its customers, then a cloud with a hundredth of them. Each request is signed before it is timed; the
client runs on the same processors. Rates are of wrk, over connections that are kept.
"""
import argparse
import contextlib
import http.client
import json
import os
import random
import re
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from cloud import until
from data_centre import bare_cloud
from wire import signed

PAGE = 500


class Asked:
    """A filled cloud, and who asks it."""

    def __init__(self, cloud, place, accounts):
        self.cloud, self.place, self.accounts = cloud, place, accounts
        self.admin = (cloud.admin_file["apikey"], cloud.admin_file["secretkey"])

    def account(self, number):
        return f"benchmark-{number}", f"secret-{number}"

    def path(self, keys, command, **parameters):
        key, secret = keys
        return "/client/api?" + signed({"command": command, "response": "json", "apiKey": key, **parameters}, secret)

    def json(self, keys, command, **parameters):
        connection = http.client.HTTPConnection("127.0.0.1", self.cloud.port, timeout=120)
        connection.request("GET", self.path(keys, command, **parameters))
        answer = connection.getresponse()
        told = json.loads(answer.read())[f"{command.lower()}response"]
        assert answer.status == 200, told
        return told

    def times(self, paths, status=200):
        """Milliseconds from each request to the end of its answer, over one connection."""
        connection = http.client.HTTPConnection("127.0.0.1", self.cloud.port, timeout=120)
        times = []
        for path in paths:
            begin = time.perf_counter()
            connection.request("GET", path)
            answer = connection.getresponse()
            answer.read()
            times.append((time.perf_counter() - begin) * 1000)
            assert answer.status == status, answer.status
        connection.close()
        return times

    def first_bytes(self, paths, status):
        """Milliseconds from each request to the first byte of its answer."""
        times = []
        with socket.create_connection(("127.0.0.1", self.cloud.port), 60) as connection:
            for path in paths:
                request = f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode()
                begin = time.perf_counter()
                connection.sendall(request)
                answer = connection.recv(65536)
                times.append((time.perf_counter() - begin) * 1000)
                assert answer.startswith(f"HTTP/1.1 {status} ".encode()), answer[:200]
                head, _, body = answer.partition(b"\r\n\r\n")
                left = int(re.search(rb"(?i)content-length: (\d+)", head).group(1)) - len(body)
                while left > 0:
                    left -= len(connection.recv(65536))
        return times

    def rate(self, paths, seconds, connections=32):
        """Answers per second to these requests in turn, and how many of them were refused."""
        with tempfile.TemporaryDirectory() as folder:
            Path(folder, "paths").write_text("\n".join(paths))
            Path(folder, "ask.lua").write_text(
                "local requests, last = {}, 0\n"
                "function init()\n"
                f"  for line in io.lines('{folder}/paths') do requests[#requests + 1] = wrk.format('GET', line) end\n"
                "end\n"
                "function request() last = last % #requests + 1; return requests[last] end\n")
            text = subprocess.run(
                ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "-s", f"{folder}/ask.lua",
                 f"http://127.0.0.1:{self.cloud.port}"], capture_output=True, text=True, check=True).stdout
        refused = re.search(r"Non-2xx or 3xx responses: (\d+)", text)
        broken = re.search(r"Socket errors: (.*)", text)
        assert not refused and not broken, text
        return float(re.search(r"Requests/sec:\s+([\d.]+)", text).group(1))


@contextlib.contextmanager
def filled(instances, accounts):
    """A running cloud with so many instances."""
    with bare_cloud() as cloud:
        cloud.down()
        begin = time.monotonic()
        told = cloud.daruma("instance-fill", "--instances", str(instances), "--accounts", str(accounts), timeout=600)
        print(f"filled with {instances} instances in {time.monotonic() - begin:.0f} s", file=sys.stderr)
        cloud.daruma("up", timeout=300)
        yield Asked(cloud, json.loads(told.stdout.splitlines()[-1]), accounts)


def row(name, unit, values, wanted=None):
    values = sorted(values)
    return {"name": name, "unit": unit, "min": round(values[0], 3), "median": round(statistics.median(values), 3),
            "max": round(values[-1], 3), "runs": len(values), "wanted": wanted}


def pages(asked, instances, repeats):
    """Requests for pages of the administrator's list of everything, and of accounts' own."""
    last = max(1, instances // PAGE)
    everything = [asked.path(asked.admin, "listVirtualMachines", listall="true", page=random.randint(1, last), pagesize=PAGE)
                  for _ in range(repeats)]
    own = [asked.path(asked.account(random.randrange(asked.accounts)), "listVirtualMachines", page=1, pagesize=PAGE)
           for _ in range(repeats)]
    return everything, own


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--instances", type=int, default=100_000)
    parser.add_argument("--accounts", type=int, default=1000)
    parser.add_argument("--seconds", type=int, default=10, help="how long rates are taken")
    parser.add_argument("--repeats", type=int, default=200)
    parser.add_argument("--json", help="write the figures to this file too")
    parser.add_argument("--hold", action="store_true", help="keep the filled cloud until Enter is pressed, to look at it")
    options = parser.parse_args()
    if not shutil.which("wrk"):
        raise SystemExit("wrk is missing; install it with: sudo apt-get install --no-install-recommends wrk")
    random.seed(1)
    load, rows = os.getloadavg()[0], []
    few = max(options.instances // 100, 2 * PAGE)
    with filled(few, min(options.accounts, 10)) as asked:
        everything, _ = pages(asked, few, options.repeats)
        asked.times(everything[:20])
        small = asked.times(everything)
    with filled(options.instances, options.accounts) as asked:
        count = asked.json(asked.admin, "listVirtualMachines", listall="true", page=1, pagesize=1)["count"]
        assert count == options.instances, count
        everything, own = pages(asked, options.instances, options.repeats)
        asked.times(everything[:20])
        large = asked.times(everything)
        rows.append(row(f"listVirtualMachines, page of {PAGE}, administrator", "ms", large, 20))
        rows.append(row(f"listVirtualMachines, page of {PAGE}, one of {options.accounts} accounts", "ms", asked.times(own), 20))
        rows.append(row(f"the administrator's page, {options.instances} instances to {few}", "ratio",
                        [statistics.median(large) / statistics.median(small)], 1.3))
        known = {}
        for number in random.sample(range(options.accounts), min(options.accounts, 200)):
            keys = asked.account(number)
            told = asked.json(keys, "listVirtualMachines", page=1, pagesize=5)["virtualmachine"]
            known.update({machine["id"]: keys for machine in told})
        by_id = [asked.path(keys, "listVirtualMachines", id=machine) for machine, keys in known.items()]
        rows.append(row("listVirtualMachines by id, its account", "ms", asked.times(by_id), 1))
        rows.append(row("listVirtualMachines by id, administrator", "ms", asked.times(
            [asked.path(asked.admin, "listVirtualMachines", id=machine) for machine in known]), 1))
        apis = [asked.path(asked.admin, "listApis")] * max(options.repeats // 4, 5)
        rows.append(row("listApis", "ms", asked.times(apis), 50))
        machine, keys = next(iter(known.items()))
        stranger = next(other for other in known.values() if other != keys) if len(set(known.values())) > 1 else keys
        errors = [
            ("wrong signature", 401, asked.path((keys[0], "wrong"), "listVirtualMachines")),
            ("unknown key", 401, asked.path(("nobody", "wrong"), "listVirtualMachines")),
            ("no such command", 401, asked.path(keys, "nonsense")),
            ("not for the account", 432, asked.path(keys, "listHosts")),
            ("missing parameter", 431, asked.path(keys, "deployVirtualMachine")),
            ("unknown id", 431, asked.path(keys, "startVirtualMachine", id="00000000-0000-4000-8000-000000000000")),
            ("somebody else's", 531, asked.path(stranger, "startVirtualMachine", id=machine)),
            ("wrong state", 431, asked.path(keys, "startVirtualMachine", id=machine)),
        ]
        for name, status, path in errors:
            rows.append(row(f"first byte of an error: {name}", "ms", asked.first_bytes([path] * options.repeats, status), 2))
        rates = [asked.rate(by_id, options.seconds) for _ in range(3)]
        rows.append(row("signed small reads (listVirtualMachines by id), 32 connections", "1/s", rates, 5000))
        deployments = [
            asked.path(asked.account(number), "deployVirtualMachine", zoneid=asked.place["zone"],
                       templateid=asked.place["template"], serviceofferingid=asked.place["offering"])
            for number in range(options.accounts)]
        rates = [asked.rate(deployments, max(options.seconds // 2, 1)) for _ in range(3)]
        rows.append(row("deployVirtualMachine accepted, 32 connections", "1/s", rates, 500))
        began = time.monotonic()
        until(lambda: not asked.json(asked.admin, "listVirtualMachines", listall="true", state="Starting", page=1, pagesize=1)
              .get("count"), 120, "instances start")
        rows.append(row("from the last of these until all run", "s", [time.monotonic() - began]))
        pid = asked.cloud.process("manager")
        resident = re.search(r"VmRSS:\s+(\d+)", Path(f"/proc/{pid}/status").read_text()).group(1)
        rows.append(row("resident memory of the manager afterwards", "MiB", [int(resident) / 1024]))
        if options.hold:
            print(f"manager {pid}, port {asked.cloud.port}", file=sys.stderr)
            sys.stdin.readline()
    text = json.dumps({"instances": options.instances, "accounts": options.accounts, "load_before": round(load, 2),
                       "load_after": round(os.getloadavg()[0], 2), "rows": rows}, indent=2)
    print(text)
    if options.json:
        Path(options.json).write_text(text + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
