"""A ledger that is lost, damaged, older or another one's is never taken for intent: traffic flows on, and it is said so."""
import os
import shutil
import signal
import sqlite3
import urllib.request

import pytest

from cloud import Cloud, fetch, until


@pytest.fixture(scope="module")
def estate():
    cloud = Cloud()
    try:
        cloud.up()
        client = cloud.account()
        cloud.allow(client)
        cloud.copies = []
        cloud.sites = {}
        for number in range(3):
            machine = cloud.deploy(client, f"web-{number}")
            address = cloud.static_nat(client, machine)
            cloud.sites[address["ipaddress"]] = f"web-{number} {machine['nic'][0]['ipaddress']}\n"
            cloud.copies.append(copy(cloud, f"copy-{number}"))
        cloud.user = client
        yield cloud
    finally:
        cloud.purge()


def ledger(cloud):
    return [f"{cloud.state}/manager/{name}" for name in sorted(os.listdir(f"{cloud.state}/manager")) if name.startswith("ledger.")]


def stop_manager(cloud):
    pid = cloud.process("manager")
    if not os.path.exists(f"/proc/{pid}"):
        return
    os.kill(pid, signal.SIGTERM)
    until(lambda: not os.path.exists(f"/proc/{pid}"), 10, "the manager ends")


def copy(cloud, name):
    """A copy of the ledger as it is now, taken while nobody writes."""
    stop_manager(cloud)
    folder = f"{cloud.state}/{name}"
    os.makedirs(folder)
    for path in ledger(cloud):
        shutil.copy2(path, folder)
    cloud.up()
    return folder


def put(cloud, folder, *names):
    for path in ledger(cloud):
        os.unlink(path)
    for name in names or os.listdir(folder):
        shutil.copy2(f"{folder}/{name}", f"{cloud.state}/manager/{name}")


def answers(cloud):
    return {address: fetch(address) for address in cloud.sites}


def delete_rows(cloud, kind):
    with sqlite3.connect(f"{cloud.state}/manager/ledger.sqlite") as database:
        assert database.execute("DELETE FROM resource WHERE kind = ?", (kind,)).rowcount > 0


def delete_one_row(cloud, kind):
    with sqlite3.connect(f"{cloud.state}/manager/ledger.sqlite") as database:
        database.execute("DELETE FROM resource WHERE kind = ?1 AND id = (SELECT min(id) FROM resource WHERE kind = ?1)", (kind,))


def truncate(cloud, share):
    path = f"{cloud.state}/manager/ledger.sqlite"
    os.truncate(path, int(os.path.getsize(path) * share))


def foreign(cloud):
    other = Cloud(index=1)
    try:
        other.up()
        stop_manager(other)
        for path in ledger(cloud):
            os.unlink(path)
        for path in ledger(other):
            shutil.copy2(path, f"{cloud.state}/manager/")
    finally:
        other.purge()


DAMAGES = {
    "all public addresses deleted": lambda c: delete_rows(c, "publicip"),
    "all instances deleted": lambda c: delete_rows(c, "virtualmachine"),
    "one row deleted": lambda c: delete_one_row(c, "publicip"),
    "all revisions deleted": lambda c: sqlite3.connect(f"{c.state}/manager/ledger.sqlite").executescript("DELETE FROM revision"),
    "truncated to half": lambda c: truncate(c, 0.5),
    "emptied": lambda c: truncate(c, 0),
    "of a later version": lambda c: sqlite3.connect(f"{c.state}/manager/ledger.sqlite").executescript("PRAGMA user_version = 99"),
    "open to others": lambda c: os.chmod(f"{c.state}/manager/ledger.sqlite", 0o644),
    "removed": lambda c: [os.unlink(path) for path in ledger(c)],
    "another cloud's": foreign,
    "older, with its head": lambda c: put(c, c.copies[1]),
    "older, without its head": lambda c: put(c, c.copies[0], "ledger.sqlite"),
}


@pytest.mark.parametrize("name", DAMAGES)
def test_a_ledger_that_does_not_check_out_changes_nothing(estate, name):
    right = f"{estate.state}/right"
    shutil.rmtree(right, ignore_errors=True)
    stop_manager(estate)
    os.makedirs(right)
    for path in ledger(estate):
        shutil.copy2(path, right)
    DAMAGES[name](estate)
    estate.daruma("up", check=False)
    status = until(lambda: refused(estate), 15, f"the refusal is shown after: {name}\n{estate.logs()}")
    print(f"\n{name}: {status.stdout.strip().splitlines()[-1][:160]}")
    assert answers(estate) == estate.sites, "traffic flows on"
    assert any(word in estate.logs() for word in ("refuse", "holds", "held"))
    page = urllib.request.urlopen(estate.admin_file["statusurl"], timeout=5).read().decode()
    assert "<html" in page, "the page stays up"
    # The right ledger heals everything.
    stop_manager(estate)
    put(estate, right)
    estate.up()
    until(lambda: estate.daruma("status", check=False).returncode == 0, 15, "all is verified again")
    assert answers(estate) == estate.sites


def refused(cloud):
    status = cloud.daruma("status", check=False)
    says = any(word in status.stdout for word in ("refuses to lead", "held by", "do not belong together"))
    return status if status.returncode in (1, 3) and says else None


def test_rules_that_vanish_one_by_one_stay(estate):
    """Older and older ledgers: each lacks one more static NAT."""
    right = f"{estate.state}/all"
    stop_manager(estate)
    os.makedirs(right)
    for path in ledger(estate):
        shutil.copy2(path, right)
    for folder in reversed(estate.copies[:-1]):
        put(estate, folder)
        estate.daruma("up", check=False)
        until(lambda: refused(estate), 15, "the refusal is shown")
        assert answers(estate) == estate.sites
        stop_manager(estate)
    put(estate, right)
    estate.up()
    until(lambda: estate.daruma("status", check=False).returncode == 0, 15, "all is verified again")
    assert answers(estate) == estate.sites


def test_a_real_deletion_of_much_by_one_customer_passes(estate):
    client = estate.account()
    estate.allow(client)
    sites = []
    for number in range(30):
        machine = estate.deploy(client, f"mass-{number}")
        sites.append(estate.static_nat(client, machine)["ipaddress"])
    assert all(fetch(address) for address in sites)
    estate.admin.deleteAccount(id=client.account_id)
    assert not any(fetch(address, timeout=0.2) for address in sites[:5])
    assert estate.admin.listHeldRemovals() == {}
    assert answers(estate) == estate.sites


@pytest.mark.parametrize("process", ["manager", "agent"])
def test_a_folder_that_another_process_uses_is_refused(estate, process):
    def files():
        return sorted(os.listdir(estate.state)), sorted(os.listdir(f"{estate.state}/manager"))

    before = files()
    result = estate.daruma(process, check=False)
    assert result.returncode != 0
    assert result.stderr.strip().splitlines() == [f"Error: Another {process} uses {estate.state}, and only one may; `daruma status` shows it"]
    assert files() == before
    assert estate.daruma("status", check=False).returncode == 0
    assert answers(estate) == estate.sites
