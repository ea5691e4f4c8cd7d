"""Backup and restore at size: `backup.py [--instances N] [--json FILE]`.

A ledger of N instances (six resources each) is backed up, verified and restored, each by a process of its own.
"""
import argparse
import json
import os
import shutil
import subprocess
import tempfile
import time
from pathlib import Path

DARUMA = str(Path(__file__).parent.parent / ".build/release/daruma")


def run(*arguments):
    """Seconds, and the most memory in MiB."""
    begin = time.monotonic()
    process = subprocess.Popen([DARUMA, *arguments], stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    if status != 0:
        raise SystemExit(f"{' '.join(arguments)}: {status}")
    return time.monotonic() - begin, usage.ru_maxrss / 1024


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--instances", type=int, default=100_000)
    parser.add_argument("--json")
    options = parser.parse_args()
    folder = tempfile.mkdtemp(prefix="daruma-bench-")
    try:
        state, file, key = f"{folder}/state", f"{folder}/backup", f"{folder}/key"
        os.makedirs(f"{state}/manager")
        Path(f"{state}/cloud.json").write_text(
            '{"port": 1, "publicRange": "192.0.2.0/24", "hostLink": "x", "node": "node-1"}')
        Path(key).write_text(os.urandom(32).hex())
        os.chmod(key, 0o600)
        ledger = f"{state}/manager/ledger.sqlite"
        subprocess.run(
            [DARUMA, "ledger-benchmark", ledger, "--phase", "fill", "--instances", str(options.instances)], check=True,
            stdout=subprocess.DEVNULL)
        rows = [{"name": "ledger", "unit": "MiB", "value": os.path.getsize(ledger) / (1 << 20)}]
        for name, arguments in {
            "backup": ["backup", file, "--state", state],
            "backup, encrypted": ["backup", f"{file}-2", "--state", state, "--key-file", key],
            "verify-backup": ["verify-backup", file, "--scratch", folder],
            "restore": ["restore", file, "--state", state, "--yes"],
        }.items():
            seconds, memory = run(*arguments)
            rows.append({"name": name, "unit": "s", "value": seconds})
            rows.append({"name": f"{name}: memory", "unit": "MiB", "value": memory})
        rows.append({"name": "backup: size", "unit": "MiB", "value": os.path.getsize(file) / (1 << 20)})
        for row in rows:
            print(f"{row['name']}: {row['value']:.2f} {row['unit']}")
        if options.json:
            Path(options.json).write_text(json.dumps(rows, indent=2))
    finally:
        shutil.rmtree(folder)


main()
