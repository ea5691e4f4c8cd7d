"""The ledger loses nothing: killed at random moments, and on disks that are full or fail."""
import os
import random
import select
import subprocess
import tempfile
import time
from pathlib import Path

import pytest

from postgresql import PostgreSQL

DARUMA = str(Path(__file__).parents[2] / ".build/release/daruma")
ROUNDS = 500 if os.environ.get("DARUMA_FULL") else 40
CALLERS = 4


class Exercise:
    """A process that writes into the ledger; `acknowledged` is each caller's highest number that it was told of."""

    def __init__(self, path, *arguments, env=None):
        self.process = subprocess.Popen(
            [DARUMA, "ledger-exercise", path, "--callers", str(CALLERS), *arguments], stdout=subprocess.PIPE,
            env={**os.environ, **(env or {})})
        self.pending = b""
        self.lines, self.refusals = [], []
        self.acknowledged = [0] * CALLERS
        self.opened = None

    def take(self, data):
        *lines, self.pending = (self.pending + data).split(b"\n")
        for line in lines:
            word, *rest = line.decode().split(" ")
            assert word not in ("wrong", "wrong:", "unopened"), line
            if word == "ack":
                self.acknowledged[int(rest[0])] = int(rest[1])
            elif word == "open":
                self.opened = [int(number) for number in rest]
                # What it acknowledges comes after that, perhaps in the same read.
                self.acknowledged = self.opened[1:]
            elif word == "refused":
                self.refusals.append(rest[0])
            self.lines.append(word)

    def listen(self, seconds, until=lambda: False):
        """Reads for some time, or until something is so; whether it became so."""
        end = time.monotonic() + seconds
        while not until() and (left := end - time.monotonic()) > 0:
            if select.select([self.process.stdout], [], [], left)[0]:
                data = os.read(self.process.stdout.fileno(), 1 << 16)
                if not data:
                    break
                self.take(data)
        return until()

    def kill(self):
        self.process.kill()
        self.process.wait()
        while data := os.read(self.process.stdout.fileno(), 1 << 16):
            self.take(data)
        self.process.stdout.close()


def holds(opened, acknowledged):
    """Everything acknowledged, and of each caller at most the one step that it had not been told of."""
    numbers = opened[1:]
    return all(told <= found <= told + 1 for told, found in zip(acknowledged, numbers))


def reopened(path, acknowledged, *arguments):
    check = Exercise(path, "--check", *arguments)
    assert check.listen(20, lambda: "closed" in check.lines)
    check.kill()
    assert holds(check.opened, acknowledged), (check.opened, acknowledged)
    return check.opened


def test_killed_at_random_moments():
    seed = int(os.environ.get("DARUMA_SEED", random.randrange(1 << 30)))
    print(f"seed {seed}, {ROUNDS} rounds")
    chance = random.Random(seed)
    acknowledged, steps = [0] * CALLERS, 0
    with tempfile.TemporaryDirectory() as folder:
        path = f"{folder}/ledger"
        for _ in range(ROUNDS):
            window, keep = chance.choice([1, 20, 300]), chance.choice([50, 1000])
            exercise = Exercise(path, "--window", str(window), "--keep", str(keep))
            assert exercise.listen(20, lambda: exercise.opened is not None)
            assert holds(exercise.opened, acknowledged), (seed, exercise.opened, acknowledged)
            exercise.listen(chance.choice([0.02, 0.3]) * chance.random())
            exercise.kill()
            steps += sum(exercise.acknowledged) - sum(acknowledged)
            acknowledged = exercise.acknowledged
        opened = reopened(path, acknowledged)
    print(f"{steps} steps, {opened[0]} revisions")
    assert steps > ROUNDS


