"""The ledger in PostgreSQL: `ledger-postgresql.py [--instances N] [--json FILE]`.

A server of its own, as Debian's package makes it, on a Unix socket in a folder on the disk that is measured, fsync on.
"""
import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

DARUMA = str(Path(__file__).parent.parent / ".build/release/daruma")
PROGRAMS = "/usr/lib/postgresql/15/bin"


def as_postgres(*command, **options):
    # initdb and the server refuse to run as root.
    user = ["setpriv", "--reuid=postgres", "--regid=postgres", "--init-groups"] if os.geteuid() == 0 else []
    return subprocess.run([*user, *command], check=True, cwd="/", stdout=subprocess.DEVNULL, **options)


def run(conninfo, phase, instances, *arguments):
    output = subprocess.run(
        [DARUMA, "ledger-benchmark", "--postgresql", conninfo, "--phase", phase, "--instances", str(instances), *arguments],
        check=True, stdout=subprocess.PIPE, text=True).stdout
    return [json.loads(line) for line in output.splitlines()]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--instances", type=int, default=1000)
    parser.add_argument("--folder", default="/var/tmp", help="where to write; its disk is what is measured")
    parser.add_argument("--json", help="write the figures to this file too")
    parser.add_argument("--repeats", type=int, default=5)
    options = parser.parse_args()
    folder = tempfile.mkdtemp(prefix="daruma-pg-", dir=options.folder)
    load = os.getloadavg()[0]
    try:
        if os.geteuid() == 0:
            shutil.chown(folder, "postgres")
        data = f"{folder}/data"
        as_postgres(f"{PROGRAMS}/initdb", "-D", data, "-A", "trust", "-U", "postgres", "-E", "UTF8", "--locale", "C")
        server = [f"{PROGRAMS}/pg_ctl", "-D", data, "-w"]
        as_postgres(*server, "-l", f"{folder}/log", "-o", f"-c listen_addresses= -c unix_socket_directories={folder}", "start")
        try:
            conninfo = f"host={folder} user=postgres dbname=postgres"
            rows = run(conninfo, "fill", options.instances)
            for phase in ("open", "measure"):
                rows += run(conninfo, phase, options.instances, "--repeats", str(options.repeats))
        finally:
            as_postgres(*server, "-m", "fast", "stop")
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    for row in rows:
        values = row.pop("values")
        row |= {"min": min(values), "median": round(statistics.median(values), 4), "max": max(values)}
    text = json.dumps({"instances": options.instances, "load_before": round(load, 2),
                       "load_after": round(os.getloadavg()[0], 2), "rows": rows}, indent=2)
    print(text)
    if options.json:
        Path(options.json).write_text(text + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
