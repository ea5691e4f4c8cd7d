"""The status page as a process of its own, fed by a running cloud: what it knows of it, and what it says when parts of it are killed."""
import http.client
import json
import os
import re
import stat
import time
import urllib.parse

import pytest

from certificates import Authority, Front
from cloud import Cloud, Host, fetch, until
from damage import check_host, destroy, kill, ruleset
from status_page import TOKEN, Page, component

# How soon the page tells what happens, in seconds.
SOON = 10


class Fed:
    """A cloud with one customer, and a page that it feeds."""

    def __init__(self, folder):
        self.cloud = Cloud(index=1)
        self.page = Page(folder, self.cloud)
        self.cloud.up("--page", self.page.url)
        self.customer = self.cloud.account("hanako")
        self.machine = self.cloud.deploy(self.customer, "web-1")
        self.cloud.allow(self.customer)
        self.address = self.cloud.static_nat(self.customer, self.machine)
        until(lambda: fetch(self.address["ipaddress"]), 20, "the instance answers")
        gateways = self.cloud.gateways()
        self.cell_name, self.gateway = next(
            (cell, name) for cell, name in gateways.items()
            if f'"{self.address["ipaddress"]}"' in str(ruleset(self.cloud.namespace(name))).replace("\\", ""))
        self.cell = next(
            s["scope"].split("/")[1] for s in self.cloud.scopes().values() if s.get("name") == self.cell_name)
        self.page.settings["probes"] = [
            {"component": component("api", "API") | {"zone": "cloud", "series": "management"}, "kind": "api",
             "target": f"http://127.0.0.1:{self.cloud.port}/client/api"},
            {"component": component(f"{self.cell}/gateway", "Gateways", cell=self.cell_name) | {"zone": "basic"},
             "kind": "gateway", "target": f"tcp://{self.address['ipaddress']}:80"}]
        self.page.start()

    def is_calm(self):
        html = self.page.html()
        return (not any(i["resolved_at"] is None for i in self.page.incidents())
                and "has not reported" not in html and "Unknown (last" not in html
                and self.page.component("Gateways", self.cell_name) == "operational"
                # Only the cloud itself speaks of those.
                and self.page.component("Static NAT", self.cell_name) == "operational")

    def newest(self):
        return max(self.page.incidents(), key=lambda incident: incident["created_at"])


@pytest.fixture(scope="module")
def fed(tmp_path_factory):
    before = Host()
    fed = None
    try:
        fed = Fed(tmp_path_factory.mktemp("page"))
        until(fed.is_calm, 20, f"the page shows that all is well: {fed.page.html()}")
        yield fed
    finally:
        if fed:
            fed.page.stop()
            fed.cloud.purge()
    check_host(fed.cloud, before)


def test_the_page_knows_the_cloud_by_signed_documents(fed):
    names = {c["name"] for c in fed.page.json("/api/v2/components.json")["components"] if not c["group"]}
    for name in ("API", "Gateways (cell-1)", "Load balancer (cell-2)", "Static NAT (cell-1)", "Instances", "DHCP and DNS",
                 "Virtual routers", "Nodes (node-1)"):
        assert name in names, names
    assert all(c["status"] == "operational" for c in fed.page.json("/api/v2/components.json")["components"])
    assert fed.page.incidents() == []
    mode = os.stat(f"{fed.cloud.state}/manager/page.key").st_mode
    assert stat.S_IMODE(mode) == 0o600
    key = open(f"{fed.cloud.state}/manager/page.key", "rb").read()
    logs = open(f"{fed.cloud.state}/log/manager.log", "rb").read() + open(f"{fed.page.folder}/page.log", "rb").read()
    assert key not in logs
    # What somebody else signed is not believed.
    assert fed.page.feed({"time": 1}) == 403


def ticket(fed):
    link = fed.cloud.daruma("ctl", "page", "ticket", "--account", "hanako").stdout.strip()
    assert link.startswith(fed.page.url)
    return link[len(fed.page.url):] + "&lang=en"


def mine(fed):
    return fed.page.get(ticket(fed))


