"""A status page that runs by itself, as a test sees it: fed with signed documents, read, killed."""
import base64
import json
import os
import subprocess
import time
import urllib.error
import urllib.parse
import urllib.request

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from cloud import BINARY, free_port, until

TOKEN = "a-token-of-many-letters"


def component(id, name, state="operational", cell=None):
    value = {"id": id, "zone": "tokyo-1", "series": "Basic", "name": name, "state": state}
    return value | ({"cell": cell} if cell else {})


def now():
    return int(time.time() * 1000)


def document(verified=None, lost_at=None, verified_at=None, accounts=()):
    """One cell with 100 load balancer rules and 1,000 static NATs, so many of the latter verified."""
    nats = 1000 if verified is None else verified
    losses = []
    if lost_at:
        losses.append({
            "scope": "router/1", "role": "edgeGateway", "cellName": "cell-1", "zoneName": "tokyo-1",
            "found": "tables-deleted", "rulesLost": 1100, "rulesWanted": 1100, "probesMissed": 1, "accounts": 12,
            "addresses": 1000, "lostAt": lost_at, "detectedAt": lost_at + 5,
            **({"appliedAt": verified_at, "verifiedAt": verified_at} if verified_at else {})})
    state = "operational" if nats == 1000 else "partial_outage"
    return {
        "time": now(),
        "components": [component("lb-1", "Load balancer", state, "cell-1"), component("nat-1", "Static NAT", state, "cell-1")],
        "services": [
            {"component": "nat-1", "scope": "router/1", "service": "staticnat", "wanted": 1000, "verified": nats,
             "accounts": 0 if nats == 1000 else 12, "addressesOut": 1000 - nats}],
        "losses": losses, "observations": [], "actions": [], "facts": [], "accounts": list(accounts)}


class Page:
    """With `cloud` it believes the documents of that cloud, otherwise those that the test signs."""

    def __init__(self, folder, cloud=None, **settings):
        self.folder, self.cloud = str(folder), cloud
        self.key = Ed25519PrivateKey.generate()
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.sequence = 0
        operators = f"{self.folder}/operators"
        with open(operators, "w") as file:
            file.write(f"hanako:{TOKEN}\n")
        public = self.key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
        self.settings = {
            "name": "Example Cloud", "url": self.url, "port": self.port, "operatorFile": operators,
            "publicKey": None if cloud else base64.b64encode(public).decode()} | settings
        self.process = None

    def start(self):
        with open(f"{self.folder}/page.json", "w") as file:
            json.dump(self.settings, file)
        log = open(f"{self.folder}/page.log", "a")
        self.process = subprocess.Popen(
            [BINARY, "page", "--settings", f"{self.folder}/page.json", "--store", f"{self.folder}/store",
             *(["--public-key-file", f"{self.cloud.state}/manager/page.pub"] if self.cloud else [])],
            stdout=log, stderr=log)
        until(self.answers, 20, f"the page answers: {open(f'{self.folder}/page.log').read()[-2000:]}")
        return self

    def answers(self):
        assert self.process.poll() is None, open(f"{self.folder}/page.log").read()[-2000:]
        try:
            return self.get("/api/v2/status.json")
        except OSError:
            return None

    def kill(self):
        self.process.kill()
        self.process.wait()

    def stop(self):
        if self.process and self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                self.kill()

    def request(self, path, body=None, headers=None, method=None):
        """The status, the headers and the text of an answer, redirects not followed."""
        class Stay(urllib.request.HTTPRedirectHandler):
            def redirect_request(self, *arguments):
                return None
        request = urllib.request.Request(self.url + path, data=body, headers=headers or {}, method=method)
        try:
            with urllib.request.build_opener(Stay).open(request, timeout=10) as answer:
                return answer.status, answer.headers, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.headers, error.read().decode()

    def get(self, path):
        status, _, text = self.request(path)
        assert status == 200, f"{path}: {status} {text}"
        return text

    def json(self, path):
        return json.loads(self.get(path))

    def sign(self, body, sequence):
        return base64.b64encode(self.key.sign(b"daruma status document\n%d\n" % sequence + body)).decode()

    def feed(self, document, sequence=None, signature=None):
        self.sequence = sequence or max(now(), self.sequence + 1)
        body = json.dumps(document).encode()
        return self.request("/feed", body, {
            "X-Daruma-Sequence": str(self.sequence), "Content-Type": "application/json",
            "X-Daruma-Signature": signature or self.sign(body, self.sequence)})[0]

    def operate(self, path, token=TOKEN, headers=None, **fields):
        basic = base64.b64encode(f"hanako:{token}".encode()).decode()
        return self.request(
            "/status/operator" + path, json.dumps(fields).encode(),
            {"Authorization": f"Basic {basic}", "Content-Type": "application/json"} | (headers or {}))

    def ticket(self, account, until_ms):
        text = f"{until_ms}.{account}".encode()
        parts = [text, self.key.sign(b"daruma account ticket\n" + text)]
        return ".".join(base64.urlsafe_b64encode(part).decode().rstrip("=") for part in parts)

    def html(self, language="en", path="/status"):
        return self.get(f"{path}?lang={language}")

    def component(self, name, cell=None):
        """The state of the component of this name."""
        shown = f"{name} ({cell})" if cell else name
        found = [c for c in self.json("/api/v2/components.json")["components"] if c["name"] == shown and not c["group"]]
        return found[0]["status"] if found else None

    def incidents(self):
        return self.json("/api/v2/incidents.json")["incidents"]
