"""The status page by itself, read by unmodified readers from PyPI, and hurt in every way that it must bear."""
import hashlib
import hmac
import http.server
import json
import os
import re
import subprocess
import sys
import threading
import time
import urllib.parse
from email import message_from_bytes
from email.header import decode_header, make_header

import feedparser
import pytest
from aiosmtpd.controller import Controller

from cloud import free_port, until
from status_page import Page, component, document, now


@pytest.fixture
def page(tmp_path):
    page = Page(tmp_path, webhookAddresses=["127.0.0.1"])
    try:
        yield page.start()
    finally:
        page.stop()


def in_trouble(page, verified=200):
    """The cell is lost, and part of it is back."""
    lost = now() - 1000
    assert page.feed(document(verified, lost)) == 204
    until(lambda: page.incidents(), 10, "the incident is open")
    return lost


def test_feedparser_reads_both_feeds(page):
    in_trouble(page)
    for path in ("/history.rss", "/history.atom"):
        feed = feedparser.parse(page.url + path)
        assert not feed.bozo, feed.get("bozo_exception")
        assert feed.feed.title == "Example Cloud status"
        entry = feed.entries[0]
        assert entry.title == "Basic: static NAT unreachable (cell-1)"
        assert "nftables tables deleted" in (entry.get("summary") or entry.content[0].value)
        assert page.request(urllib.parse.urlparse(entry.link).path)[0] == 200
        assert abs(time.time() - time.mktime(entry.updated_parsed) + time.timezone) < 60


def test_the_prometheus_exporter_polls_it(page, tmp_path):
    services = tmp_path / "services.json"
    services.write_text(json.dumps({"daruma": {"name": "Daruma", "url": page.url + "/api/v2/summary.json"}}))
    in_trouble(page)
    soon = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 3600))
    later = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 7200))
    status, _, text = page.operate(
        "/maintenances", title_en="Gateway update", components="lb-1", **{"from": soon, "until": later})
    assert status == 200, text
    metrics = tmp_path / "statuspage.prom"
    result = subprocess.run(
        [os.path.join(os.path.dirname(sys.executable), "statuspage-prometheus-exporter")], capture_output=True, text=True,
        timeout=60, cwd=tmp_path,
        env=dict(os.environ, SERVICES_JSON_PATH=str(services), RUN_MODE="once", METRICS_TEXTFILE_PATH=str(metrics)))
    assert result.returncode == 0, result.stderr
    told = metrics.read_text()
    assert 'statuspage_service_status{service_name="Daruma"} 0.0' in told, told
    assert 'statuspage_probe_check{service_name="Daruma"} 1.0' in told, told
    assert re.search(r'statuspage_incident_info\{.*"Basic: static NAT unreachable \(cell-1\)"', told), told
    assert re.search(r'statuspage_maintenance_info\{.*"Gateway update"', told), told
    assert 'statuspage_component_status{component_name="Static NAT (cell-1)",service_name="Daruma"} 0.0' in told, told


class Hook(http.server.ThreadingHTTPServer):
    """Refuses the first call, then takes all."""

    def __init__(self):
        hook = self
        self.calls = []

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                hook.calls.append((dict(self.headers), body))
                self.send_response(500 if len(hook.calls) == 1 else 204)
                self.end_headers()

            def log_message(self, *arguments):
                pass

        super().__init__(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.serve_forever, daemon=True).start()


def test_a_webhook_is_told_in_statuspages_form_signed_and_again_when_it_failed(page):
    assert page.feed(document()) == 204
    hook = Hook()
    body = json.dumps({"webhook": f"http://127.0.0.1:{hook.server_port}/hook"}).encode()
    status, _, text = page.request("/status/subscribe", body, {"Content-Type": "application/json"})
    assert status == 201, text
    made = json.loads(text)
    lost = in_trouble(page)
    until(lambda: len(hook.calls) >= 2, 20, "it is tried again")
    assert page.feed(document(None, lost, now())) == 204
    until(lambda: json.loads(hook.calls[-1][1])["incident"]["status"] == "resolved", 20, "the end is told")
    for headers, body in hook.calls:
        fields = dict(part.split("=") for part in headers["X-Daruma-Signature"].split(","))
        right = hmac.new(made["secret"].encode(), fields["t"].encode() + b"." + body, hashlib.sha256).hexdigest()
        assert hmac.compare_digest(right, fields["v1"])
        assert abs(int(fields["t"]) - now()) < 60_000
        told = json.loads(body)
        assert set(told) == {"meta", "page", "incident"} and told["incident"]["incident_updates"]
    assert page.request(made["unsubscribe"], b"")[0] == 200
    before = len(hook.calls)
    witness = Hook()
    body = json.dumps({"webhook": f"http://127.0.0.1:{witness.server_port}/hook"}).encode()
    assert page.request("/status/subscribe", body, {"Content-Type": "application/json"})[0] == 201
    in_trouble(page)
    until(lambda: witness.calls, 20, "another one is told")
    assert len(hook.calls) == before
    hook.shutdown()
    witness.shutdown()


