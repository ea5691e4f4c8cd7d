"""The status page of a cloud of two managers over one PostgreSQL: it follows whoever leads, and outlives the database."""
import re
import time

import pytest

from cloud import Host, fetch, until
from managers import Managers, wait_for_leader
from status_page import Page
from postgresql import PostgreSQL


@pytest.fixture
def fed(tmp_path):
    before, server = Host(), PostgreSQL()
    cloud = Managers(server.database(), count=2)
    page = Page(tmp_path, cloud)
    try:
        cloud.up("--page", page.url)
        page.start()
        yield cloud, page, server
    finally:
        page.stop()
        cloud.purge()
        server.remove()
    after = Host()
    assert after == before, after.difference(before)


def is_calm(page):
    html = page.html()
    return (page.component("Gateways", "cell-1") == "operational"
            and "has not reported" not in html and "Unknown (last" not in html
            and not any(i["resolved_at"] is None for i in page.incidents()))


def test_the_page_follows_the_leader_and_outlives_the_database(fed):
    cloud, page, server = fed
    until(lambda: is_calm(page), 20, f"the page is fed: {page.html()}\n{cloud.logs()}")
    user = cloud.account()
    cloud.allow(user)
    site = cloud.static_nat(user, cloud.deploy(user, "web"))["ipaddress"]
    until(lambda: fetch(site), 10, "the site answers")

    # Another manager feeds it before it has noticed that the first one is gone.
    leader = cloud.leader()
    cloud.kill(leader)
    began = time.monotonic()
    heard = []
    while time.monotonic() - began < 15:
        heard.append("has not reported" in page.html())
        time.sleep(0.2)
    assert not any(heard), "the page was fed all the time"
    others = [name for name in cloud.names if name != leader]
    assert cloud.leader(others)
    cloud.up()
    assert page.incidents() == []

    server.kill()
    until(lambda: "The cloud has not reported" in page.html(), 30, "it says that nobody tells it anything")
    assert re.search(r"more than 1\d(\.0)? s", page.html())
    assert "Unknown (last: Operational)" in page.html() and "途絶えています" in page.html("ja")
    assert fetch(site), "traffic flows on"
    server.start()
    wait_for_leader(cloud, cloud.names)
    until(lambda: is_calm(page), 40, f"it recovers: {page.html()}\n{cloud.logs()}")
    assert page.incidents() == [], "nobody could notice any of it"