def test_a_customer_signs_in_and_is_led_to_the_own_part(fed):
    assert "Nothing of yours is affected" in mine(fed)
    address = ("127.0.0.1", fed.cloud.port)
    connection = http.client.HTTPConnection(*address, timeout=20)
    connection.request("POST", "/client/api", urllib.parse.urlencode(
        {"command": "login", "username": "hanako", "password": "secret", "response": "json"}),
        {"Content-Type": "application/x-www-form-urlencoded"})
    answer = connection.getresponse()
    cookies = "; ".join(value.split(";")[0] for value in answer.headers.get_all("Set-Cookie"))
    key = json.loads(answer.read())["loginresponse"]["sessionkey"]

    def ask(query, headers):
        connection.request("GET", f"/client/status?{query}", headers=headers)
        answer = connection.getresponse()
        answer.read()
        return answer.status, answer.headers.get("Location", "")

    status, location = ask(f"sessionkey={key}", {"Cookie": cookies})
    assert status == 303 and location.startswith(fed.page.url + "/status/mine?ticket="), (status, location)
    assert "Nothing of yours is affected" in fed.page.get(location[len(fed.page.url):] + "&lang=en")
    assert ask(f"sessionkey={key}", {})[0] == 401
    assert ask("", {})[0] == 401
    assert ask("command=deleteAccount&id=1", {"Cookie": cookies})[0] == 401


def test_a_gateway_that_loses_all_is_told_with_who_was_hit_and_what_came_before(fed):
    lost = time.time()
    fed.cloud.enter(fed.gateway, "nft", "flush", "ruleset")
    until(lambda: fed.page.incidents(), SOON, "the loss is told")
    until(fed.is_calm, SOON, "and that it is over")
    incident = fed.newest()
    assert time.time() - lost < 2 * SOON
    assert incident["incident_updates"][0]["status"] == "resolved"
    assert "nftables tables deleted" in incident["incident_updates"][0]["body"]
    assert "1 customer" in " ".join(u["body"] for u in incident["incident_updates"])
    timeline = fed.page.html(path=f"/status/incidents/{incident['id']}")
    assert re.search(r"\d+ changes of its settings in the minute before|No change of its settings", timeline), timeline
    own = mine(fed)
    assert fed.address["ipaddress"] in own and "web-1" in own and "Back" in own and "Out of service" not in own

    def back():
        return re.search(r"(?s)<small>(.*?) on</small>", mine(fed))[1].strip()

    # Changes are verified, too, and nothing comes back with them.
    since, second = back(), time.strftime("%S")
    until(lambda: time.strftime("%S") != second, 2, "the next second")
    fed.customer.disableStaticNat(ipaddressid=fed.address["id"])
    fed.customer.enableStaticNat(ipaddressid=fed.address["id"], virtualmachineid=fed.machine["id"])
    assert back() == since
    # Nobody else sees it.
    assert "web-1" not in fed.page.html() and fed.address["ipaddress"] not in fed.page.html()


def test_a_gateway_that_forwards_nothing_is_told_until_packets_pass(fed):
    before = len(fed.page.incidents())
    forwarding = ["sysctl", "-qw", "net.ipv4.ip_forward=0"]
    lost = time.time()
    fed.cloud.enter(fed.gateway, *forwarding)
    try:
        until(lambda: fed.page.component("Gateways", fed.cell_name) != "operational", SOON, "the gateway is seen to fail")
        until(lambda: fed.page.incidents() and fed.newest()["resolved_at"] is None, SOON, "an incident is open")
        assert time.time() - lost < SOON
        until(lambda: "Out of service" in mine(fed), SOON, "the customer sees it")
        deadline = time.monotonic() + 3
        while time.monotonic() < deadline:
            assert fed.newest()["resolved_at"] is None, "no false end"
            time.sleep(0.1)
    finally:
        fed.cloud.enter(fed.gateway, *forwarding[:-1], "net.ipv4.ip_forward=1")
    back = time.time()
    until(fed.is_calm, SOON + 5, f"it is over: {fed.page.html()}")
    assert len(fed.page.incidents()) - before in (0, 1), "one fault, one incident"
    print(f"told {lost:.1f}, closed {time.time() - back:.1f} s after packets passed again")


def operate(fed, *words, check=True):
    return fed.cloud.daruma("ctl", "page", *words, check=check)


