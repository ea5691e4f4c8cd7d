"""Backups and restores that are killed at random moments leave a whole ledger, and can be repeated."""
import json
import os
import random
import subprocess
import time

import pytest

from cloud import BINARY, sh

ROUNDS = 60 if os.environ.get("DARUMA_FULL") else 8


@pytest.fixture
def seed():
    value = int(os.environ.get("DARUMA_SEED", random.randrange(1 << 30)))
    print(f"\nDARUMA_SEED={value}")
    return random.Random(value)


@pytest.fixture
def state(tmp_path):
    """A state folder with a ledger that was written into for some seconds."""
    folder = tmp_path / "state"
    (folder / "manager").mkdir(parents=True)
    (folder / "cloud.json").write_text('{"port": 1, "publicRange": "192.0.2.0/24", "hostLink": "x", "node": "node-1"}')
    exercise(folder, 1)
    return folder


def exercise(state, seconds):
    process = start(state)
    time.sleep(seconds)
    process.kill()
    process.wait()


def start(state):
    return subprocess.Popen(
        [BINARY, "ledger-exercise", str(state / "manager/ledger.sqlite"), "--keep", "100000", "--window", "50"],
        stdout=subprocess.DEVNULL)


def daruma(*arguments, check=True):
    return sh(BINARY, *map(str, arguments), check=check, timeout=120)


def killed_after(seconds, *arguments):
    process = subprocess.Popen([BINARY, *map(str, arguments)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def stands(state, tmp_path):
    """Epoch and last revision of the ledger in place."""
    target = tmp_path / "look"
    summary = json.loads(daruma("backup", target, "--state", state, "--json").stdout)
    daruma("verify-backup", target, "--scratch", tmp_path)
    target.unlink()
    return summary["epoch"], summary["revision"]


def test_a_killed_backup_leaves_the_writer_alone_and_nothing_half(state, tmp_path, seed):
    writer = start(state)
    try:
        begin = time.monotonic()
        daruma("backup", tmp_path / "whole", "--state", state)
        usual = time.monotonic() - begin
        for number in range(ROUNDS):
            target = tmp_path / f"backup-{number}"
            killed_after(seed.uniform(0, usual * 1.5), "backup", target, "--state", state)
            if target.exists():
                daruma("verify-backup", target, "--scratch", tmp_path)
        assert writer.poll() is None, "the writer goes on"
        daruma("backup", tmp_path / "last", "--state", state)
        daruma("verify-backup", tmp_path / "last", "--scratch", tmp_path)
    finally:
        writer.kill()
        writer.wait()
    # Proves all of it.
    check = sh(BINARY, "ledger-exercise", str(state / "manager/ledger.sqlite"), "--check")
    assert check.stdout.startswith("open"), check.stdout


def test_a_killed_restore_leaves_the_old_ledger_or_the_new_one(state, tmp_path, seed):
    backup = tmp_path / "backup"
    daruma("backup", backup, "--state", state)
    exercise(state, 0.5)
    begin = time.monotonic()
    daruma("restore", backup, "--state", state, "--yes")
    usual = time.monotonic() - begin
    old = stands(state, tmp_path)
    outcomes = set()
    for _ in range(ROUNDS):
        new = (old[0] + 1, json.loads(daruma("verify-backup", backup, "--json", "--scratch", tmp_path).stdout)["revision"] + 1)
        killed_after(seed.uniform(usual * 0.2, usual * 1.2), "restore", backup, "--state", state, "--yes")
        found = stands(state, tmp_path)
        assert found in (old, new), (found, old, new)
        outcomes.add(found == new)
        old = found
    print(f"{ROUNDS} rounds, outcomes {outcomes}")
    daruma("restore", backup, "--state", state, "--yes")
    assert stands(state, tmp_path)[0] == old[0] + 1
    left = [name for name in os.listdir(state / "manager") if "restoring" in name or name.endswith("restored")]
    assert not left