@pytest.mark.parametrize("url", [
    "http://127.0.0.1:1/", "http://localhost/", "http://169.254.169.254/latest/meta-data/", "http://[::1]/",
    "http://10.0.0.1/", "http://0x7f000001/", "http://2130706433/", "file:///etc/passwd", "http://127.0.0.1:25/"])
def test_a_webhook_never_leads_inside(tmp_path, url):
    page = Page(tmp_path).start()
    try:
        status, _, text = page.request(
            "/status/subscribe", json.dumps({"webhook": url}).encode(), {"Content-Type": "application/json"})
        assert status == 400 and "error" in json.loads(text)
    finally:
        page.stop()


class Inbox:
    def __init__(self):
        self.mails = []

    async def handle_DATA(self, server, session, envelope):
        self.mails.append((envelope.mail_from, envelope.rcpt_tos, message_from_bytes(envelope.content)))
        return "250 taken"


def subject(mail):
    return str(make_header(decode_header(mail["Subject"])))


def text_of(mail):
    return mail.get_payload(decode=True).decode()


def test_mail_goes_to_who_confirmed_and_stops_when_asked(tmp_path):
    inbox = Inbox()
    controller = Controller(inbox, hostname="127.0.0.1", port=free_port())
    controller.start()
    page = Page(
        tmp_path, webhookAddresses=["127.0.0.1"],
        mail={"from": "status@example.jp", "route": f"smtp://127.0.0.1:{controller.port}"}).start()
    try:
        assert page.feed(document()) == 204
        form = urllib.parse.urlencode({"mail": "reader@example.com", "lang": "ja"}).encode()
        for _ in range(2):
            assert page.request("/status/subscribe", form)[0] == 202
        evil = urllib.parse.urlencode({"mail": "a@b.jp\r\nBcc: victim@example.jp"}).encode()
        assert page.request("/status/subscribe", evil)[0] == 400
        until(lambda: inbox.mails, 10, "the first mail")
        sender, recipients, mail = inbox.mails[0]
        assert (sender, recipients) == ("status@example.jp", ["reader@example.com"])
        link = urllib.parse.urlparse(re.search(r"http\S+", text_of(mail)).group())
        path = f"{link.path}?{link.query}"
        lost = in_trouble(page)
        # Looking at the link, as scanners do, confirms nothing.
        assert page.request(path)[0] == 200
        assert page.request(path[:-1] + ("0" if path[-1] != "0" else "1"), b"")[0] == 403
        assert page.request(path, b"")[0] == 200
        assert page.feed(document(None, lost, now())) == 204
        until(lambda: any("復旧済み" in subject(mail) for _, _, mail in inbox.mails), 10, "the end is told")
        mail = inbox.mails[-1][2]
        assert subject(mail).startswith("[Example Cloud] 復旧済み: Basic スタティックNAT 通信障害")
        assert "復旧しました" in text_of(mail) and "JST" in text_of(mail)
        assert mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
        out = urllib.parse.urlparse(mail["List-Unsubscribe"].strip("<>"))
        assert page.request(f"{out.path}?{out.query[:-2]}00", b"")[0] in (200, 403)
        assert page.request(f"{out.path}?{out.query}", b"List-Unsubscribe=One-Click")[0] == 200
        hook = Hook()
        body = json.dumps({"webhook": f"http://127.0.0.1:{hook.server_port}/hook"}).encode()
        assert page.request("/status/subscribe", body, {"Content-Type": "application/json"})[0] == 201
        before = len(inbox.mails)
        in_trouble(page)
        until(lambda: hook.calls, 20, "another one is told")
        assert len(inbox.mails) == before
        hook.shutdown()
    finally:
        page.stop()
        controller.stop()


def test_a_flood_of_subscribers_is_refused(tmp_path):
    page = Page(tmp_path, mail={"from": "status@example.jp", "route": "smtp://127.0.0.1:1"}).start()
    try:
        answers = [
            page.request("/status/subscribe", urllib.parse.urlencode({"mail": f"a{n}@example.com"}).encode())[0]
            for n in range(20)]
        assert answers == [202] * 5 + [429] * 15
        # Whoever is not behind a proxy cannot say to be another.
        forged = page.request("/status/subscribe", b"mail=b@example.com", {"X-Forwarded-For": "192.0.2.1"})
        assert forged[0] == 429
    finally:
        page.stop()


