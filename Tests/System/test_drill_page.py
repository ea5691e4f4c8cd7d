"""The drill of 2018's outage on a running cloud, as a status page that the cloud feeds tells it from beginning to end.

The node runs at a fraction of its speed, so that the repair takes seconds. Everything that the cloud tells the page passes through a recorder.
So two things are compared, each with what it must be: every document with what the node itself reports, and every look at
the page with the documents that it had by then.
"""
import datetime
import http.client
import http.server
import json
import os
import re
import signal
import subprocess
import threading
import time

import pytest

from cloud import ROOT, Cloud, Host, until
from damage import check_host
from status_page import Page

NATS, BALANCERS, MEMBERS = (5000, 500, 10) if os.environ.get("DARUMA_FULL") else (300, 30, 3)
GOLDENS = os.path.join(os.path.dirname(__file__), "Goldens")
# How old a document may be on the page, in seconds.
SHOWN = 1.5
# The node runs for so long, then stands still for so long, in seconds.
RUN, STAND = 0.003, 0.2


class Recorder(http.server.ThreadingHTTPServer):
    """Passes signed documents on as they are; each with the moment at which the page took it."""

    def __init__(self, page):
        recorder = self
        self.taken = []

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                headers = {name: self.headers[name] for name in ("X-Daruma-Sequence", "X-Daruma-Signature", "Content-Type")}
                connection = http.client.HTTPConnection("127.0.0.1", page.port, timeout=10)
                try:
                    connection.request("POST", self.path, body, headers)
                    status = connection.getresponse().status
                except OSError:
                    status = 502  # The page has not begun, or is over.
                finally:
                    connection.close()
                if status == 204:
                    recorder.taken.append((time.time(), json.loads(body)))
                self.send_response(status)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *arguments):
                pass

        super().__init__(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.serve_forever, daemon=True).start()


class Sampler(threading.Thread):
    """Calls `look` again and again; each sample is the moments before and after it and what it saw."""

    def __init__(self, look, pause):
        super().__init__(daemon=True)
        self.look, self.pause = look, pause
        self.samples, self.over, self.trouble = [], threading.Event(), None
        self.start()

    def run(self):
        try:
            while not self.over.wait(self.pause):
                begin = time.time()
                seen = self.look()
                self.samples.append((begin, time.time(), seen))
        except Exception as error:  # noqa: BLE001 - told by stop
            self.trouble = error

    def stop(self):
        self.over.set()
        self.join()
        assert self.trouble is None, self.trouble
        return self.samples


class Slowness(threading.Thread):
    """Lets a process run for a small part of the time only."""

    def __init__(self, pid):
        super().__init__(daemon=True)
        self.pid, self.over = pid, threading.Event()
        self.start()

    def run(self):
        while not self.over.wait(RUN):
            os.kill(self.pid, signal.SIGSTOP)
            self.over.wait(STAND)
            os.kill(self.pid, signal.SIGCONT)

    def stop(self):
        self.over.set()
        self.join()


class Scene:
    def __init__(self, folder):
        # Not in 198.18.0.0/15, where the drill builds.
        self.cloud = Cloud(index=0)
        self.page = Page(folder, self.cloud)
        self.recorder = Recorder(self.page)
        self.cloud.up("--page", f"http://127.0.0.1:{self.recorder.server_port}")
        self.page.start()
        until(lambda: self.page.component("Gateways", "cell-1") == "operational", 20, "the page is fed")

    def close(self):
        self.page.stop()
        self.cloud.purge()
        self.recorder.shutdown()

    def is_built(self):
        wanted = {}
        for row in self.gateways().values():
            for service in row["service"]:
                wanted[service["name"]] = wanted.get(service["name"], 0) + service["wanted"]
        return wanted.get("staticnat") == NATS and wanted.get("member") == BALANCERS * MEMBERS

    def gateways(self):
        """What the nodes report of each gateway, by its scope."""
        return {s: row for s, row in self.cloud.scopes().items() if row.get("name", "").startswith("cell-")}

    def shown(self):
        """What a reader sees: whether an incident is open, and how many rules of each service are verified, of how many."""
        html = self.page.html()
        bars = re.findall(r"<li><span>([^<]+)</span><span>[^<]*<small>\(([\d,]+) / ([\d,]+)\)", html)
        return {
            "open": "Ongoing incidents" in html, "well": "All Systems Operational" in html,
            "services": {name: tuple(int(n.replace(",", "")) for n in counts) for name, *counts in bars}}


@pytest.fixture
def scene(tmp_path):
    before = Host()
    scene = Scene(tmp_path)
    try:
        yield scene
    finally:
        scene.close()
    check_host(scene.cloud, before)


NAMES = {"loadbalancer": "Load balancer", "staticnat": "Static NAT"}


