"""A cloud is backed up, archived, changed and brought back; its nodes follow, and nothing else makes them."""
import json
import os
import random
import shutil
import signal
import subprocess
import threading
import time

import pytest

from cloud import Cloud, fetch, free_port, sh, until


@pytest.fixture(scope="module")
def cloud():
    cloud = Cloud()
    os.makedirs(cloud.state + "-keys")
    try:
        # No backup has it, so it is not where the ledger is.
        cloud.up("--secrets-key-file", secrets_key(cloud))
        yield cloud
    finally:
        cloud.purge()
        shutil.rmtree(cloud.state + "-keys", ignore_errors=True)
        shutil.rmtree(cloud.state + "-archive", ignore_errors=True)
        shutil.rmtree(cloud.state + "-files", ignore_errors=True)


@pytest.fixture(scope="module")
def files(cloud):
    os.makedirs(cloud.state + "-files", exist_ok=True)
    return cloud.state + "-files"


def secrets_key(cloud):
    return cloud.state + "-keys/secrets.key"


def stop_manager(cloud, how=signal.SIGTERM):
    pid = cloud.process("manager")
    os.kill(pid, how)
    until(lambda: not os.path.exists(f"/proc/{pid}"), 20, "the manager ends")


def site(cloud, client, name):
    """The public address of a new instance, and what it answers."""
    machine = cloud.deploy(client, name)
    address = cloud.static_nat(client, machine)
    answer = f"{name} {machine['nic'][0]['ipaddress']}\n"
    assert fetch(address["ipaddress"]) == answer
    return address, answer


def test_nodes_follow_a_restore(cloud, files):
    client = cloud.account()
    cloud.allow(client)
    kept = [site(cloud, client, f"kept-{number}") for number in range(3)]
    summary = json.loads(cloud.daruma("backup", f"{files}/first.backup", "--json").stdout)
    assert os.stat(f"{files}/first.backup").st_mode & 0o777 == 0o600
    client.disableStaticNat(ipaddressid=kept[0][0]["id"])
    # So many rules of several accounts that the guard would ask, were they not removed by a restore.
    new = []
    for number in range(2):
        other = cloud.account()
        cloud.allow(other)
        new += [site(cloud, other, f"new-{number}-{index}")[0]["ipaddress"] for index in range(12)]
    refused = cloud.daruma("restore", f"{files}/first.backup", "--yes", check=False)
    assert refused.returncode != 0 and "--stop-manager" in refused.stderr
    preview = json.loads(cloud.daruma("restore", f"{files}/first.backup", "--dry-run", "--json").stdout)
    assert preview["last"] == summary["revision"] and preview["givenUp"] > 24
    assert preview["resources"]["virtualmachine"]["removed"] == 24
    assert sum(rule["count"]["removed"] for rule in preview["rules"]) > 24
    assert preview["rules"] == preview["node"], "the node has what the ledger says"
    assert fetch(kept[0][0]["ipaddress"], timeout=0.2) is None and fetch(new[0]), "a dry run changes nothing"
    cloud.daruma("restore", f"{files}/first.backup", "--yes", "--stop-manager")
    assert all(fetch(address["ipaddress"]) == answer for address, answer in kept[1:]), "traffic flows on"
    cloud.up()
    assert cloud.admin.listHeldRemovals() == {}
    until(lambda: cloud.daruma("status", check=False).returncode == 0, 20, "all is verified")
    assert all(fetch(address["ipaddress"]) == answer for address, answer in kept)
    assert not any(fetch(address, timeout=0.2) for address in new)
    # A later start finds nothing that it should attribute again, and the cloud goes on.
    stop_manager(cloud)
    cloud.up()
    assert cloud.admin.listHeldRemovals() == {}
    address, answer = site(cloud, client, "after")
    assert all(fetch(a["ipaddress"]) == text for a, text in kept + [(address, answer)])
    revisions = cloud.admin.listRevisions(revision=summary["revision"] + 1)["revision"]
    assert revisions[0]["command"] == "restore"


def test_the_ledger_of_before_a_restore_is_still_refused(cloud):
    aside = [name for name in os.listdir(cloud.state + "/manager") if "before-restore" in name]
    assert len(aside) == 1
    right, folder = cloud.state + "/right", f"{cloud.state}/manager"
    stop_manager(cloud)
    os.makedirs(right)
    names = [name for name in os.listdir(folder) if name.startswith("ledger.sqlite") and "before" not in name]
    for name in names:
        shutil.move(f"{folder}/{name}", right)
    for name in os.listdir(f"{folder}/{aside[0]}"):
        shutil.copy2(f"{folder}/{aside[0]}/{name}", folder)
    cloud.daruma("up", check=False)
    until(lambda: "do not belong together" in cloud.daruma("status", check=False).stdout
          or "refuses" in cloud.daruma("status", check=False).stdout, 20, "it is refused")
    stop_manager(cloud)
    for name in names:
        shutil.copy2(f"{right}/{name}", folder)
    cloud.up()
    until(lambda: cloud.daruma("status", check=False).returncode == 0, 20, "all is verified")


