"""The metrics of a running cloud, as Prometheus' own parser reads them."""
import re
import urllib.request

import pytest
from cs import CloudStackApiException
from prometheus_client.parser import text_string_to_metric_families

from cloud import Cloud, Host, free_port, until


class MeasuredCloud(Cloud):
    def __init__(self):
        super().__init__(index=2)
        self.metrics_port = free_port()

    def text(self):
        with urllib.request.urlopen(f"http://127.0.0.1:{self.metrics_port}/metrics", timeout=10) as answer:
            assert answer.headers["Content-Type"].startswith("text/plain; version=0.0.4")
            return answer.read().decode()

    def families(self):
        return list(text_string_to_metric_families(self.text()))

    def value(self, name, **labels):
        """What a metric is for exactly these labels; 0 if it was not seen yet."""
        for family in self.families():
            for sample in family.samples:
                if sample.name == name and sample.labels == labels:
                    return sample.value
        return 0


@pytest.fixture(scope="module")
def cloud():
    before = Host()
    cloud = MeasuredCloud()
    try:
        yield cloud.up("--metrics-port", str(cloud.metrics_port))
    finally:
        cloud.purge()
    after = Host()
    assert after == before, after.difference(before)


def test_calls_are_counted_by_command_and_status(cloud):
    def counts():
        return [
            cloud.value("daruma_api_requests_total", command="listUsers", status="200"),
            cloud.value("daruma_api_requests_total", command="listUsers", status="431"),
            cloud.value("daruma_api_requests_total", command="-", status="401"),
            cloud.value("daruma_api_request_duration_seconds_count", command="listUsers"),
            cloud.value("daruma_api_request_duration_seconds_bucket", command="listUsers", le="+Inf"),
        ]

    before = counts()
    for _ in range(3):
        cloud.admin.listUsers()
    with pytest.raises(CloudStackApiException):
        cloud.admin.listUsers(id="nonsense")
    with pytest.raises(CloudStackApiException):
        cloud.admin.noSuchCommand()
    assert [after - was for after, was in zip(counts(), before)] == [3, 1, 1, 4, 4]


def test_jobs_plans_and_verification_are_told(cloud):
    plan = cloud.value("daruma_plans_fed_revision")
    scopes = cloud.value("daruma_scopes", phase="verified")
    client = cloud.account()
    machine = cloud.deploy(client, "web")
    cloud.static_nat(client, machine)
    job = {"command": "deployVirtualMachine", "status": "succeeded"}
    assert cloud.value("daruma_jobs_ended_total", **job) == 1
    assert cloud.value("daruma_jobs_pending") == 0 and cloud.value("daruma_instances") == 1
    assert cloud.value("daruma_plans_fed_revision") > plan
    until(
        lambda: cloud.value("daruma_plans_fed_revision") == cloud.value("daruma_ledger_revision"), 10,
        "the node was told of everything")
    until(lambda: cloud.value("daruma_scopes", phase="verified") > scopes, 10, "the instance's scope is verified")
    services = {
        sample.labels["service"] for family in cloud.families() if family.name == "daruma_objects"
        for sample in family.samples}
    assert "staticnat" in services, services
    for service in services:
        def standing():
            return {
                step: cloud.value("daruma_objects", service=service, step=step)
                for step in ("wanted", "applied", "verified")}
        until(lambda: len(set(standing().values())) == 1, 10, f"{service}: {standing()}")
    assert cloud.value("daruma_leads") == 1 and cloud.value("daruma_nodes_connected") == 1


def test_drift_is_told_when_it_was_repaired(cloud):
    repairs = cloud.value("daruma_drift_repairs")
    for gateway in cloud.gateways().values():
        cloud.enter(gateway, "nft", "flush", "ruleset")
    until(lambda: cloud.value("daruma_drift_repairs") >= repairs + len(cloud.gateways()), 20, "the repairs are counted")


def test_the_form_is_prometheus_own_and_names_nobody(cloud):
    cloud.account("geheimrat")
    cloud.admin.listAccounts(name="geheimrat")
    text = cloud.text()
    assert text.endswith("\n")
    seen = set()
    for family in text_string_to_metric_families(text):
        assert family.name.startswith("daruma_") and family.type in ("counter", "gauge", "histogram"), family
        for sample in family.samples:
            series = (sample.name, *sorted(sample.labels.items()))
            assert series not in seen, "a series stands there once"
            seen.add(series)
            assert set(sample.labels) <= {"command", "status", "service", "step", "phase", "le"}, sample
            assert all(re.fullmatch(r"[A-Za-z0-9.+-]+", value) for value in sample.labels.values()), sample
    for secret in ("geheimrat", cloud.admin.key, cloud.admin.secret, cloud.admin_file["password"]):
        assert secret not in text
    assert not re.search(r"[0-9a-f]{8}-[0-9a-f]{4}-", text), "nor anything by its id"


def test_only_this_machine_reads_them(cloud):
    listening = [line.split() for name in ("tcp", "tcp6") for line in open(f"/proc/net/{name}")][1:]
    port = f":{cloud.metrics_port:04X}"
    assert [row[1] for row in listening if row[1].endswith(port) and row[3] == "0A"] == ["0100007F" + port]


def test_they_end_when_they_are_turned_off(cloud):
    cloud.daruma("up", "--metrics-port", "0")
    with pytest.raises(OSError):
        cloud.text()
    cloud.daruma("up", "--metrics-port", str(cloud.metrics_port))
    assert cloud.value("daruma_leads") == 1