def test_killed_at_random_moments_over_postgresql_with_its_server():
    seed = int(os.environ.get("DARUMA_SEED", random.randrange(1 << 30)))
    rounds = 500 if os.environ.get("DARUMA_FULL") else 12
    print(f"seed {seed}, {rounds} rounds")
    chance = random.Random(seed)
    acknowledged, steps, kills = [0] * CALLERS, 0, {"process": 0, "server": 0, "both": 0}
    server = PostgreSQL()
    try:
        path = server.database()
        exercise = None
        for number in range(rounds):
            if exercise is None:
                if number:
                    # Nobody has to wait for the end of a dead process's lease.
                    server.sql("UPDATE daruma.lease SET expiry = '-infinity'", "cloud1")
                window, keep = chance.choice([1, 20, 300]), chance.choice([50, 1000])
                exercise = Exercise(path, "--postgresql", "--window", str(window), "--keep", str(keep))
                assert exercise.listen(30, lambda: exercise.opened is not None), exercise.lines
                assert holds(exercise.opened, acknowledged), (seed, exercise.opened, acknowledged)
            victim = chance.choice(list(kills))
            kills[victim] += 1
            exercise.listen(chance.choice([0.02, 0.3]) * chance.random())
            if victim != "process":
                server.kill()
                if chance.random() < 0.5:
                    exercise.listen(chance.random() * 0.2)
            if victim == "server":
                server.start()
                count, known = sum(exercise.acknowledged), len(exercise.refusals)
                # It goes on over a new connection, or it fails if it can know no more what the server has.
                assert exercise.listen(
                    30, lambda: sum(exercise.acknowledged) > count + 8 or len(exercise.refusals) > known + 8)
                if len(exercise.refusals) == known:
                    continue
                assert set(exercise.refusals) <= {"failed", "fenced"}, exercise.refusals
            exercise.kill()
            if victim == "both":
                server.start()
            steps += sum(exercise.acknowledged) - sum(acknowledged)
            acknowledged, exercise = exercise.acknowledged, None
        if exercise:
            exercise.kill()
            steps += sum(exercise.acknowledged) - sum(acknowledged)
            acknowledged = exercise.acknowledged
        server.sql("UPDATE daruma.lease SET expiry = '-infinity'", "cloud1")
        opened = reopened(path, acknowledged, "--postgresql")
    finally:
        server.remove()
    print(f"{kills}, {steps} steps, {opened[0]} revisions")
    assert steps > rounds


@pytest.fixture(scope="module")
def faults(tmp_path_factory):
    library = tmp_path_factory.mktemp("faults") / "disk_faults.so"
    source = Path(__file__).parent / "disk_faults.c"
    subprocess.run(["gcc", "-shared", "-fPIC", "-O1", "-o", library, source, "-ldl"], check=True)
    return library


class Disk:
    """The switch of disk_faults.c."""

    def __init__(self, folder, library):
        self.control = Path(folder) / "control"
        self.set("0")
        self.env = {"LD_PRELOAD": str(library), "DISK_FAULTS": str(self.control)}

    def set(self, fault):
        with open(self.control, "r+b" if self.control.exists() else "wb") as file:
            file.write(fault.encode())

    @property
    def fault(self):
        return self.control.read_text()


@pytest.mark.parametrize("fault", ["n", "h"])
def test_a_full_disk_refuses_writes_until_there_is_room(faults, tmp_path, fault):
    path, disk = f"{tmp_path}/ledger", Disk(tmp_path, faults)
    exercise = Exercise(path, env=disk.env)
    for _ in range(5):
        count = sum(exercise.acknowledged)
        assert exercise.listen(20, lambda: sum(exercise.acknowledged) > count + 50)
        disk.set(fault)
        known = len(exercise.refusals)
        assert exercise.listen(20, lambda: len(exercise.refusals) > known + 8)
        # What had been written before the disk was full may still have to be read.
        exercise.listen(0.1)
        count = sum(exercise.acknowledged)
        exercise.listen(0.2)
        assert sum(exercise.acknowledged) == count
        disk.set("0")
    count = sum(exercise.acknowledged)
    assert exercise.listen(20, lambda: sum(exercise.acknowledged) > count + 50)
    assert set(exercise.refusals) == {"diskFull"}
    assert "still" in exercise.lines
    exercise.kill()
    reopened(path, exercise.acknowledged)


@pytest.mark.parametrize("fault", ["e", "s", "f", "1"])
def test_a_failing_disk_ends_the_writing(faults, tmp_path, fault):
    path, disk = f"{tmp_path}/ledger", Disk(tmp_path, faults)
    acknowledged = [0] * CALLERS
    for _ in range(5):
        exercise = Exercise(path, env=disk.env)
        assert exercise.listen(20, lambda: exercise.opened is not None)
        assert holds(exercise.opened, acknowledged), (exercise.opened, acknowledged)
        count = sum(exercise.acknowledged)
        assert exercise.listen(20, lambda: sum(exercise.acknowledged) > count + 50)
        disk.set(fault)
        assert exercise.listen(20, lambda: len(exercise.refusals) > 8)
        # The disk is well again, but what it did with the failed write is not known.
        disk.set("0")
        exercise.listen(0.1)
        count = sum(exercise.acknowledged)
        exercise.listen(0.3)
        assert sum(exercise.acknowledged) == count
        assert set(exercise.refusals) == {"failed"}
        assert "still" in exercise.lines
        exercise.kill()
        acknowledged = exercise.acknowledged
    reopened(path, acknowledged)
