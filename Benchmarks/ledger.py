"""The ledger at size: `ledger.py [--instances N] [--json FILE]`.

A ledger of N instances (with an address, a job, an event and two rules each) is written, opened and measured; its
transactions in turns with those of a small one. What the disk costs by itself is measured in turns with a single caller: one
commit of SQLite with the bytes of such a revision.
"""
import argparse
import json
import mmap
import os
import shutil
import signal
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).parent.parent
DARUMA = str(ROOT / ".build/release/daruma")


class Floor:
    """Single flushed commits of 1,300 bytes by SQLite, into a log that has its size already."""

    def __init__(self, path):
        self.database = sqlite3.connect(path, isolation_level=None)
        for pragma in ("locking_mode = EXCLUSIVE", "journal_mode = WAL", "synchronous = OFF", "wal_autocheckpoint = 4000"):
            self.database.execute(f"PRAGMA {pragma}")
        self.database.execute("CREATE TABLE revision (number INTEGER PRIMARY KEY, content BLOB)")
        for _ in range(4000):
            self._insert()
        self.database.execute("PRAGMA wal_checkpoint(RESTART)")
        self.database.execute("PRAGMA synchronous = FULL")
        os.sync()

    def _insert(self):
        content = os.urandom(1300)
        begin = time.perf_counter()
        self.database.execute("INSERT INTO revision (content) VALUES (?)", (content,))
        return (time.perf_counter() - begin) * 1000

    def turn(self, seconds):
        """The median of the milliseconds."""
        end = time.perf_counter() + seconds
        times = []
        while time.perf_counter() < end:
            times.append(self._insert())
        return statistics.median(times)


def fresh_memory(mebibytes=512):
    """Seconds per GiB to touch memory that no process had lately. A virtual machine that hands free memory back to its host
    (free page reporting) waits for the host with each page, here and in whatever grows."""
    with mmap.mmap(-1, mebibytes << 20) as memory:
        begin = time.perf_counter()
        for place in range(0, len(memory), 4096):
            memory[place] = 1
        return (time.perf_counter() - begin) * 1024 / mebibytes


def run(path, phase, instances, *arguments):
    output = subprocess.run(
        [DARUMA, "ledger-benchmark", path, "--phase", phase, "--instances", str(instances), *arguments], check=True,
        stdout=subprocess.PIPE, text=True).stdout
    return {row["name"]: row for row in map(json.loads, output.splitlines())}


class Writer:
    """A process that writes to a ledger in rounds. Between them it stands still, lest its upkeep take time from another."""

    def __init__(self, path, phase, instances, repeats, *arguments):
        self.process = subprocess.Popen(
            [DARUMA, "ledger-benchmark", path, "--phase", phase, "--instances", str(instances), "--repeats", str(repeats),
             "--in-turns", *arguments], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self._await("ready")

    def _await(self, name):
        for line in self.process.stdout:
            row = json.loads(line)
            if row["name"] == name:
                self.process.send_signal(signal.SIGSTOP)
                return row["values"]
        raise RuntimeError("the benchmark ended")

    def turn(self):
        """Transactions a second of many callers, the median of the milliseconds of one."""
        self.process.send_signal(signal.SIGCONT)
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        return self._await("turn")[0]

    def rest(self):
        """The rows of what it does after its rounds."""
        self.process.send_signal(signal.SIGCONT)
        rows = {row["name"]: row for row in map(json.loads, self.process.stdout)}
        if self.process.wait() != 0:
            raise RuntimeError("the benchmark failed")
        return rows


def killed(path, instances, seconds=20):
    """Seconds to ready after writers were killed in full course, so that the checkpoint is behind and the log is to be replayed."""
    times = []
    for _ in range(3):
        writers = subprocess.Popen(
            [DARUMA, "ledger-benchmark", path, "--phase", "measure", "--instances", str(instances), "--seconds", str(seconds * 2)],
            stdout=subprocess.DEVNULL)
        time.sleep(seconds)
        writers.kill()
        writers.wait()
        times += run(path, "open", instances)["start to ready"]["values"]
    return times


def summary(name, unit, values, factor=1):
    values = [value * factor for value in values]
    return {"name": name, "unit": unit, "min": round(min(values), 4), "median": round(statistics.median(values), 4),
            "max": round(max(values), 4)}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--instances", type=int, default=100_000)
    parser.add_argument("--folder", default="/var/tmp", help="where to write; its disk is what is measured")
    parser.add_argument("--json", help="write the figures to this file too")
    parser.add_argument("--repeats", type=int, default=5)
    options = parser.parse_args()
    folder = tempfile.mkdtemp(prefix="daruma-ledger-", dir=options.folder)
    load, fresh = os.getloadavg()[0], fresh_memory()
    rows = [summary("first touch of fresh memory, before all else", "s/GiB", [fresh])]
    writers = []
    try:
        small = max(1, options.instances // 600)
        run(f"{folder}/small", "fill", small)
        path = f"{folder}/ledger"
        filled = run(path, "fill", options.instances)
        opened = [run(path, "open", options.instances) for _ in range(options.repeats)]
        writers.append(Writer(f"{folder}/small", "write", small, options.repeats))
        writers.append(Writer(path, "measure", options.instances, options.repeats))
        turns = [[writer.turn() for writer in writers] for _ in range(options.repeats)]
        writers[0].rest()
        many = writers[1].rest()
        raw = Floor(f"{folder}/floor")
        turns_alone = options.repeats * 4
        writers.append(Writer(path, "single", options.instances, turns_alone, "--seconds", "1"))
        singles, floors = [], [raw.turn(1)]
        for _ in range(turns_alone):
            singles.append(writers[-1].turn())
            floors.append(raw.turn(1))
        alone = writers[-1].rest()
        after_kill = killed(path, options.instances)
        for name in opened[0]:
            rows.append(summary(name, opened[0][name]["unit"], [value for run in opened for value in run[name]["values"]]))
        rows.append(summary("start to ready, writers killed before", "s", after_kill))
        for row in (*filled.values(), *many.values(), *alone.values()):
            rows.append(summary(row["name"], row["unit"], row["values"]))
        rows.append(summary("a single caller's p50", "ms", singles))
        rows.append(summary("floor: p50 of one flushed commit of SQLite, in turns", "ms", floors))
        rows.append(summary("a single caller's p50 to the floor's before and after", "ratio",
                            [single / ((before + after) / 2) for single, before, after in zip(singles, floors, floors[1:])]))
        name = "transactions of 5 resources, 64 callers"
        rows.append(summary(f"{name}, {small * 6} resources", "1/s", [few for few, _ in turns]))
        rows.append(summary(f"cost of a transaction, {options.instances * 6} resources to {small * 6}, in turns", "ratio",
                            [few / many for few, many in turns]))
    finally:
        for writer in writers:
            writer.process.kill()
        shutil.rmtree(folder, ignore_errors=True)
    text = json.dumps({"instances": options.instances, "load_before": round(load, 2),
                       "load_after": round(os.getloadavg()[0], 2), "rows": rows}, indent=2)
    print(text)
    if options.json:
        Path(options.json).write_text(text + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
