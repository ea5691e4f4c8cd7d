"""Several managers: each tells its own metrics, who leads also how the cloud stands; the first is reached by TLS."""
import os
import urllib.request

import pytest
from cs import CloudStack
from prometheus_client.parser import text_string_to_metric_families

from cloud import Host, free_port, until
from managers import Managers, free_ports, wait_for_leader
from postgresql import PostgreSQL


@pytest.fixture
def cloud():
    before, server = Host(), PostgreSQL()
    cloud = Managers(server.database(), count=2)
    cloud.secure_port = free_port()
    cloud.metrics_port = free_ports(2)
    try:
        yield cloud.up("--metrics-port", str(cloud.metrics_port), "--tls", f"127.0.0.1:{cloud.secure_port}")
    finally:
        cloud.purge()
        server.remove()
    after = Host()
    assert after == before, after.difference(before)


def metrics(cloud, name):
    """What a manager tells, by name and labels."""
    port = cloud.metrics_port + cloud.names.index(name)
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as answer:
        families = text_string_to_metric_families(answer.read().decode())
    return {
        (sample.name, *sorted(sample.labels.items())): sample.value for family in families for sample in family.samples}


def test_who_leads_tells_how_the_cloud_stands(cloud):
    calls = ("daruma_api_requests_total", ("command", "listUsers"), ("status", "200"))
    standing = ("daruma_scopes", ("phase", "verified"))
    leader, _ = wait_for_leader(cloud, cloud.names)
    other = next(name for name in cloud.names if name != leader)
    cloud.client_of(other).listUsers()
    assert metrics(cloud, other)[calls] == 1 and calls not in metrics(cloud, leader)
    assert (metrics(cloud, leader)[("daruma_leads",)], metrics(cloud, other)[("daruma_leads",)]) == (1, 0)
    assert metrics(cloud, leader)[standing] > 0 and standing not in metrics(cloud, other)
    cloud.kill(leader)
    until(lambda: metrics(cloud, other)[("daruma_leads",)] == 1, 20, "the other one leads")
    until(lambda: metrics(cloud, other).get(standing, 0) > 0, 20, "and tells how the cloud stands")
    cloud.up()
    assert metrics(cloud, leader)[("daruma_leads",)] == 0 and standing not in metrics(cloud, leader)
    # Through the first manager, whoever leads, with one certificate.
    own = f"{cloud.state}/manager/tls.crt"
    assert os.path.exists(own)
    secure = CloudStack(
        endpoint=f"https://127.0.0.1:{cloud.secure_port}/client/api", key=cloud.admin.key, secret=cloud.admin.secret,
        verify=own, poll_interval=0.02, fetch_result=True, job_timeout=30)
    made = secure.createAffinityGroup(name="apart", type="host anti-affinity")["affinitygroup"]
    assert secure.listAffinityGroups(id=made["id"])["count"] == 1