def test_the_page_outlives_the_cloud_and_says_what_it_does_not_know(tmp_path):
    class Quiet(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(401)
            self.end_headers()

        def log_message(self, *arguments):
            pass

    port = free_port()
    api = http.server.ThreadingHTTPServer(("127.0.0.1", port), Quiet)
    threading.Thread(target=api.serve_forever, daemon=True).start()
    web = tmp_path / "web"
    page = Page(tmp_path, exportFolder=str(web), probes=[
        {"component": component("api", "API"), "kind": "api", "target": f"http://127.0.0.1:{port}/client/api"}]).start()
    try:
        assert "No report from the cloud has arrived yet" in page.get("/status?lang=en")
        lost = in_trouble(page)
        # The manager, and with it all reports, goes; then the API.
        until(lambda: "The cloud has not reported" in page.get("/status?lang=en"), 30, "the silence is told of")
        api.shutdown()
        api.server_close()
        until(lambda: len(page.incidents()) == 2, 40, "the API is seen to be gone, from outside")
        assert "Unknown (last: Partial outage)" in page.get("/status?lang=en")
        # The page itself dies, and knows all of it when it is back.
        page.kill()
        page.start()
        assert len(page.incidents()) == 2 and not any(i["resolved_at"] for i in page.incidents())
        assert "The cloud has not reported" in page.get("/status?lang=en")
        api = http.server.ThreadingHTTPServer(("127.0.0.1", port), Quiet)
        threading.Thread(target=api.serve_forever, daemon=True).start()
        until(lambda: sum(1 for i in page.incidents() if i["resolved_at"]) == 1, 40, "the API is seen to be back")
        assert page.feed(document(None, lost, now())) == 204
        until(lambda: all(i["resolved_at"] for i in page.incidents()), 20, "all is well")
        until(lambda: "has not reported" not in page.get("/status?lang=en"), 10, "the cloud reports again")
        index = web / "index.en.html"
        until(lambda: "has not reported" not in index.read_text(), 10, "the files follow")
        assert json.loads((web / "api/v2/status.json").read_text())["status"]["indicator"] == "none"
        api.shutdown()
    finally:
        page.stop()


def test_only_the_cloud_of_this_page_is_believed(page):
    assert page.feed(document()) == 204
    taken = page.sequence
    assert page.feed(document(), signature="AAAA") == 403
    assert page.feed(document(), sequence=taken) == 409
    assert page.feed(document(), sequence=now() + 600_000) == 409
    page.sequence = taken
    assert page.feed([]) == 400
    assert page.request("/feed", b"{}")[0] == 403
    assert page.request("/feed", b"x" * (17 << 20), {"X-Daruma-Sequence": "1", "X-Daruma-Signature": "A"})[0] == 413


def test_changes_are_told_live(page):
    import socket
    connection = socket.create_connection(("127.0.0.1", page.port), timeout=10)
    connection.sendall(b"GET /status/events HTTP/1.1\r\nHost: a\r\n\r\n")
    in_trouble(page)
    text = b""
    deadline = time.monotonic() + 10
    while b"unreachable (cell-1)" not in text:
        assert time.monotonic() < deadline, text
        text += connection.recv(65536)
    assert b"text/event-stream" in text and b"event: status" in text
    connection.close()


def test_operators_write_publish_and_merge_and_nobody_else_does(page):
    assert page.feed(document()) == 204
    fields = {"title_en": "Power <b>inspection</b>", "body_en": "Looking.", "impact": "minor", "components": "nat-1"}
    assert page.operate("/incidents", token="wrong", **fields)[0] == 401
    assert page.operate("/incidents", headers={"Origin": "https://evil.example"}, **fields)[0] == 409
    status, _, text = page.operate("/incidents", draft="true", **fields)
    assert status == 200, text
    made = json.loads(text)["id"]
    assert page.incidents() == [] and page.request(f"/status/incidents/{made}")[0] == 404
    assert page.operate(f"/incidents/{made}/publish")[0] == 200
    assert [i["name"] for i in page.incidents()] == ["Power <b>inspection</b>"]
    assert "<b>inspection" not in page.get("/status?lang=en")
    in_trouble(page)
    until(lambda: len(page.incidents()) == 2, 10, "the measured one is there too")
    measured = next(i["id"] for i in page.incidents() if i["id"] != made)
    assert page.operate(f"/incidents/{measured}/updates", status="resolved", body_en="Done.")[0] == 409
    assert page.operate(f"/incidents/{made}/merge", into=measured)[0] == 200
    assert [i["id"] for i in page.incidents()] == [measured]
    status, headers, text = page.request("/status/operator")
    assert status == 401 and "Basic" in headers["WWW-Authenticate"]


def test_a_customer_sees_the_own_part_with_a_ticket_only(page):
    accounts = [
        {"account": "hanako", "resources": [
            {"kind": "address", "id": "1", "name": "198.51.100.7", "state": "out", "since": now()}]},
        {"account": "taro", "resources": [
            {"kind": "instance", "id": "2", "name": "secret-vm", "state": "out", "since": now()}]}]
    assert page.feed(document(accounts=accounts)) == 204
    ticket = page.ticket("hanako", now() + 60_000)
    until(lambda: "198.51.100.7" in page.get(f"/status/mine?lang=en&ticket={ticket}"), 5, "it is shown")
    assert "secret-vm" not in page.get(f"/status/mine?lang=en&ticket={ticket}")
    assert page.request(f"/status/mine?ticket={page.ticket('hanako', now() - 1)}")[0] == 401
    assert page.request("/status/mine?ticket=x.y")[0] == 401
    assert page.request("/status/mine")[0] == 401
