"""Global settings, changed while the cloud runs: they are followed at once, checked, and remembered."""
import pytest
from cs import CloudStackApiException

from cloud import Cloud, Host, until
from test_client_login import Browser
from wire import refused


@pytest.fixture(scope="module")
def cloud():
    before = Host()
    cloud = Cloud(index=1)
    try:
        yield cloud.up()
    finally:
        cloud.purge()
    after = Host()
    assert after == before, after.difference(before)


@pytest.fixture
def settings(cloud):
    """Sets settings for one test."""
    changed = []

    def set(name, value):
        changed.append(name)
        told = cloud.admin.updateConfiguration(name=name, value=value)["configuration"]
        assert (told["name"], told["value"]) == (name, str(value))

    yield set
    for name in changed:
        told = cloud.admin.resetConfiguration(name=name)["configuration"]
        assert told["value"] == told["defaultvalue"]


def values(cloud):
    return {row["name"]: row["value"] for row in cloud.admin.listConfigurations()["configuration"]}


def test_every_setting_tells_its_type_and_takes_no_other(cloud):
    before = values(cloud)
    rows = cloud.admin.listConfigurations()["configuration"]
    assert len(rows) == len(before) >= 40
    for row in rows:
        assert row["isdynamic"] is True and row["description"] and row["group"], row
        wrong = {"Number": ["x", "", "1.5", "true", "9" * 30, "-2"], "Boolean": ["maybe", "", "1"]}[row["type"]]
        for value in wrong:
            text = refused(431, cloud.admin.updateConfiguration, name=row["name"], value=value)
            assert row["name"] in text and ("number" in text or "true or false" in text), text
    refused(431, cloud.admin.updateConfiguration, name="no.such.setting", value="1")
    assert values(cloud) == before, "what was refused changed nothing"


def test_an_instance_is_expunged_when_the_new_delay_is_over(cloud, settings):
    settings("expunge.delay", 1)
    client = cloud.account()
    machine = cloud.deploy(client, "web")
    client.destroyVirtualMachine(id=machine["id"])
    until(
        lambda: "virtualmachine" not in cloud.admin.listVirtualMachines(keyword="web", listall=True), 15,
        "the instance is expunged")


def test_the_size_of_pages_is_followed(cloud, settings):
    settings("default.page.size", 2)
    assert len(cloud.admin.listConfigurations()["configuration"]) == 2
    refused(431, cloud.admin.listConfigurations, page=1, pagesize=3)
    settings("default.ui.page.size", 11)
    assert cloud.admin.listCapabilities()["capability"]["defaultuipagesize"] == 11


def test_calls_are_limited_from_the_next_one_on(cloud, settings):
    client = cloud.account()
    client.listZones()
    settings("api.throttling.interval", 3600)
    settings("api.throttling.max", 3)
    settings("api.throttling.enabled", "true")
    with pytest.raises(CloudStackApiException) as caught:
        for _ in range(5):
            client.listZones()
    assert caught.value.error["errorcode"] == 429
    assert cloud.admin.listZones()["count"] == 2, "administrators are not limited"
    cloud.admin.updateConfiguration(name="api.throttling.enabled", value="false")
    assert client.listZones()["count"] == 2


def test_wrong_passwords_lock_after_as_many_as_is_set(cloud, settings):
    settings("incorrect.login.attempts.allowed", 2)
    client = cloud.account()
    for _ in range(2):
        assert Browser(cloud).login(client.account_name, "wrong")[0] == 531
    status, answer = Browser(cloud).login(client.account_name, "secret")
    assert status == 531 and "wait" in answer["loginresponse"]["errortext"]


def test_limits_of_accounts_follow(cloud, settings):
    settings("max.account.user.vms", 1)
    client = cloud.account()
    cloud.deploy(client, "web")
    refused(535, cloud.deploy, client, "second")
    settings("max.account.user.vms", 2)
    cloud.deploy(client, "second")


def test_a_change_is_an_event_and_outlives_a_restart(cloud, settings):
    settings("project.invite.timeout", 4321)
    events = cloud.admin.listEvents(type="CONFIGURATION.VALUE.EDIT")["event"]
    assert "project.invite.timeout" in events[0]["description"] and "4321" in events[0]["description"]
    cloud.down()
    cloud.daruma("up")
    assert values(cloud)["project.invite.timeout"] == "4321"
    client = cloud.account()
    with pytest.raises(CloudStackApiException):
        client.updateConfiguration(name="project.invite.timeout", value=1)
    assert values(cloud)["project.invite.timeout"] == "4321"