def test_a_moment_between_two_changes_comes_back(cloud, files):
    client = cloud.account()
    cloud.allow(client)
    first, answer = site(cloud, client, "moment")
    time.sleep(1.1)
    moment = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    time.sleep(1.1)
    client.disableStaticNat(ipaddressid=first["id"])
    cloud.daruma("backup", f"{files}/moment.backup", "--key-file", key(files))
    cloud.daruma("restore", f"{files}/moment.backup", "--at", moment, "--yes", "--stop-manager", "--key-file", key(files))
    cloud.up()
    until(lambda: cloud.daruma("status", check=False).returncode == 0, 20, "all is verified")
    assert fetch(first["ipaddress"]) == answer
    assert cloud.admin.listHeldRemovals() == {}


def key(files):
    path = f"{files}/key"
    if not os.path.exists(path):
        with open(os.open(path, os.O_WRONLY | os.O_CREAT, 0o600), "w") as file:
            file.write(random.randbytes(32).hex() + "\n")
    return path


class Calls:
    """Callers that make security groups until the manager dies, and when each was acknowledged."""

    def __init__(self, cloud, callers=4):
        self.acknowledged = {}
        self.is_over = False
        self.account = cloud.account()
        self.threads = [threading.Thread(target=self.call, args=(cloud, caller)) for caller in range(callers)]
        for thread in self.threads:
            thread.start()

    def call(self, cloud, caller):
        client = cloud.client(self.account.key, self.account.secret)
        number = 0
        while not self.is_over:
            try:
                client.createSecurityGroup(name=f"g-{caller}-{number}")
            except Exception:
                time.sleep(0.05)
                continue
            self.acknowledged[f"g-{caller}-{number}"] = time.monotonic()
            number += 1

    def stop(self):
        self.is_over = True
        for thread in self.threads:
            thread.join()


def groups(cloud, calls):
    client = cloud.client(calls.account.key, calls.account.secret)
    return {group["name"] for group in client.listSecurityGroups(pagesize=500, page=1).get("securitygroup", [])} | {
        group["name"] for page in range(2, 40)
        for group in client.listSecurityGroups(pagesize=500, page=page).get("securitygroup", [])}


def test_what_an_archive_has_when_the_manager_and_its_folder_are_lost(cloud, files):
    archive = cloud.state + "-archive"
    cloud.up("--archive", archive, "--archive-key-file", key(files))
    until(lambda: archived(cloud), 20, "the archive has a base and is caught up")
    for _ in range(2):
        calls = Calls(cloud)
        time.sleep(random.uniform(1.5, 3))
        killed = time.monotonic()
        stop_manager(cloud, signal.SIGKILL)
        shutil.rmtree(cloud.state + "/manager")
        calls.stop()
        verified = json.loads(cloud.daruma("verify-backup", archive, "--json", "--key-file", key(files)).stdout)
        cloud.daruma("restore", archive, "--yes", "--key-file", key(files))
        cloud.up()
        assert cloud.admin.listHeldRemovals() == {}
        until(lambda: cloud.daruma("status", check=False).returncode == 0, 20, "all is verified")
        found = groups(cloud, calls)
        lost = {name: killed - at for name, at in calls.acknowledged.items() if name not in found}
        print(f"\n{len(calls.acknowledged)} acknowledged, {len(lost)} lost, the oldest of them "
              f"{max(lost.values(), default=0):.3f} s before the end; revision {verified['revision']}")
        assert len(calls.acknowledged) > 50
        assert all(age < 1 for age in lost.values())
        until(lambda: archived(cloud), 20, "the archive goes on in the new epoch")


def archived(cloud):
    state = json.loads(cloud.daruma("status", "--json", check=False).stdout)["archive"]
    return state and state["base"] is not None and state["archived"] == state["last"] and not state["trouble"]


def test_an_archive_that_is_gone_is_shown_and_caught_up(cloud):
    archive = cloud.state + "-archive"
    os.rename(archive, archive + "-away")
    cloud.account()
    shown = until(lambda: "behind" in cloud.daruma("status", check=False).stdout, 20, "it is shown")
    assert shown
    os.rename(archive + "-away", archive)
    until(lambda: archived(cloud), 20, "it is caught up")
    assert "the archive waits" in open(cloud.state + "/log/manager.log").read()


