"""Preview, history and undo over the wire, with packets: what a dry run tells happens, and a revert brings back what worked."""
import time

import pytest

from cloud import Cloud, fetch, until
from wire import Wire, everything, refused


@pytest.fixture(scope="module")
def cloud():
    cloud = Cloud(index=0)
    try:
        yield cloud.up()
    finally:
        cloud.purge()


@pytest.fixture(scope="module")
def shop(cloud):
    """An account with two instances, a static NAT and a load balancer that answer."""
    client = cloud.account("shop")
    client.machines = [cloud.deploy(client, f"shop-{number}") for number in range(2)]
    cloud.allow(client)
    client.address = cloud.static_nat(client, client.machines[0])
    client.balanced = client.associateIpAddress(zoneid=cloud.zones["basic"])["ipaddress"]
    client.rule = client.createLoadBalancerRule(
        name="shop", algorithm="roundrobin", publicport=80, privateport=80, publicipid=client.balanced["id"])["loadbalancer"]
    client.assignToLoadBalancerRule(id=client.rule["id"], virtualmachineids=[m["id"] for m in client.machines])
    client.account_id = client.listAccounts()["account"][0]["id"]
    return client


def answers(client):
    return fetch(client.address["ipaddress"], timeout=1), {fetch(client.balanced["ipaddress"], timeout=1) for _ in range(4)}


def newest(cloud):
    return cloud.admin.listRevisions(page=1, pagesize=1)["revision"][0]["revision"]


def wait(cloud, job):
    until(lambda: cloud.admin.queryAsyncJobResult(jobid=job)["jobstatus"] != 0, 20, "the job is done")
    return cloud.admin.queryAsyncJobResult(jobid=job)


def test_a_dry_run_of_every_change_changes_nothing(cloud, shop):
    before = everything(cloud.admin)
    wire = Wire(cloud, shop)
    for command, more in (
        ("disableStaticNat", {"ipaddressid": shop.address["id"]}),
        ("deleteLoadBalancerRule", {"id": shop.rule["id"]}),
        ("stopVirtualMachine", {"id": shop.machines[0]["id"]}),
        ("destroyVirtualMachine", {"id": shop.machines[0]["id"], "expunge": "true"}),
        ("associateIpAddress", {"zoneid": cloud.zones["basic"]}),
    ):
        status, answer = wire.call(command, dryrun="true", **more)
        assert status == 200 and answer["dryrun"] is True, answer
        assert answer["change"], (command, answer)
        if command != "associateIpAddress":
            assert answer["rule"], (command, answer)
    assert everything(cloud.admin) == before
    assert answers(shop)[0] is not None


def test_everything_an_account_lost_comes_back_in_one_step(cloud, shop):
    good, mark = answers(shop), newest(cloud)
    assert None not in good[1] and len(good[1]) == 2
    shop.disableStaticNat(ipaddressid=shop.address["id"])
    shop.deleteLoadBalancerRule(id=shop.rule["id"])
    shop.disassociateIpAddress(id=shop.balanced["id"])
    group = shop.listSecurityGroups()["securitygroup"][0]
    shop.revokeSecurityGroupIngress(id=group["ingressrule"][0]["ruleid"])
    assert answers(shop) == (None, {None})
    told = Wire(cloud, shop).call("revertNetwork", accountid=shop.account_id, revision=mark, dryrun="true")[1]
    assert {change["action"] for change in told["change"]} >= {"create", "update"}
    assert {rule["action"] for rule in told["rule"]} >= {"create", "update"}
    start = time.monotonic()
    shop.revertNetwork(accountid=shop.account_id, revision=mark)
    assert answers(shop) == good
    print(f"\nput back after {time.monotonic() - start:.2f} s")


def test_a_single_mistake_is_undone_by_its_own_number(cloud, shop):
    good = answers(shop)
    shop.removeFromLoadBalancerRule(id=shop.rule["id"], virtualmachineids=[shop.machines[1]["id"]])
    assert len(answers(shop)[1]) == 1
    history = shop.listResourceHistory(resourceid=shop.rule["id"])["revision"]
    mistake = next(one for one in history if one["command"] == "removeFromLoadBalancerRule")
    assert mistake["actor"] == "shop" and mistake["change"][0]["field"][0]["name"] == "members"
    shop.revertRevision(revision=mistake["revision"])
    assert answers(shop) == good


def test_a_revert_is_refused_with_the_reason_where_later_changes_stand_in_its_way(cloud, shop):
    address = shop.associateIpAddress(zoneid=cloud.zones["basic"])["ipaddress"]
    mark = newest(cloud)
    shop.disassociateIpAddress(id=address["id"])
    other = cloud.account("other")
    taken = other.associateIpAddress(zoneid=cloud.zones["basic"], ipaddress=address["ipaddress"])["ipaddress"]
    before = everything(cloud.admin)
    text = refused(536, shop.revertNetwork, accountid=shop.account_id, revision=mark)
    assert address["ipaddress"] in text and "other" not in text
    assert everything(cloud.admin) == before
    other.disassociateIpAddress(id=taken["id"])
    shop.revertNetwork(accountid=shop.account_id, revision=mark)
    assert address["ipaddress"] in {one["ipaddress"] for one in shop.listPublicIpAddresses()["publicipaddress"]}


def test_nobody_reverts_or_reads_what_is_anothers(cloud, shop):
    stranger = cloud.account("stranger")
    mark = newest(cloud)
    history = shop.listResourceHistory(resourceid=shop.rule["id"])["revision"]
    refused(531, stranger.revertNetwork, accountid=shop.account_id, revision=1)
    for revision in history:
        refused(531, stranger.revertRevision, revision=revision["revision"])
    for revision in (1, 2):
        refused(531, stranger.revertRevision, revision=revision)
    assert stranger.listResourceHistory(resourceid=shop.rule["id"]) == {}
    refused(432, stranger.listRevisions)
    refused(431, shop.revertNetwork, accountid=shop.account_id, revision=mark + 100)
    refused(431, shop.revertRevision, revision=10**9)
    refused(431, shop.revertNetwork, accountid=shop.account_id)
