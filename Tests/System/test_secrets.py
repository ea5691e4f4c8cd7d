"""Secrets lie in the database under a key that is not in it; the key is changed while the cloud runs, and a wrong one is refused."""
import base64
import json
import os
import shutil
import signal
import subprocess

import pytest
from cloud import Cloud, until

USER_DATA = "#!/bin/sh\n# the-secret-of-user-data\n"


@pytest.fixture(scope="module")
def cloud():
    cloud = Cloud()
    try:
        cloud.up()
        cloud.user = cloud.account()
        cloud.machine = cloud.deploy(cloud.user, "keeper", userdata=base64.b64encode(USER_DATA.encode()).decode())
        yield cloud
    finally:
        cloud.purge()


def key_file(cloud):
    return f"{cloud.state}/manager/secrets.key"


def manager_files(cloud):
    """Every file of the manager but the keys, and the logs."""
    for folder in (f"{cloud.state}/manager", f"{cloud.state}/log"):
        for name in os.listdir(folder):
            path = f"{folder}/{name}"
            if os.path.isfile(path) and path != key_file(cloud):
                yield path, open(path, "rb").read()


def expect_sealed(cloud):
    admin, user = cloud.admin_file, cloud.user
    secrets = [user.secret, user.key, admin["secretkey"], admin["apikey"], admin["password"], USER_DATA,
               "the-secret-of-user-data", base64.b64encode(USER_DATA.encode()).decode()]
    secrets += [line.split()[2] for line in open(key_file(cloud)) if line.startswith("key ")]
    found = [(path, secret) for path, data in manager_files(cloud) for secret in secrets if secret.encode() in data]
    assert not found
    results = json.dumps([cloud.admin.listAsyncJobs(listall=True), cloud.admin.listEvents(listall=True)])
    assert not [secret for secret in secrets if secret in results]


def ledger_files(cloud):
    """But for the index of the log, which is made anew by whoever looks."""
    return {path: data for path, data in manager_files(cloud) if "/ledger." in path and not path.endswith("-shm")}


def standing(cloud):
    return json.load(open(f"{cloud.state}/manager/keys.json"))


def end_manager(cloud, number=signal.SIGTERM):
    pid = cloud.process("manager")
    if not os.path.exists(f"/proc/{pid}"):
        return
    os.kill(pid, number)
    until(lambda: not os.path.exists(f"/proc/{pid}"), 20, "the manager ends")


def test_no_secret_is_in_the_database_or_in_a_log(cloud):
    keys = cloud.admin.registerUserKeys(id=cloud.user.listUsers()["user"][0]["id"])["userkeys"]
    account_id = cloud.user.account_id
    cloud.user = cloud.client(keys["apikey"], keys["secretkey"])
    cloud.user.account_id = account_id
    assert os.stat(key_file(cloud)).st_mode & 0o777 == 0o600
    expect_sealed(cloud)
    end_manager(cloud)
    cloud.up()
    assert cloud.user.listVirtualMachines()["virtualmachine"][0]["id"] == cloud.machine["id"]
    expect_sealed(cloud)


def test_the_key_is_changed_while_the_cloud_runs(cloud):
    number = standing(cloud)["sealing"]
    before = open(key_file(cloud)).read()
    answer = cloud.daruma("rotate-key").stdout
    assert f"Every secret is sealed under key {number + 1}." in answer
    assert set(before.splitlines()[1:-1]) < set(open(key_file(cloud)).read().splitlines())
    assert standing(cloud)["sealing"] == number + 1
    assert cloud.user.listVirtualMachines()["virtualmachine"]
    expect_sealed(cloud)


def test_a_manager_that_dies_while_the_key_is_changed_goes_on(cloud):
    for delay in (0, 0.2, 0.5, 1.0):
        number = standing(cloud)["sealing"]
        rotation = subprocess.Popen(
            [cloud.binary, "rotate-key", "--state", cloud.state, "--timeout", "60"], stdout=subprocess.PIPE, text=True)
        try:
            rotation.wait(delay)
        except subprocess.TimeoutExpired:
            pass
        end_manager(cloud, signal.SIGKILL)
        cloud.up()
        assert rotation.wait(60) == 0, rotation.stdout.read()
        until(lambda: standing(cloud)["sealing"] == number + 1, 20, "the new key seals")
        assert cloud.user.listVirtualMachines()["virtualmachine"]
    expect_sealed(cloud)


def foreign(path):
    other = Cloud(index=1)
    try:
        other.up()
        shutil.copy2(key_file(other), path)
    finally:
        other.purge()


TROUBLES = {
    "gone": (os.unlink, "does not have"),
    "another cloud's": (foreign, "needs"),
    "open to others": (lambda path: os.chmod(path, 0o644), "chmod 600"),
    "somebody else's": (lambda path: os.chown(path, 65534, 65534), "chown"),
    "cut short": (lambda path: os.truncate(path, os.path.getsize(path) - 2), "damaged"),
    "empty": (lambda path: os.truncate(path, 0), "damaged"),
    "a folder": (lambda path: (os.unlink(path), os.mkdir(path)), "not a file"),
}


@pytest.mark.parametrize("name", TROUBLES)
def test_a_key_file_that_is_not_right_is_refused(cloud, name):
    path, (spoil, text) = key_file(cloud), TROUBLES[name]
    end_manager(cloud)
    shutil.copy2(path, f"{cloud.state}/right.key")
    before = ledger_files(cloud)
    try:
        spoil(path)
        cloud.daruma("up", check=False)
        status = until(lambda: refused(cloud), 20, f"the refusal is shown\n{cloud.logs()}")
        assert text in status.stdout and path in status.stdout, status.stdout
        assert ledger_files(cloud) == before
        result = cloud.daruma("rotate-key", check=False)
        assert result.returncode != 0 and "refuses to lead" in result.stderr
    finally:
        end_manager(cloud)
        if os.path.isdir(path):
            os.rmdir(path)
        elif os.path.exists(path):
            os.unlink(path)
        shutil.copy2(f"{cloud.state}/right.key", path)
    cloud.up()
    assert cloud.user.listVirtualMachines()["virtualmachine"][0]["id"] == cloud.machine["id"]


def refused(cloud):
    status = cloud.daruma("status", check=False)
    return status if "refuses to lead" in status.stdout else None


def test_the_key_file_is_kept_where_the_operator_wants_it(cloud):
    place = cloud.state + "-bin/elsewhere.key"
    end_manager(cloud)
    os.rename(key_file(cloud), place)
    cloud.up("--secrets-key-file", place)
    assert not os.path.exists(key_file(cloud))
    cloud.daruma("rotate-key")
    end_manager(cloud)
    cloud.up()
    assert cloud.user.listVirtualMachines()["virtualmachine"]
    assert not os.path.exists(key_file(cloud))
    assert cloud.daruma("up", "--secrets-key-file", "relative", check=False).returncode != 0
    end_manager(cloud)
    os.rename(place, key_file(cloud))
    cloud.up("--secrets-key-file", key_file(cloud))
