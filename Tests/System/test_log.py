"""The manager's log: a line of fields per event, by which a call is followed to the end of its job, without secrets."""
import base64
import glob
import json
import re
import urllib.error
import urllib.parse
import urllib.request

import pytest
from cs import CloudStackApiException

from cloud import until
from data_centre import DataCentre, bare_cloud
from wire import signed

FIELD = re.compile(r'([a-z_.]+)=("(?:[^"\\]|\\.)*"|[^\s"=\\]+)(?: |$)')


def fields(line):
    """What a line says, or a failure if it is not made of fields alone."""
    values, position = {}, 0
    while position < len(line):
        match = FIELD.match(line, position)
        assert match, f"{line!r} at {position}"
        name, value = match.groups()
        assert name not in values, line
        if value[0] == '"':
            value = re.sub(r"\\(n|u\{[0-9a-f]+\}|.)", lambda m: "\n" if m[1] == "n" else m[1], value[1:-1])
        values[name] = value
        position = match.end()
    return values


class Log:
    def __init__(self, cloud):
        self.path = f"{cloud.state}/log/manager.log"

    def lines(self, **wanted):
        all = [fields(line) for line in open(self.path).read().splitlines()]
        return [line for line in all if all and wanted.items() <= line.items()]

    def one(self, **wanted):
        return until(lambda: self.lines(**wanted), 10, f"a line with {wanted}")[0]


@pytest.fixture(scope="module")
def cloud():
    with bare_cloud(index=4) as cloud:
        cloud.centre = DataCentre(cloud, "Advanced", 2)
        cloud.log = Log(cloud)
        yield cloud


def call(cloud, command, **parameters):
    """The id that the cloud gave the call, its status, and the answer."""
    everything = {"command": command, "response": "json", "apiKey": cloud.admin.key, **parameters}
    request = urllib.request.Request(
        cloud.admin_file["endpoint"], signed(everything, cloud.admin.secret).encode(),
        {"Content-Type": "application/x-www-form-urlencoded"})
    try:
        answer = urllib.request.urlopen(request, timeout=20)
    except urllib.error.HTTPError as error:
        answer = error
    with answer:
        return answer.headers["X-Request-Id"], answer.status, next(iter(json.load(answer).values()))


def test_a_call_is_followed_to_the_end_of_its_job(cloud):
    request, status, answer = call(cloud, "createAffinityGroup", name="apart", type="host anti-affinity")
    assert status == 200
    user = cloud.admin.listUsers(username="admin")["user"][0]["id"]
    asked = cloud.log.one(request=request, message="api")
    assert (asked["command"], asked["status"], asked["caller"]) == ("createAffinityGroup", "200", user)
    written = cloud.log.one(request=request, message="audit")
    assert (written["job"], written["user"]) == (answer["jobid"], user)
    assert 'name=apart type="host anti-affinity"' in written["parameters"]
    ended = cloud.log.one(job=answer["jobid"], message="job")
    assert (ended["command"], ended["status"], ended["level"]) == ("createAffinityGroup", "succeeded", "info")


def test_what_is_refused_is_written_down_and_what_reads_is_not(cloud):
    request, status, _ = call(cloud, "createDomain", name="x" * 300)
    assert status == 431
    assert cloud.log.one(request=request, message="audit")["status"] == "431"
    request, status, _ = call(cloud, "listZones")
    assert status == 200 and cloud.log.one(request=request, message="api")
    assert cloud.log.lines(request=request, message="audit") == []
    request, status, _ = call(cloud, "nonsense")
    assert cloud.log.one(request=request, message="api")["command"] == "-"


def test_calls_of_the_integration_port_are_written_down_alike(cloud):
    with urllib.request.urlopen(
        f"http://127.0.0.1:{cloud.integration}/client/api?command=createDomain&name=port&response=json", timeout=10
    ) as answer:
        request = answer.headers["X-Request-Id"]
    assert cloud.log.one(request=request, message="api")["caller"] == "integration port"
    assert "name=port" in cloud.log.one(request=request, message="audit")["parameters"]


def test_no_value_forges_a_line_or_a_field(cloud):
    name = '日本 " level=critical\nmessage=audit command=deleteDomain \\'
    request, status, _ = call(cloud, "createAffinityGroup", name="forged", type="host anti-affinity", description=name)
    assert status == 200
    lines = cloud.log.lines(request=request)
    assert sorted(line["message"] for line in lines) == ["api", "audit"]
    assert all(line["level"] == "info" and line["command"] == "createAffinityGroup" for line in lines)
    assert "日本" in cloud.log.one(request=request, message="audit")["parameters"]


def test_no_secret_reaches_a_log(cloud):
    admin, secrets = cloud.admin, []

    def secret(text):
        secrets.append(text)
        return text

    client = cloud.account("ordinary")
    secret(client.secret)
    user = admin.listUsers(username="ordinary")["user"][0]["id"]
    admin.updateUser(id=user, password=secret("openSesameOne"))
    form = urllib.parse.urlencode({
        "command": "login", "response": "json", "username": "ordinary", "password": secrets[-1]}).encode()
    with urllib.request.urlopen(cloud.admin_file["endpoint"], form, timeout=10) as answer:
        secret(json.load(answer)["loginresponse"]["sessionkey"])
    right = secret(base64.b64encode(secret("openSesameTwo").encode()).decode())
    for data in (right, secret("openSesameIsNot*Base64")):
        try:
            client.deployVirtualMachine(
                zoneid=cloud.centre.zone, templateid=template(cloud), serviceofferingid=offering(cloud),
                networkids=network(cloud, client), userdata=data)
            assert data == right
        except CloudStackApiException as error:
            assert data != right, error
    for scheme in ("http", "gopher"):
        try:
            admin.registerTemplate(
                name="t", displaytext="t", format="QCOW2", hypervisor="Simulator", zoneid=cloud.centre.zone,
                ostypeid=admin.listOsTypes()["ostype"][0]["id"],
                url=f"{scheme}://me:{secret('openSesameThree' + scheme)}@192.0.2.9/t.qcow2")
        except CloudStackApiException as error:
            assert scheme == "gopher", error
    with pytest.raises(CloudStackApiException):
        admin.addHost(
            hypervisor="Simulator", podid=cloud.centre.pod, zoneid=cloud.centre.zone, clusterid=cloud.centre.cluster,
            url="nonsense", username="root", password=secret("openSesameFour"))
    # Each was sent, and what was done with them is in the log.
    for command in ("updateUser", "deployVirtualMachine", "registerTemplate"):
        assert cloud.log.one(command=command, message="audit", status="200")
    assert "password=***" in cloud.log.one(command="updateUser", message="audit")["parameters"]
    logs = {path: open(path).read() for path in glob.glob(f"{cloud.state}/log/*.log")}
    assert len(logs) >= 2
    secrets += [cloud.admin.secret, cloud.admin_file["password"]]
    assert [(text, path) for path, log in logs.items() for text in secrets if text in log] == []


def template(cloud):
    return cloud.admin.listTemplates(templatefilter="all", hypervisor="Simulator")["template"][0]["id"]


def offering(cloud):
    return cloud.admin.listServiceOfferings(name="Small Instance")["serviceoffering"][0]["id"]


def network(cloud, client):
    found = client.listNetworks().get("network")
    if found:
        return found[0]["id"]
    offering = client.listNetworkOfferings(
        name="DefaultIsolatedNetworkOfferingWithSourceNatService")["networkoffering"][0]["id"]
    return client.createNetwork(
        name="n", displaytext="n", zoneid=cloud.centre.zone, networkofferingid=offering)["network"]["id"]
