"""Several managers over one PostgreSQL: whatever becomes of those that lead, one goes on and nothing acknowledged is lost."""
import json
import os
import random
import shutil
import signal
import subprocess
import threading
import time
import urllib.request
from datetime import timedelta

import pytest
from cs import CloudStackApiException

from cloud import Host, fetch, sh, until
from managers import Anywhere, Clock, Managers, Tunnel, wait_for_leader
from postgresql import PostgreSQL
from test_client_login import Browser
from test_crash import Caller, check, compare_with_the_kernel, pending

FULL = bool(os.environ.get("DARUMA_FULL"))
CALLS = 300 if FULL else 60
FAULTS = 12 if FULL else 2


@pytest.fixture(scope="module")
def server():
    server = PostgreSQL()
    yield server
    server.remove()


@pytest.fixture(scope="module")
def trio(server):
    """Three managers, and a customer with a web site."""
    before = Host()
    cloud = Managers(server.database())
    try:
        cloud.up()
        cloud.user = cloud.account()
        cloud.allow(cloud.user)
        machine = cloud.deploy(cloud.user, "web")
        cloud.site = cloud.static_nat(cloud.user, machine)["ipaddress"]
        cloud.text = f"web {machine['nic'][0]['ipaddress']}\n"
        until(lambda: fetch(cloud.site) == cloud.text, 10, "the site answers")
        yield cloud
    finally:
        cloud.purge()
    after = Host()
    assert after == before, after.difference(before)


def roles(cloud):
    return json.loads(cloud.daruma("status", "--json", check=False).stdout)["roles"]


def settled(cloud):
    """All managers run, one leads, and the node is verified."""
    cloud.up()
    until(lambda: sorted(roles(cloud).values()) == ["follows"] * (cloud.count - 1) + ["leads"], 30, f"{roles(cloud)}")
    until(lambda: cloud.daruma("status", check=False).returncode == 0, 30, f"all is verified\n{cloud.logs()}")


def shown(client):
    """What the lists show that does not change by itself."""
    names = ["listZones", "listAccounts", "listVirtualMachines", "listPublicIpAddresses", "listSecurityGroups", "listNetworks"]
    everything = {name: getattr(client, name)(**({} if name == "listZones" else {"listall": "true"})) for name in names}
    everything["listRevisions"] = client.listRevisions(pagesize=100, page=1)
    return everything


def same_everywhere(cloud):
    def differing():
        views = [shown(cloud.client_of(name)) for name in cloud.names]
        return all(view == views[0] for view in views)
    until(differing, 20, "every manager shows the same")


def test_any_manager_answers_any_call(trio):
    settled(trio)
    same_everywhere(trio)
    jobs, groups = [], []
    for name in trio.names:
        client = trio.client_of(name, trio.user)
        client.fetch_result = False
        job = client.deployVirtualMachine(
            zoneid=trio.zones["basic"], templateid=trio.templates["tiny-simulator"], serviceofferingid=trio.offering,
            name=f"at-{name}")
        # Known at once everywhere, also where it has not arrived yet.
        for other in trio.names:
            asked = trio.client_of(other, trio.user)
            asked.fetch_result = False
            assert asked.queryAsyncJobResult(jobid=job["jobid"])["jobid"] == job["jobid"]
            assert trio.client_of(other, trio.user).listVirtualMachines(id=job["id"])["virtualmachine"][0]["name"] == f"at-{name}"
        jobs.append(job["jobid"])
        # Whoever was told of a change by a manager reads it there.
        for number in range(5):
            group = client.createSecurityGroup(name=f"g-{name}-{number}")["securitygroup"]["id"]
            assert group in [g["id"] for g in client.listSecurityGroups()["securitygroup"]]
            groups.append(group)
    for job in jobs:
        for name in trio.names:
            user = trio.client_of(name, trio.user)
            user.fetch_result = False
            until(lambda: user.queryAsyncJobResult(jobid=job)["jobstatus"] == 1, 20, "the job succeeds")
    for group in groups:
        trio.client_of(random.choice(trio.names), trio.user).deleteSecurityGroup(id=group)
    same_everywhere(trio)


