"""The drill of 2018's outage, and what the public page says of it."""
import json
import os
import signal
import subprocess
import time
import urllib.request

import pytest

from cloud import ROOT, until

# Static NATs, load balancers, members of each. Two drills, so that the second one meets what the first one left.
SIZES = [(1000, 100, 3), (5000, 500, 10)] if os.environ.get("DARUMA_FULL") else [(300, 30, 3), (100, 10, 3)]


def page(cloud, path, language=None):
    url = f"http://127.0.0.1:{cloud.port}{path}" + (f"?lang={language}" if language else "")
    return urllib.request.urlopen(url, timeout=5).read().decode()


def drill(cloud, size, *more, check=True):
    nats, balancers, members = size
    return cloud.daruma(
        "drill", "shared-network-loss", "--static-nats", str(nats), "--load-balancers", str(balancers), "--members",
        str(members), *more, check=check, timeout=300)


def leftovers(cloud):
    accounts = [a["name"] for a in cloud.admin.listAccounts(listall=True)["account"] if a["name"].startswith("drill-")]
    ranges = [r["startip"] for r in cloud.admin.listVlanIpRanges()["vlaniprange"] if r["startip"].startswith("198.18.")]
    names = [n for n in os.listdir(f"{cloud.state}/run/netns") if n.startswith(("i-", "drill"))]
    links = [
        link["ifname"] for place in ("fabric", "wan") for link in json.loads(cloud.enter(place, "ip", "-j", "link").stdout)
        if link["ifname"].startswith(("p-", "d-"))]
    return accounts + ranges + names + links


def incidents(cloud):
    return json.loads(page(cloud, "/api/v2/incidents.json"))["incidents"]


def test_a_new_cloud_had_no_incident(cloud):
    assert incidents(cloud) == []
    assert json.loads(page(cloud, "/api/v2/summary.json"))["incidents"] == []


@pytest.mark.parametrize("number", range(len(SIZES)))
def test_everything_comes_back_and_the_page_tells_it(cloud, tmp_path, number):
    size = SIZES[number]
    nats, balancers, members = size
    file = tmp_path / "drill.json"
    before = incidents(cloud)
    start = time.monotonic()
    picture = tmp_path / "drill.html"
    result = drill(cloud, size, "--json", str(file), "--report", str(picture))
    print(result.stdout, f"\n{size}: {time.monotonic() - start:.1f} s in all")
    assert "ALTUS 2018: 32:03:00, here: 00:00:0" in result.stdout
    html = picture.read_text()
    assert html.count("<svg") >= 8 and "32:03:00" in html and "外部からの到達性" in html
    assert "<script" not in html and "http" not in html and "src=" not in html, "it stands for itself"
    report = json.loads(file.read_text())
    assert report["rules"] == {"staticNat": nats, "loadBalancer": balancers, "member": balancers * members}
    seconds = report["seconds"]
    assert 0 < seconds["detected"] <= seconds["applied"] <= seconds["verified"] < 10 and 0 < seconds["reachable"] < 10
    assert report["verified"] is True
    assert report["probe"]["wrong"] == 0 and report["probe"]["sent"] > report["probe"]["lost"] >= 0
    assert report["samples"] and report["samples"][-1]["staticNat"] == 1 == report["samples"][-1]["loadBalancer"]

    found = incidents(cloud)
    # What is lost again within a minute belongs to the incident that was thought over.
    assert len(found) == 1 or number > 0 and len(found) - len(before) in (0, 1), "one incident for one loss"
    assert all(incident["status"] == "resolved" and incident["resolved_at"] for incident in found)
    newest = max(found, key=lambda incident: incident["created_at"])
    assert newest not in before, "the drill is told of"
    told = " ".join(update["body"] for update in newest["incident_updates"])
    assert "nftables tables deleted" in told and "cell-1 and cell-2" in told and " ms" in told
    statuses = [update["status"] for update in newest["incident_updates"]]
    assert statuses[0] == "resolved" and "identified" in statuses
    summary = json.loads(page(cloud, "/api/v2/summary.json"))
    assert summary["status"]["indicator"] == "none" and summary["incidents"] == []
    japanese = page(cloud, "/status", "ja")
    for field in ("■障害発生日時", "■対象範囲", "■障害内容", "■原因"):
        assert field in japanese
    assert "cell-1" in page(cloud, "/status", "en")

    until(lambda: not leftovers(cloud), 10, f"nothing of the drill stays: {leftovers(cloud)}")
    assert cloud.daruma("status", check=False).returncode == 0
    assert len(incidents(cloud)) == len(found), "taking the drill's things away is no incident"


def test_an_interrupted_drill_takes_its_things_away(cloud):
    process = subprocess.Popen(
        [cloud.binary, "drill", "shared-network-loss", "--static-nats", "100", "--load-balancers", "10", "--state",
         cloud.state], env=dict(os.environ, DARUMA_ROOT=ROOT), stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    until(lambda: leftovers(cloud), 20, "the drill begins")
    time.sleep(0.5)
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=120)
    assert process.returncode != 0
    until(lambda: not leftovers(cloud), 10, f"nothing of the drill stays: {leftovers(cloud)}")


def test_a_drill_needs_a_running_cloud_and_sensible_numbers(cloud, tmp_path):
    result = subprocess.run(
        [cloud.binary, "drill", "shared-network-loss", "--state", str(tmp_path)], capture_output=True, text=True, timeout=30)
    assert result.returncode != 0 and "No cloud runs" in result.stderr
    assert drill(cloud, (100, 10, 0), check=False).returncode != 0
    (tmp_path / "bench.json").write_text("{}")
    refused = drill(cloud, (100, 10, 3), "--bench", str(tmp_path / "bench.json"), check=False)
    assert refused.returncode != 0 and "bench rebuild" in refused.stderr
    refused = drill(cloud, (100_001, 10, 3), check=False)
    assert refused.returncode != 0 and "100000" in refused.stderr
    refused = drill(cloud, (70_000, 10, 3), check=False)
    assert refused.returncode != 0 and "--guest-range" in refused.stderr


def test_a_drill_on_a_stopped_cloud_is_refused_in_one_sentence(cloud):
    cloud.down()
    try:
        result = drill(cloud, SIZES[0], check=False)
        assert result.returncode != 0
        assert len(result.stderr.strip().splitlines()) == 1 and "No cloud runs" in result.stderr, result.stderr
    finally:
        cloud.up()