def test_a_machine_that_is_lost_comes_back_from_its_archive(cloud, files):
    client = cloud.account()
    cloud.allow(client)
    address, answer = site(cloud, client, "survivor")
    until(lambda: archived(cloud), 20, "the archive is caught up")
    keys = (client.key, client.secret)
    cloud.daruma("down", "--purge")
    cloud.port = free_port()
    restore = ["restore", cloud.state + "-archive", "--yes", "--key-file", key(files), "--port", str(cloud.port)]
    refused = cloud.daruma(*restore, check=False)
    assert refused.returncode != 0 and "name the file that has it" in refused.stderr, "secrets need their key"
    assert not os.path.exists(cloud.state + "/manager/ledger.sqlite")
    cloud.daruma(*restore, "--secrets-key-file", secrets_key(cloud))
    cloud.up()
    until(lambda: cloud.daruma("status", check=False).returncode == 0, 30, "all is verified")
    until(lambda: fetch(address["ipaddress"]) == answer, 20, "the instance runs again")
    assert cloud.client(*keys).listVirtualMachines()["virtualmachine"][0]["name"] == "survivor"


BAD = {
    "no such file": (["restore", "{files}/none", "--dry-run"], "none"),
    "a folder that is no archive": (["restore", "{files}", "--dry-run"], "no archive"),
    "an empty file": (["restore", "{files}/empty", "--dry-run"], "is empty"),
    "another file": (["restore", "{state}/admin.json", "--dry-run"], "not a backup"),
    "of the future": (["restore", "{files}/future", "--dry-run"], "format 9"),
    "cut short": (["restore", "{files}/short", "--dry-run"], "cut short"),
    "without its key": (["restore", "{files}/locked", "--dry-run"], "--key-file"),
    "with another key": (["restore", "{files}/locked", "--dry-run", "--key-file", "{files}/wrong"], "right one"),
    "a key that is open to others": (["restore", "{files}/locked", "--dry-run", "--key-file", "{files}/open"], "chmod"),
    "both kinds of secret": (
        ["restore", "{files}/plain", "--dry-run", "--key-file", "{files}/key", "--passphrase-file", "{files}/key"], "both"),
    "without the keys of secrets": (
        ["restore", "{files}/plain", "--dry-run", "--secrets-key-file", "{files}/none"], "does not exist"),
    "not a moment": (["restore", "{files}/plain", "--dry-run", "--at", "yesterday"], "--at must be"),
    "after the end": (["restore", "{files}/plain", "--dry-run", "--at", "99999999"], "ends at revision"),
    "in the future": (["restore", "{files}/plain", "--dry-run", "--at", "2999-01-01T00:00:00Z"], "in the future"),
    "before the beginning": (["restore", "{files}/plain", "--dry-run", "--at", "1999-01-01T00:00:00Z"], "before all"),
    "another cloud's": (["restore", "{files}/foreign", "--dry-run"], "is of ledger"),
    "the manager runs": (["restore", "{files}/plain", "--yes"], "--stop-manager"),
    "nobody to ask": (["restore", "{files}/plain"], "--yes"),
    "a backup into nowhere": (["backup", "{files}/none/backup"], "cannot be written"),
    "a backup of nothing": (["backup", "{files}/x"], "no ledger"),
    "an archive among other files": (["up", "--archive", "{files}"], "other files"),
}


@pytest.fixture(scope="module")
def bad_files(cloud, files):
    cloud.daruma("backup", f"{files}/plain")
    cloud.daruma("backup", f"{files}/locked", "--key-file", key(files))
    content = open(f"{files}/plain", "rb").read()
    for name, data in {"empty": b"", "future": content[:11] + b"\x09" + content[12:], "short": content[:-50]}.items():
        open(f"{files}/{name}", "wb").write(data)
    for name, mode in {"wrong": 0o600, "open": 0o644}.items():
        open(f"{files}/{name}", "w").write(random.randbytes(32).hex())
        os.chmod(f"{files}/{name}", mode)
    other = Cloud(index=1)
    try:
        other.up()
        other.daruma("backup", f"{files}/foreign")
    finally:
        other.purge()
    return files


@pytest.mark.parametrize("name", BAD)
def test_bad_input_changes_nothing(cloud, bad_files, name):
    arguments, text = BAD[name]
    state = cloud.state if name != "a backup of nothing" else cloud.state + "-files"
    arguments = [argument.format(files=bad_files, state=cloud.state) for argument in arguments]
    before = sorted(os.listdir(cloud.state + "/manager"))
    result = subprocess.run(
        [cloud.binary, *arguments, "--state", state], capture_output=True, text=True, timeout=120, stdin=subprocess.DEVNULL)
    assert result.returncode != 0 and text in result.stderr, result.stdout + result.stderr
    assert len(result.stderr.strip().splitlines()) <= 3, result.stderr
    assert sorted(os.listdir(cloud.state + "/manager")) == before
    assert cloud.daruma("status", check=False).returncode == 0