def test_keys_and_sessions_made_at_one_manager_work_at_all(trio):
    settled(trio)
    for number, name in enumerate(trio.names):
        account = trio.client_of(name).createAccount(
            accounttype=0, username=f"new-{number}", password="secret", firstname="a", lastname="b", email="a@example.org")
        keys = trio.client_of(name).registerUserKeys(id=account["account"]["user"][0]["id"])["userkeys"]
        for other in trio.names:
            client = trio.client(keys["apikey"], keys["secretkey"])
            client.endpoint = f"http://127.0.0.1:{trio.port_of(other)}/client/api"
            assert client.listZones()["count"] == 2
            stranger = trio.client(keys["apikey"], "wrong")
            stranger.endpoint = client.endpoint
            with pytest.raises(CloudStackApiException):
                stranger.listZones()
        browser = Browser(trio)
        status, told = browser.login(f"new-{number}", "secret")
        assert status == 200
        for other in trio.names:
            browser.address = browser.address._replace(netloc=f"127.0.0.1:{trio.port_of(other)}")
            assert browser.send("listZones", sessionkey=told["loginresponse"]["sessionkey"])[0] == 200
        assert browser.send("logout", sessionkey=told["loginresponse"]["sessionkey"])[0] == 200
        assert browser.send("listZones", sessionkey=told["loginresponse"]["sessionkey"])[0] == 401


def test_dry_runs_the_page_and_what_nodes_say_are_the_same_everywhere(trio):
    settled(trio)
    pages = set()
    for name in trio.names:
        client = trio.client_of(name, trio.user)
        told = client.createSecurityGroup(name="never", dryrun="true")
        assert told["dryrun"] and told["change"], told
        assert "never" not in [g["name"] for g in client.listSecurityGroups()["securitygroup"]]
        assert trio.verified(name)
        with urllib.request.urlopen(f"http://127.0.0.1:{trio.port_of(name)}/api/v2/components.json") as answer:
            assert answer.status == 200
            pages.add(tuple(sorted((c["name"], c["status"]) for c in json.load(answer)["components"])))
        with urllib.request.urlopen(f"http://127.0.0.1:{trio.port_of(name)}/status?lang=en") as answer:
            assert "API" in answer.read().decode()
    assert len(pages) == 1, pages


class Watcher(threading.Thread):
    """Looks at the revisions that managers show: no manager ever shows an older one than before."""

    def __init__(self, cloud):
        super().__init__(daemon=True)
        self.cloud, self.wrong, self.seen, self.looks = cloud, [], {}, 0
        self.ended = threading.Event()

    def run(self):
        while not self.ended.wait(0.02):
            for name in self.cloud.names:
                pid = self.cloud.pid(name)
                told = self.cloud.health(name, 0.3) or {}
                if told.get("revision") is None or pid != self.cloud.pid(name):
                    continue
                self.looks += 1
                if told["revision"] < self.seen.get((name, pid), 0):
                    self.wrong.append((name, told, self.seen))
                self.seen[name, pid] = told["revision"]

    def finish(self):
        self.ended.set()
        self.join(20)
        assert not self.wrong, self.wrong
        assert self.looks > 0


def kill_leader(cloud, dice):
    """kill -9. Returns how long nobody led."""
    old = until(cloud.leader, 30, "somebody leads")
    cloud.kill(old)
    return old, wait_for_leader(cloud, [name for name in cloud.names if name != old])[1]


def freeze_leader(cloud, dice):
    """Stopped in the middle of whatever it does, overtaken, and let go on."""
    old = until(cloud.leader, 30, "somebody leads")
    cloud.kill(old, signal.SIGSTOP)
    new, seconds = wait_for_leader(cloud, [name for name in cloud.names if name != old])
    until(lambda: cloud.verified(new), 20, "the node is with the new leader")
    time.sleep(dice.uniform(0, 1))
    links = agent_links(cloud)
    cloud.kill(old, signal.SIGCONT)
    until(lambda: (cloud.health(old) or {}).get("role") == "follows", 20, f"{old} follows\n{cloud.logs()}")
    assert cloud.leader() == new
    assert agent_links(cloud) == links, "the agent went back to a manager that was overtaken"
    return old, seconds


def agent_links(cloud):
    return open(f"{cloud.state}/log/agent.log").read().count("connected to the manager")