def outages(samples):
    """When each gateway was out, by its own reports: pairs of moments in milliseconds."""
    found = {}
    for _, _, rows in samples:
        for scope, row in rows.items():
            lost, verified = row.get("lostat", 0) / 1000, row.get("verifiedat", 0) / 1000
            if not lost:
                continue
            ends = found.setdefault(scope, {})
            ends.setdefault(lost, None)
            if row["phase"] == "verified" and verified >= lost:
                ends[lost] = min(ends[lost] or verified, verified)
    return {scope: sorted(ends.items()) for scope, ends in found.items()}


def is_true(service, at, rows, out):
    """Whether the nodes had so many rules verified at that moment: by the two looks at their reports before and after it, or, if
    it came and went between the two, by the moments that they told afterwards."""
    scope, name, verified, wanted = (service[key] for key in ("scope", "service", "verified", "wanted"))
    before = max((i for i, (_, end, _) in enumerate(rows) if end <= at), default=0)
    after = min((i for i, (begin, _, _) in enumerate(rows) if begin >= at), default=len(rows) - 1)
    told = [s for _, _, seen in rows[before:after + 1] for s in seen[scope]["service"] if s["name"] == name]
    if not told:
        return verified == wanted == 0
    if any(abs(s["verified"] - verified) <= 0.02 * wanted and s["wanted"] == wanted for s in told):
        return True
    begin, end = rows[before][0] * 1000, at * 1000
    return verified == 0 and any(lost <= end and (over is None or over >= begin) for lost, over in out[scope])


