"""OVN as a peer: its daemons and a userspace Open vSwitch in a network namespace, from Debian's packages, unpacked and not
installed. What is timed is from the transaction in the northbound database until the chassis has its flows."""
import json
import signal
import socket
import subprocess
import time
from pathlib import Path

from rebuild.peers import address, inside, member, outside, service
from rebuild.places import Namespace

PACKAGES = ["ovn-central", "ovn-common", "ovn-host", "openvswitch-switch", "openvswitch-common", "libunbound8", "libxdp1", "libbpf1"]
LIMIT = 10_000


class Ovn:
    """One gateway router on one chassis."""

    def __init__(self, root, folder):
        self.root, self.folder = Path(root), Path(folder) / "ovn"
        self.folder.mkdir(parents=True, exist_ok=True)
        for old in self.folder.iterdir():
            old.unlink()
        own = str(self.folder)
        self.environment = {
            "PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LD_LIBRARY_PATH": str(self.root / "usr/lib/x86_64-linux-gnu"),
            "OVS_RUNDIR": own, "OVS_LOGDIR": own, "OVS_DBDIR": own, "OVN_RUNDIR": own, "OVN_LOGDIR": own, "OVN_DBDIR": own,
            "OVS_PKGDATADIR": str(self.root / "usr/share/openvswitch")}
        self.processes = []
        self.place = Namespace()
        try:
            self._start()
        except BaseException:
            self.close()
            raise

    def _program(self, name):
        for folder in ("usr/bin", "usr/sbin", "usr/lib/openvswitch-switch"):
            if (path := self.root / folder / name).exists():
                return str(path)
        raise RuntimeError(f"{name} is not in the packages")

    def _run(self, name, *arguments):
        return subprocess.run(self.place.enter(self._program(name), *arguments), check=True, env=self.environment, timeout=600,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True).stdout

    def _serve(self, name, *arguments):
        log = open(self.folder / f"{name}-{len(self.processes)}.out", "w")
        self.processes.append(subprocess.Popen(self.place.enter(self._program(name), *arguments), env=self.environment,
                                               stdout=log, stderr=log))

    def _database(self, name, schema):
        path = self.folder / f"{name}.db"
        self._run("ovsdb-tool", "create", path, self.root / "usr/share" / schema)
        self._serve("ovsdb-server", f"--remote=punix:{self.folder}/{name}.sock", f"--unixctl={self.folder}/{name}.ctl", path)
        limit = time.monotonic() + 20
        while not (self.folder / f"{name}.sock").exists():
            if time.monotonic() > limit:
                raise RuntimeError(f"no database {name}")
            time.sleep(0.01)

    def _start(self):
        for name, schema in (("nb", "ovn/ovn-nb.ovsschema"), ("sb", "ovn/ovn-sb.ovsschema"), ("db", "openvswitch/vswitch.ovsschema")):
            self._database(name, schema)
        own, remote = f"unix:{self.folder}/db.sock", f"unix:{self.folder}/sb.sock"
        vsctl = ("ovs-vsctl", f"--db={own}", "--no-wait")
        self._run(*vsctl, "init")
        self._run(*vsctl, "set", "open", ".", "external-ids:system-id=chassis", f"external-ids:ovn-remote={remote}",
                  "external-ids:ovn-encap-type=geneve", "external-ids:ovn-encap-ip=127.0.0.1",
                  "external-ids:ovn-monitor-all=true")
        self._run(*vsctl, "add-br", "br-int", "--", "set", "bridge", "br-int", "datapath_type=netdev", "fail-mode=secure")
        self._serve("ovs-vswitchd", "--disable-system", own)
        self._serve("ovn-northd", f"--ovnnb-db=unix:{self.folder}/nb.sock", f"--ovnsb-db={remote}",
                    f"--unixctl={self.folder}/northd.ctl")
        self._serve("ovn-controller", own, f"--unixctl={self.folder}/controller.ctl")
        self._nbctl("lr-add", "gateway", "--", "set", "logical_router", "gateway", "options:chassis=chassis")
        for port, mac, prefix in (("pub", "02:00:00:00:00:01", "100.64.0.1/10"), ("fab", "02:00:00:00:00:02", "10.64.0.1/10")):
            self._nbctl("ls-add", port, "--", "lrp-add", "gateway", f"gateway-{port}", mac, prefix, "--",
                        "lsp-add", port, f"{port}-gateway", "--", "lsp-set-type", f"{port}-gateway", "router", "--",
                        "lsp-set-addresses", f"{port}-gateway", "router", "--",
                        "lsp-set-options", f"{port}-gateway", f"router-port=gateway-{port}")
        self.router = self._nbctl("--bare", "--columns=_uuid", "find", "logical_router", "name=gateway").strip()
        self._sync()

    def _nbctl(self, *arguments):
        return self._run("ovn-nbctl", f"--db=unix:{self.folder}/nb.sock", "--timeout=600", *arguments)

    def _sync(self):
        self._nbctl("--wait=hv", "sync")

    def _transact(self, operations):
        request = {"method": "transact", "params": ["OVN_Northbound", *operations], "id": 1}
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(f"{self.folder}/nb.sock")
            client.sendall(json.dumps(request).encode())
            answer = b""
            while True:
                answer += client.recv(1 << 20)
                try:
                    found = json.loads(answer)
                except ValueError:
                    continue
                if found.get("id") == 1:
                    break
        if found["error"] or any(result.get("error") for result in found["result"]):
            raise RuntimeError(f"OVN refuses the rules: {str(found)[:300]}")

    def _rows(self, table, column, rows):
        names = [f"r{number}" for number in range(len(rows))]
        operations = [{"op": "insert", "table": table, "row": row, "uuid-name": name} for name, row in zip(names, rows)]
        operations.append({
            "op": "mutate", "table": "Logical_Router", "where": [["_uuid", "==", ["uuid", self.router]]],
            "mutations": [[column, "insert", ["set", [["named-uuid", name] for name in names]]]]})
        return operations

    def nats(self, first, count):
        """Seconds until these static NATs are in the chassis."""
        rows = [{"type": "dnat_and_snat", "external_ip": outside(n), "logical_ip": inside(n)} for n in range(first, first + count)]
        return self._timed(self._rows("NAT", "nat", rows))

    def balancers(self, first, count, members):
        rows = []
        for n in range(first, first + count):
            backends = ",".join(f"{member(n * members + k)}:8080" for k in range(members))
            rows.append({"name": f"lb{n}", "protocol": "tcp", "vips": ["map", [[f"{service(n)}:80", backends]]]})
        return self._timed(self._rows("Load_Balancer", "load_balancer", rows))

    def _timed(self, operations):
        start = time.perf_counter()
        self._transact(operations)
        self._sync()
        return time.perf_counter() - start

    def close(self):
        for process in reversed(self.processes):
            process.send_signal(signal.SIGKILL)
            process.wait()
        self.place.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