def under_load(cloud, server, fault, seed):
    """Four customers call random managers while `fault` strikes; then all is as they were told."""
    dice = random.Random(seed)
    callers = []
    for number in range(4):
        user = cloud.account()
        callers.append(Caller(cloud, Anywhere(cloud, user, seed + number), number, seed, CALLS // 4))
    watcher = Watcher(cloud)
    watcher.start()
    for caller in callers:
        caller.start()
    times = []
    while len(times) < FAULTS and (not times or any(caller.is_alive() for caller in callers)):
        time.sleep(dice.uniform(0.2, 1.5))
        old, seconds = fault(cloud, dice)
        times.append(seconds)
        cloud.daruma("up")
    for caller in callers:
        caller.join(240)
        assert not caller.is_alive(), cloud.logs()
    watcher.finish()
    print(f"nobody led for {', '.join(f'{seconds:.1f}' for seconds in times)} s; "
          f"{sum(len(c.machines) for c in callers)} instances, {sum(len(c.nats) for c in callers)} static NATs")
    settled(cloud)
    until(lambda: not pending(cloud), 30, f"no job stays pending: {pending(cloud)}")
    same_everywhere(cloud)
    for caller in callers:
        check(caller)
    compare_with_the_kernel(cloud)
    database = cloud.conninfo.rsplit("=", 1)[1]
    [[count, first, last]] = server.sql("SELECT count(*), min(number), max(number) FROM daruma.revision", database)
    assert int(count) == int(last) - int(first) + 1
    return times


@pytest.mark.parametrize("fault", [kill_leader, freeze_leader])
def test_no_acknowledged_call_is_lost_when_leaders_go(trio, server, fault):
    seed = int(os.environ.get("DARUMA_SEED", random.randrange(1 << 30)))
    print(f"\nseed {seed}, {CALLS} calls, {fault.__name__}")
    settled(trio)
    times = under_load(trio, server, fault, seed)
    assert min(times) < 5, times


def test_a_dead_leader_is_replaced_within_five_seconds_and_traffic_never_stops(trio):
    settled(trio)
    times = []
    for _ in range(8 if FULL else 2):
        old = trio.leader()
        others = [name for name in trio.names if name != old]
        client = trio.client_of(random.choice(others), trio.user)
        misses, over = [], threading.Event()

        def visit():
            while not over.wait(0.05):
                if fetch(trio.site) != trio.text:
                    misses.append(time.monotonic())

        visitor = threading.Thread(target=visit)
        visitor.start()
        trio.kill(old)
        begin = time.monotonic()

        def write():
            # What the dying one took and did not answer may have been carried out or not.
            try:
                return client.createSecurityGroup(name=f"after-{time.monotonic_ns()}")["securitygroup"]["id"]
            except CloudStackApiException as error:
                assert error.error["errorcode"] == 503, error
                return None

        group = until(write, 30, "writes are accepted again")
        accepted = time.monotonic() - begin
        until(lambda: any(trio.verified(name) for name in others), 30, "the node is with the new leader")
        times.append((accepted, time.monotonic() - begin))
        over.set()
        visitor.join()
        assert not misses
        client.deleteSecurityGroup(id=group)
        settled(trio)
    print("accepted again, node verified again:", [f"{a:.1f} s, {b:.1f} s" for a, b in times])
    assert sorted(verified for _, verified in times)[len(times) // 2] < 5, times


def test_nothing_of_a_loss_waits_for_a_leader(trio):
    settled(trio)
    gateways = trio.gateways()
    for name in trio.names:
        trio.kill(name, signal.SIGSTOP)
    try:
        for gateway in gateways.values():
            trio.enter(gateway, "nft", "delete", "table", "ip", "daruma")
        until(lambda: fetch(trio.site) == trio.text, 10, "the site answers again while no manager moves")
    finally:
        for name in trio.names:
            trio.kill(name, signal.SIGCONT)
    settled(trio)


def test_the_database_server_is_killed_and_comes_back(trio, server):
    settled(trio)
    seed = random.randrange(1 << 30)

    def strike(cloud, dice):
        server.kill()
        time.sleep(dice.choice([0.1, 1, 4]))
        server.start()
        return None, wait_for_leader(cloud, cloud.names)[1]

    under_load(trio, server, strike, seed)
    server.kill()
    try:
        until(lambda: not trio.leader(), 20, "nobody leads without a database")
        for name in trio.names:
            assert trio.client_of(name, trio.user).listVirtualMachines(name="web")["count"] == 1
            begin = time.monotonic()
            with pytest.raises(CloudStackApiException) as refused:
                trio.client_of(name, trio.user).createSecurityGroup(name="lost")
            assert refused.value.error["errorcode"] in (503, 530) and "try again" in refused.value.error["errortext"].lower()
            assert time.monotonic() - begin < 20
        assert fetch(trio.site) == trio.text
    finally:
        server.start()
    settled(trio)
    same_everywhere(trio)


def test_a_backup_comes_back_in_another_database(trio, server, tmp_path):
    settled(trio)
    backup, later = str(tmp_path / "cloud.backup"), trio.account()
    trio.daruma("backup", backup)
    trio.daruma("verify-backup", backup)
    later.createSecurityGroup(name="later")
    refused = trio.daruma("restore", backup, "--yes", "--stop-manager", check=False)
    assert refused.returncode != 0 and "--postgresql" in refused.stderr
    taken = trio.daruma("restore", backup, "--postgresql", trio.conninfo, "--yes", "--stop-manager", check=False)
    assert taken.returncode != 0 and "holds a ledger already" in taken.stderr
    assert len(trio.followers()) == trio.count - 1, "refusals stop nobody"
    trio.conninfo = server.database()
    trio.daruma("restore", backup, "--postgresql", trio.conninfo, "--yes", "--stop-manager")
    assert fetch(trio.site) == trio.text, "traffic flows on"
    settled(trio)
    assert trio.admin.listHeldRemovals() == {}
    names = {group["name"] for group in trio.admin.listSecurityGroups(listall="true")["securitygroup"]}
    assert "later" not in names
    assert fetch(trio.site) == trio.text


def test_down_and_up_bring_all_managers_back(trio):
    settled(trio)
    before = trio.admin.listVirtualMachines(listall="true")["virtualmachine"]
    trio.kill(trio.leader(), signal.SIGSTOP)
    trio.down()
    assert not any(trio.pid(name) for name in trio.names)
    trio.up("--managers", "2")
    try:
        assert trio.pid("manager-2") and not trio.pid("manager-3")
        after = trio.admin.listVirtualMachines(listall="true")["virtualmachine"]
        assert [m["id"] for m in before] == [m["id"] for m in after]
    finally:
        trio.up("--managers", "3")
    settled(trio)


# --- Two managers, one in a namespace of its own --------------------------------------------------------------------------

class Places:
    """The database in one network namespace, a manager in another, the rest here; each with a link to the database."""

    ADDRESS = "192.0.2.1"

    def __init__(self):
        self.holders = [
            subprocess.Popen(["unshare", "--net", "sleep", "infinity"], stdin=subprocess.DEVNULL) for _ in range(2)]
        self.database, self.apart = (holder.pid for holder in self.holders)
        own = os.readlink("/proc/self/ns/net")
        for pid in (self.database, self.apart):
            until(lambda: os.readlink(f"/proc/{pid}/ns/net") != own, 5, "a namespace of its own")
            self.inside(pid, "ip", "link", "set", "lo", "up")
        self.link = f"dp{os.getpid() % 100000}"
        sh("ip", "link", "add", self.link, "type", "veth", "peer", "name", "here", "netns", str(self.database))
        self.inside(self.apart, "ip", "link", "add", "db", "type", "veth", "peer", "name", "apart", "netns", str(self.database))
        self.inside(self.database, "ip", "addr", "add", f"{self.ADDRESS}/32", "dev", "lo")
        for name, address in (("here", "192.0.2.9"), ("apart", "192.0.2.17")):
            self.inside(self.database, "ip", "addr", "add", f"{address}/29", "dev", name)
            self.inside(self.database, "ip", "link", "set", name, "up")
        sh("ip", "addr", "add", "192.0.2.10/29", "dev", self.link)
        sh("ip", "link", "set", self.link, "up")
        sh("ip", "route", "add", self.ADDRESS, "via", "192.0.2.9")
        self.inside(self.apart, "ip", "addr", "add", "192.0.2.18/29", "dev", "db")
        self.inside(self.apart, "ip", "link", "set", "db", "up")
        self.inside(self.apart, "ip", "route", "add", self.ADDRESS, "via", "192.0.2.17")

    def inside(self, pid, *command):
        return sh("nsenter", f"--net=/proc/{pid}/ns/net", *command)

    def cut(self, on):
        self.inside(self.apart, "ip", "link", "set", "db", "down" if on else "up")
        if not on:
            self.inside(self.apart, "ip", "route", "replace", self.ADDRESS, "via", "192.0.2.17")

    def remove(self):
        sh("ip", "link", "del", self.link, check=False)
        for holder in self.holders:
            holder.kill()
            holder.wait()


def groups_of(client):
    found, page = set(), 0
    while True:
        page += 1
        rows = client.listSecurityGroups(page=page, pagesize=500).get("securitygroup", [])
        found |= {row["id"] for row in rows}
        if len(rows) < 500:
            return found


def test_cut_off_from_the_database_and_with_wrong_clocks(tmp_path):
    places = Places()
    server = tunnel = cloud = None
    try:
        server = PostgreSQL(Places.ADDRESS, ["nsenter", f"--net=/proc/{places.database}/ns/net"])
        server.database()
        cloud = Managers(f"host={Places.ADDRESS} user=postgres dbname=cloud1", 2)
        cloud.up()
        cloud.start("manager-2", Clock(tmp_path, 3600).env, ["nsenter", f"--net=/proc/{places.apart}/ns/net"])
        tunnel = Tunnel(cloud.port_of("manager-2"), places.apart)
        cloud.kill("manager")
        assert wait_for_leader(cloud, ["manager-2"])
        cloud.start("manager", Clock(tmp_path, -3600).env)
        until(lambda: "manager" in cloud.followers(), 20, f"the other follows\n{cloud.logs()}")
        cloud.patience = timedelta(hours=3)
        cloud.admin = cloud.client_of("manager")
        user = cloud.account()
        for round in range(4 if FULL else 1):
            # Two hours apart, and neither takes the other's lease.
            end = time.monotonic() + 4
            while time.monotonic() < end:
                assert cloud.leader() == "manager-2"
                cloud.client_of("manager", user).createSecurityGroup(name=f"g{time.monotonic_ns()}")
            told, outcomes, over = [], [], threading.Event()

            def write(name):
                client = cloud.client_of(name, user)
                while not over.is_set():
                    try:
                        told.append(client.createSecurityGroup(name=f"g{time.monotonic_ns()}-{name}")["securitygroup"]["id"])
                    except CloudStackApiException as error:
                        outcomes.append(error.error["errorcode"])
                    except Exception as error:  # noqa: BLE001 - its connection broke
                        outcomes.append(repr(error))

            writers = [threading.Thread(target=write, args=(name,)) for name in cloud.names]
            for writer in writers:
                writer.start()
            time.sleep(random.uniform(0.2, 1))
            places.cut(True)
            seconds = wait_for_leader(cloud, ["manager"])[1]
            until(lambda: cloud.verified("manager"), 20, "the node is with the new leader")
            count = len(told)
            until(lambda: len(told) > count + 5, 20, "writes go on")
            # Cut off it only shows what it last saw, and says so.
            until(lambda: (cloud.health("manager-2") or {}).get("role") == "follows", 20, "the one cut off leads no more")
            assert cloud.client_of("manager-2", user).listZones()["count"] == 2
            over.set()
            for writer in writers:
                writer.join(60)
            places.cut(False)
            groups = groups_of(cloud.client_of("manager", user))
            assert set(told) <= groups
            until(lambda: groups_of(cloud.client_of("manager-2", user)) == groups, 30, f"the one that was cut off is up to date\n{cloud.logs()}")
            print(f"cut off: nobody led for {seconds:.1f} s, {len(told)} writes, otherwise {sorted(set(map(str, outcomes)))}")
            # The other way round, with the lease given back in order.
            cloud.kill("manager", signal.SIGTERM)
            begin = time.monotonic()
            wait_for_leader(cloud, ["manager-2"])
            print(f"after an orderly end: {time.monotonic() - begin:.1f} s")
            cloud.start("manager", Clock(tmp_path, -3600).env)
            until(lambda: "manager" in cloud.followers(), 20, "it is back")
    finally:
        if tunnel:
            tunnel.close()
        if cloud:
            cloud.purge()
        if server:
            server.remove()
        places.remove()


# --- Bad input ----------------------------------------------------------------------------------------------------------

def sentence(conninfo, text, cloud=None, env=None, more=()):
    """`up` with this database fails with one sentence, and leaves nothing behind."""
    cloud = cloud or Managers(conninfo, 1)
    before = Host()
    saved = dict(os.environ)
    os.environ.update(env or {})
    try:
        result = cloud.daruma("up", "--port", str(cloud.port), "--host-link", cloud.link, "--public-range", "198.51.100.0/24",
                              *(["--postgresql", conninfo] if conninfo else []), *more, check=False)
    finally:
        os.environ.clear()
        os.environ.update(saved)
        after = Host()
        left = os.listdir(cloud.state)
        shutil.rmtree(cloud.state)
        shutil.rmtree(os.path.dirname(cloud.binary))
    assert result.returncode != 0
    assert text in result.stderr, result.stdout + result.stderr
    assert len(result.stderr.strip().splitlines()) == 1, result.stderr
    assert after == before, after.difference(before)
    assert left == []


def test_databases_that_cannot_be_used_are_refused_untouched(server, tmp_path):
    sentence(f"host={tmp_path} dbname=x user=postgres", "cannot be reached")
    sentence(f"host={server.folder} user=postgres dbname=nowhere", "does not exist")
    sentence(f"host={server.folder} user=postgres dbname=postgres password=x", "a password in the database's connection string")
    sentence("host='unfinished", "malformed")
    sentence(None, "name it with --postgresql", more=["--managers", "2"])
    sentence(server.database(), "--managers must be 1 to 9", more=["--managers", "0"])
    server.sql("CREATE ROLE guarded LOGIN PASSWORD 'correct-horse'")
    guarded = server.database().replace("user=postgres", "user=guarded")
    sentence(guarded, "password authentication failed", env={"PGPASSWORD": "wrong"})
    loose = tmp_path / "loose"
    loose.write_text("*:*:*:*:correct-horse\n")
    loose.chmod(0o644)
    sentence(f"{guarded} passfile={loose}", "chmod it to 0600")
    sentence(f"{guarded} passfile={tmp_path}/none", "cannot be read")
    theirs = server.database()
    server.sql("CREATE TABLE theirs (x int)", theirs.rsplit("=", 1)[1])
    sentence(theirs, "of somebody else")
    assert server.sql("SELECT count(*) FROM pg_namespace WHERE nspname = 'daruma'", theirs.rsplit("=", 1)[1]) == [["0"]]
    lazy = PostgreSQL()
    try:
        conninfo = lazy.database()
        lazy.stop()
        lazy.start("fsync=off")
        sentence(conninfo, "fsync = off")
        assert lazy.sql("SELECT count(*) FROM pg_namespace WHERE nspname = 'daruma'", "cloud1") == [["0"]]
    finally:
        lazy.remove()


def dump(server, database):
    return [server.sql(f"SELECT * FROM daruma.{table} ORDER BY 1", database) for table in ("migration", "standing", "revision")]


def test_another_clouds_database_and_one_from_the_future(server, tmp_path):
    server.sql("CREATE ROLE keeper LOGIN PASSWORD 'correct-horse'")
    conninfo = server.database().replace("user=postgres", "user=keeper")
    database = conninfo.rsplit("=", 1)[1]
    server.sql(f"ALTER DATABASE {database} OWNER TO keeper")
    passfile = tmp_path / "pass"
    passfile.write_text("*:*:*:*:correct-horse\n")
    passfile.chmod(0o600)
    cloud = Managers(f"{conninfo} passfile={passfile}", 2)
    try:
        cloud.up()
        user = cloud.account()
        cloud.down()
        before = dump(server, database)
        sentence(f"host={server.folder} user=postgres dbname={database}", "holds a ledger already")
        assert dump(server, database) == before
        # A later version has been at it.
        server.sql("INSERT INTO daruma.migration (number, name) VALUES (99, 'later')", database)
        later = dump(server, database)
        result = cloud.daruma("up", check=False)
        assert result.returncode != 0 and "which this version of Daruma does not know" in result.stderr
        cloud.down()
        assert dump(server, database) == later
        server.sql("DELETE FROM daruma.migration WHERE number = 99", database)
        # Another cloud's.
        other = Managers(server.database(), 1, index=1)
        try:
            other.up()
            other.down()
            theirs = other.conninfo.rsplit("=", 1)[1]
            before = dump(server, theirs)[2]
            result = cloud.daruma("up", "--postgresql", other.conninfo, check=False)
            # Its secrets are the first thing that tells.
            assert result.returncode != 0 and "needs another key" in result.stderr, result.stderr
            assert dump(server, theirs)[2] == before
        finally:
            other.purge()
        cloud.daruma("up", "--postgresql", cloud.conninfo)
        assert cloud.client_of("manager-2", user).listSecurityGroups()["count"] == 1
        # The password is nowhere to be seen.
        for name in cloud.names:
            line = open(f"/proc/{cloud.pid(name)}/cmdline").read() + open(f"/proc/{cloud.pid(name)}/environ").read()
            assert "correct-horse" not in line
        for path in ("cloud.json", "log/manager.log", "log/manager-2.log"):
            assert "correct-horse" not in open(f"{cloud.state}/{path}").read()
    finally:
        cloud.purge()