def test_the_page_tells_the_whole_drill_truly(scene, tmp_path):
    page = scene.page
    assert page.incidents() == []
    report = tmp_path / "drill.json"
    drill = subprocess.Popen(
        [scene.cloud.binary, "drill", "shared-network-loss", "--static-nats", str(NATS), "--load-balancers", str(BALANCERS),
         "--members", str(MEMBERS), "--keep", "--json", str(report), "--state", scene.cloud.state],
        env=dict(os.environ, DARUMA_ROOT=ROOT), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    until(lambda: scene.is_built() or drill.poll() is not None, 300, "everything is built")
    readers, nodes = Sampler(scene.shown, 0.03), Sampler(scene.gateways, 0.03)
    slowness = Slowness(scene.cloud.process("agent"))
    try:
        until(lambda: page.incidents() or drill.poll() is not None, 60, "an incident is open")
        until(lambda: all(i["resolved_at"] for i in page.incidents()), 120, "it is over")
    finally:
        slowness.stop()
    said = drill.communicate(timeout=120)[0]
    # What leaves a gateway that has no rules, with a private address, counts as a wrong answer: the drill fails then.
    assert drill.returncode in (0, 1) and report.exists(), said
    until(lambda: scene.shown()["well"], SHOWN, "readers see that it is over")
    seen, rows = readers.stop(), nodes.stop()
    rows.append((time.time(), time.time(), scene.gateways()))
    out = outages(rows)
    result = json.loads(report.read_text())
    assert result["verified"] and result["seconds"]["reachable"], result["seconds"]
    lost = result["lostAt"]
    documents = list(scene.recorder.taken)
    first = next(i for i, (_, document) in enumerate(documents) if document["losses"])

    # Every document tells how it was, as the nodes have it.
    for _, document in documents[first:]:
        at = document["time"] / 1000
        for service in document["services"]:
            assert is_true(service, at, rows, out), (service, at, out)

    # Every look at the page shows one of the documents that it had just then.
    def of_incident(document):
        scopes = {loss["scope"] for loss in document["losses"]}
        counts = {}
        for service in document["services"]:
            if service["scope"] in scopes:
                counts.setdefault(NAMES[service["service"]], []).append((service["verified"], service["wanted"]))
        return {name: tuple(map(sum, zip(*values))) for name, values in counts.items()}

    compared, between = 0, 0
    for begin, end, sample in seen:
        if not sample["services"]:
            continue
        had = [of_incident(d) for t, d in documents if begin - SHOWN <= t <= end]
        had += [of_incident(d) for t, d in documents if t < begin - SHOWN][-1:]
        for name, (verified, wanted) in sample["services"].items():
            true = [(v, w) for v, w in (counts[name] for counts in had if name in counts)]
            assert any(w == wanted and abs(v - verified) <= 0.02 * w for v, w in true), (sample, had)
            compared, between = compared + 1, between + (0 < verified < wanted)
    assert compared >= 10, "the page was looked at while it told of the repair"

    incidents = page.incidents()
    assert len(incidents) == 1, "one fault, one incident"
    updates = incidents[0]["incident_updates"]
    opened = instant(updates[-1]["created_at"])
    ended = [instant(u["created_at"]) for u in updates if u["status"] == "resolved"]
    assert len(ended) == 1 and ended[0] == max(instant(u["created_at"]) for u in updates)
    assert 0 <= opened - lost <= 10, "it is opened soon"
    verified = max(end for ends in out.values() for _, end in ends) / 1000
    last_probe = max(verified, lost + result["seconds"]["reachable"])
    assert 0 <= ended[0] - verified and ended[0] - last_probe <= 10, "it is closed when it is over, and soon"
    # Nobody ever read that it was over before it was.
    told = [(begin, end, sample) for begin, end, sample in seen if begin > opened + 0.001]
    for begin, end, sample in told:
        if end < verified:
            assert sample["open"] and not sample["well"], (sample, begin - lost)
    print(f"{NATS} static NATs, {BALANCERS} load balancers: opened {opened - lost:.2f} s after the loss, verified after "
          f"{verified - lost:.2f} s, closed {ended[0] - last_probe:.2f} s after the last probe; {len(documents) - first} documents "
          f"compared with the nodes, {compared} figures of {len(seen)} looks at the page with them, {between} of them between")

    # What the incident's updates say of the progress is what the page had been told.
    for update in updates:
        if update["body"].startswith(PROGRESS):
            said = [int(n) for n in re.findall(r"(?:load balancer|static NAT)\s(\d+)", update["body"])]
            at = instant(update["created_at"])
            had = [of_incident(d) for t, d in documents if at - SHOWN <= t <= at + 0.1]
            shares = [[100 * v // w for v, w in (d["Load balancer"], d["Static NAT"])] for d in had if len(d) == 2]
            assert any(all(abs(a - b) <= 2 for a, b in zip(said, true)) for true in shares), (update, shares)

    for language in ("ja", "en"):
        expect_golden(f"drill-course.{language}.txt", course(page, language, incidents[0]["id"]))


def instant(text):
    return datetime.datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()


# Whether both cells are seen to be lost in one look, and how often progress is told, depends on the machine's speed.
WIDENED = ("More is affected", "対象範囲が広がりました")
PROGRESS = ("Restored so far", "復旧状況")


def course(page, language, incident):
    """The incident as it was told, oldest first, and its page with the timeline, by cells."""
    told = json.loads(page.get(f"/api/v2/incidents.json?lang={language}"))["incidents"][0]
    lines = []
    for update in reversed(told["incident_updates"]):
        if update["body"].startswith(WIDENED + PROGRESS):
            continue
        body = normalised(update["body"])
        if update["status"] == "identified":
            body = in_part(body)
        line = f"[{update['status']}] {body}"
        if line not in lines:
            lines.append(line)
    html = page.html(language, f"/status/incidents/{incident}")
    main = re.sub(r"(?s).*<main[^>]*>|</main>.*", "", html)
    heads, updates, timeline = re.split(r"<h2", main)
    entries = [normalised(words(entry)).split("\n", 1)[1] for entry in re.findall(r"(?s)<li>.*?</li>", timeline)]
    order = sorted(entries, key=lambda entry: re.findall(r"cell-\d", entry) or [""])
    assert len(re.findall("<li>", updates)) == len(told["incident_updates"])
    return "\n".join([*lines, "", normalised(words(heads)), "", *order]) + "\n"


def words(html):
    return re.sub(r"\s*\n\s*", "\n", re.sub(r"<[^>]+>", "\n", html)).strip()


def normalised(text):
    """Without times, durations, the size of the drill, and how many changes there were in the minute before."""
    text = re.sub(rf"(?<![\d,]){NATS + BALANCERS:,}( addresses|個)", r"ALL\1", text)
    text = re.sub(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(\.\d+)?", "DATE", text)
    text = re.sub(r"\d{4}年\d+月\d+日\s*", "DATE ", text)
    text = re.sub(r"\d\d:\d\d:\d\d(\.\d+)?", "TIME", text)
    text = re.sub(r"\(\d+/\d+ TIME", "(TIME", text)
    text = text.replace("(DATE JST)", "(TIME JST)")
    text = re.sub(r"(\d+ min )?[\d,.]+ (ms|s)\b", "DURATION", text)
    text = re.sub(r"(\d+分)?[\d,.]+(ミリ秒|秒)", "DURATION", text)
    text = re.sub(r"\d+( changes of|件、)", r"N\1", text)
    return re.sub(r"(revision |リビジョン)\d+", r"\1N", text)


def in_part(text):
    """Of the beginning: without which cells were seen to be lost by then, and how many customers and addresses of theirs."""
    text = re.sub(r"cell-\d((、| and )cell-\d)*", "CELLS", text)
    return re.sub(r"\d+(,\d+)*|ALL", "N", text).replace("N customer,", "N customers,")


def expect_golden(name, text):
    path = f"{GOLDENS}/{name}"
    if os.environ.get("DARUMA_REWRITE_GOLDENS"):
        os.makedirs(GOLDENS, exist_ok=True)
        with open(path, "w") as file:
            file.write(text)
    with open(path) as file:
        assert text == file.read(), f"{path} differs"