def test_operators_write_on_the_managers_page_and_on_the_one_elsewhere(fed, tmp_path):
    token = tmp_path / "token"
    token.write_text(f"hanako:{TOKEN}\n")
    os.chmod(token, 0o600)
    elsewhere = ["--page", fed.page.url, "--token-file", str(token)]
    for where in ([], elsewhere):
        nat = json.loads(operate(fed, "list", "--json", *where).stdout)["components"]
        nat = next(c["id"] for c in nat if c["name"] == "Static NAT")
        made = operate(
            fed, "write", "--title-ja", "電源の点検", "--title-en", "Power inspection", "--body-en", "Rack 3 to 5.",
            "--components", nat, "--draft", *where).stdout.strip()
        assert re.search(f"{made} .*draft", operate(fed, "list", *where).stdout)
        operate(fed, "publish", made, *where)
        operate(fed, "edit", made, "--cause-en", "An old breaker.", *where)
        other = operate(fed, "write", "--title-en", "The same", "--body-en", "Twice.", *where).stdout.strip()
        operate(fed, "merge", other, "--into", made, *where)
        assert f"merged into {made}" in operate(fed, "list", *where).stdout
        operate(fed, "update", made, "--status", "resolved", "--body-en", "Done.", *where)
        work = operate(
            fed, "schedule", "--title-en", "Gateway update", "--components", nat, "--from", "2099-12-01T01:00",
            "--until", "2099-12-01T03:00", *where).stdout.strip()
        operate(fed, "reschedule", work, "--from", "2099-12-02T01:00", "--until", "2099-12-02T03:00", *where)
        operate(fed, "finish", work, *where)
        assert f"maintenance  {work}  completed" in operate(fed, "list", *where).stdout
        refused = operate(fed, "update", made, "--status", "resolved", "--body-en", "Again.", *where, check=False)
        assert refused.returncode != 0 and "is over" in refused.stderr
    names = [i["name"] for i in fed.page.incidents()]
    assert names.count("Power inspection") == 1 and "The same" not in names
    assert "電源の点検" in fed.page.html("ja")
    wrong = tmp_path / "wrong"
    wrong.write_text("hanako:another-token-of-many-letters\n")
    refused = operate(fed, "list", "--page", fed.page.url, "--token-file", str(wrong), check=False)
    assert refused.returncode != 0 and "does not know this operator" in refused.stderr
    assert TOKEN not in refused.stderr


def test_planned_work_follows_a_rebuild(fed):
    nat = json.loads(operate(fed, "list", "--json").stdout)["components"]
    ids = ",".join(c["id"] for c in nat if c["name"] == "Static NAT")
    at = [time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + offset)) for offset in (3600, 7200)]
    work = operate(
        fed, "schedule", "--title-en", "Gateways anew", "--components", ids, "--from", at[0], "--until", at[1],
        "--action", "gateway-update/basic").stdout.strip()
    row = f"maintenance  {work}  "
    assert row + "scheduled" in operate(fed, "list").stdout
    fed.cloud.daruma("rebuild", "--zone", "basic")
    until(lambda: row + "completed" in operate(fed, "list").stdout, 10, "it ended with the rebuild")


def test_planned_work_follows_a_hosts_maintenance(fed):
    # Of the zone in which nothing runs.
    host = fed.cloud.admin.listHosts(type="Routing", zoneid=fed.cloud.zones["isolate"])["host"][0]
    parts = json.loads(operate(fed, "list", "--json").stdout)["components"]
    virtual = next(c["id"] for c in parts if c["name"] == "Virtual routers")
    at = [time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + offset)) for offset in (3600, 7200)]
    work = operate(
        fed, "schedule", "--title-en", "A host's memory", "--components", virtual, "--from", at[0], "--until", at[1],
        "--action", f"host-maintenance/{host['name']}").stdout.strip()
    row = f"maintenance  {work}  "
    assert row + "scheduled" in operate(fed, "list").stdout
    fed.cloud.admin.prepareHostForMaintenance(id=host["id"])
    try:
        until(lambda: row + "in_progress" in operate(fed, "list").stdout, 10, "it begins with the maintenance")
        assert "under_maintenance" in http_get(fed.cloud.port, "/api/v2/components.json")
    finally:
        fed.cloud.admin.cancelHostMaintenance(id=host["id"])
    until(lambda: row + "completed" in operate(fed, "list").stdout, 10, "it ends with it")


