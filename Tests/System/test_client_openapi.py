"""cloudstack-openapi-ngine on listApis, and schemathesis on the document that the API makes of itself."""
import json
import os
import random
import subprocess
import sys
import urllib.parse
import urllib.request

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from schemathesis.checks import content_type_conformance, response_schema_conformance

from client_matrix import Matrix
from data_centre import bare_cloud
from wire import signed

FULL = os.environ.get("DARUMA_FULL") == "1"
SEED = int(os.environ.get("DARUMA_SEED", random.randrange(1 << 32)))
CONFORM = [response_schema_conformance, content_type_conformance]
CODES = {200, 400, 401, 405, 429, 430, 431, 432, 503, 511, 530, 531, 532, 533, 534, 535, 536, 537}


@pytest.fixture(scope="module")
def cloud():
    with bare_cloud() as cloud:
        yield cloud


def test_cloudstack_openapi_describes_every_command(cloud, tmp_path):
    output = tmp_path / "api.json"
    environment = dict(
        os.environ, CLOUDSTACK_ENDPOINT=cloud.admin_file["endpoint"], CLOUDSTACK_KEY=cloud.admin.key,
        CLOUDSTACK_SECRET=cloud.admin.secret)
    result = subprocess.run(
        [os.path.join(os.path.dirname(sys.executable), "cloudstack-openapi"), "--probe-response-keys", "-o", output],
        capture_output=True, text=True, timeout=300, env=environment)
    assert result.returncode == 0, result.stderr
    document = json.load(open(output))
    assert document["info"]["version"].startswith("4.22")
    told = json.dumps(document)
    commands = [api["name"] for api in cloud.admin.listApis()["api"]]
    missing = [name for name in commands if name not in told]
    assert not missing, missing
    matrix = Matrix("cloudstack-openapi-ngine", "what", ["seen"])
    matrix.saw("a document of all commands", "seen", "works")
    matrix.saw("--probe-response-keys", "seen", "works")
    matrix.settle(whole=True)


class Signed:
    """Sends what schemathesis made, with a key and a signature added."""

    def __init__(self, cloud):
        self.cloud, self.session = cloud, requests.Session()

    def send(self, case):
        made = requests.Request(**case.as_transport_kwargs(base_url=f"http://127.0.0.1:{self.cloud.port}")).prepare()
        body = made.body or b""
        text = body if isinstance(body, str) else body.decode("latin-1")
        form = dict(urllib.parse.parse_qsl(text, keep_blank_values=True, encoding="utf-8", errors="replace"))
        made.prepare_body(signed({**form, "apiKey": self.cloud.admin.key}, self.cloud.admin.secret), None)
        # The key is in the form, where the signature is.
        made.url = made.url.split("?")[0]
        made.headers["Content-Type"] = "application/x-www-form-urlencoded"
        return self.session.send(made, timeout=30)


def resident(cloud):
    """The manager's memory in MiB."""
    with open(f"/proc/{cloud.process('manager')}/status") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmRSS")) >> 10


def test_schemathesis_gets_no_answer_that_the_document_does_not_tell(cloud):
    with urllib.request.urlopen(cloud.admin_file["endpoint"] + "/openapi.json", timeout=30) as answer:
        schema = schemathesis.openapi.from_dict(json.load(answer))
    operation = schema["/client/api"]["POST"]
    client, told, broken, process = Signed(cloud), {}, [], cloud.process("manager")

    print(f"DARUMA_SEED={SEED}")

    @seed(SEED)
    @given(case=operation.as_strategy())
    @settings(
        max_examples=20000 if FULL else 250, deadline=None, database=None, phases=[Phase.generate],
        suppress_health_check=list(HealthCheck))
    def call(case):
        answer = client.send(case)
        told[answer.status_code] = told.get(answer.status_code, 0) + 1
        assert answer.status_code in CODES, answer.status_code
        envelope = answer.json()
        assert len(envelope) == 1, envelope
        content = next(iter(envelope.values()))
        if answer.status_code != 200:
            assert content["errorcode"] == answer.status_code and content["errortext"], content
        # CloudStack, too, says this of the list of a command that there is not.
        if answer.status_code == 530 and "listapisresponse" not in envelope:
            broken.append((case.body, content["errortext"]))
        case.validate_response(answer, checks=CONFORM)

    call()
    before = resident(cloud)
    call()
    assert cloud.process("manager") == process, "the manager was started again"
    assert resident(cloud) < before * 1.2 + 50, "the manager's memory grows"
    assert told[200] and told[431], told
    assert not broken, broken[:5]