def test_a_gateway_killed_while_nobody_repairs_it_is_seen_from_outside(fed):
    until(fed.is_calm, 40, "all is well before")
    before = len(fed.page.incidents())
    kill(fed.cloud.process("agent"))
    destroy(fed.cloud, fed.gateway)
    lost = time.time()
    assert fetch(fed.address["ipaddress"]) is None
    # What the zone loses within a minute after an incident belongs to that one.
    opened = lambda: [i for i in fed.page.incidents() if i["resolved_at"] is None]  # noqa: E731
    until(opened, 20, "the gateway is seen to be gone")
    told = time.time() - lost
    incident = opened()[0]
    assert fed.cell_name in incident["name"], incident
    assert re.search(r"no connection from outside|unavailable", str(incident)), incident
    assert "1 customer" in fed.page.html(), "who is behind it is known"
    # Of what its node did, nobody knows how it is: neither this page nor the manager's own says that it is well.
    for html in (fed.page.html(), http_get(fed.cloud.port, "/status?lang=en")):
        assert "Unknown (last: Operational)" in html and "All Systems Operational" not in html, html
    other = next(c for c in fed.page.json("/api/v2/components.json")["components"] if c["name"] == "Static NAT (cell-1)")
    assert "not known" in other["description"]
    fed.cloud.up()
    until(fed.is_calm, 40, f"it recovers: {fed.page.html()}")
    assert fetch(fed.address["ipaddress"]), "it is made anew"
    timeline = fed.page.html(path=f"/status/incidents/{incident['id']}")
    assert "Node node-1 stopped reporting" in timeline and "Node node-1 reports" in timeline, timeline
    assert len(fed.page.incidents()) - before in (0, 1), "one fault, one incident"
    print(f"told {told:.1f} s after the loss")


def unknown(page):
    return "The cloud has not reported" in page.html() and "Unknown (last: Operational)" in page.html()


def test_the_page_outlives_the_manager_and_says_how_old_its_knowledge_is(fed):
    until(fed.is_calm, 30, "all is well before")
    before, own = len(fed.page.incidents()), ticket(fed)
    kill(fed.cloud.process("manager"))
    killed = time.time()
    until(lambda: unknown(fed.page), 20, "it says what it does not know")
    assert re.search(r"has not reported for more than 1\d(\.0)? s", fed.page.html()), fed.page.html()
    assert "途絶えています" in fed.page.html("ja")
    assert "how it is now is not known" in fed.page.get(own)
    # Its own look at the gateway goes on; the one at the API fails.
    assert fetch(fed.address["ipaddress"]), "traffic flows on"
    until(lambda: len(fed.page.incidents()) > before, 30, "that the API is gone is seen from outside")
    assert "API" in fed.newest()["name"], fed.newest()["name"]
    assert re.search(r"has not reported for more than \d\d(\.0)? s", fed.page.html())
    fed.cloud.up()
    until(fed.is_calm, 40, f"it recovers: {fed.page.html()}")
    assert len(fed.page.incidents()) == before + 1, "one fault, one incident"
    print(f"out for {time.time() - killed:.1f} s")


def test_a_lost_ledger_silences_the_cloud_and_the_page_says_so(fed):
    until(fed.is_calm, 40, "all is well before")
    kill(fed.cloud.process("manager"))
    ledger = f"{fed.cloud.state}/manager/ledger.sqlite"
    aside = {}
    for name in ("", "-wal", "-shm"):
        if os.path.exists(ledger + name):
            aside[ledger + name] = ledger + name + ".aside"
            os.rename(ledger + name, aside[ledger + name])
    try:
        refused = fed.cloud.daruma("up", check=False)
        assert refused.returncode != 0
        until(lambda: unknown(fed.page), 20, "it says what it does not know")
        # The manager's own page lives too, and says that nobody leads.
        own = until(lambda: http_get(fed.cloud.port, "/status?lang=en"), 10, "the manager serves its page")
        assert "Major outage" in own
        assert fetch(fed.address["ipaddress"]), "traffic flows on"
    finally:
        pid = fed.cloud.process("manager")
        if os.path.exists(f"/proc/{pid}"):
            kill(pid)
        for path, kept in aside.items():
            os.rename(kept, path)
    fed.cloud.up()
    until(fed.is_calm, 40, f"it recovers: {fed.page.html()}")


def http_get(port, path):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", path)
        return connection.getresponse().read().decode()
    except OSError:
        return None
    finally:
        connection.close()


def test_a_cloud_feeds_a_page_over_tls_that_it_can_believe(fed, tmp_path):
    authority = Authority(tmp_path, "trusted")
    front = Front(authority.context(), fed.page.port)
    url = f"https://127.0.0.1:{front.port}"
    try:
        refused = fed.cloud.daruma("up", "--page", "ftp://127.0.0.1", check=False)
        assert refused.returncode != 0 and "no http or https URL" in refused.stderr
        fed.cloud.up("--page", url)
        until(lambda: "The cloud has not reported" in fed.page.html(), 90, "a certificate of nobody known is not believed")
        assert front.count == 0
        fed.cloud.up("--page-trust-file", authority.file)
        until(fed.is_calm, 90, "a known one is")
        assert front.count > 0
        fed.cloud.up("--page", "none")
        until(lambda: "The cloud has not reported" in fed.page.html(), 90, "it is fed no more")
    finally:
        front.close()
