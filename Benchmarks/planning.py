"""Planning at size: `planning.py [--static-nats N] [--load-balancers N] [--members N] [--json FILE]`.

A zone is compiled into plan objects from its state in memory, on all cores, and one changed static NAT into its difference.
"""
import argparse
import json
import os
import statistics
import subprocess
import sys
from pathlib import Path

DARUMA = str(Path(__file__).parent.parent / ".build/release/daruma")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--static-nats", type=int, default=100_000)
    parser.add_argument("--load-balancers", type=int, default=10_000)
    parser.add_argument("--members", type=int, default=10)
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--json", help="write the figures to this file too")
    options = parser.parse_args()
    load = os.getloadavg()[0]
    output = subprocess.run(
        [DARUMA, "planning-benchmark", "--static-nats", str(options.static_nats), "--load-balancers",
         str(options.load_balancers), "--members", str(options.members), "--repeats", str(options.repeats)],
        check=True, stdout=subprocess.PIPE, text=True).stdout
    rows = []
    for row in map(json.loads, output.splitlines()):
        values = row["values"]
        rows.append({"name": row["name"], "unit": row["unit"], **row["more"], "min": round(min(values), 4),
                     "median": round(statistics.median(values), 4), "max": round(max(values), 4)})
    text = json.dumps({"load_before": round(load, 2), "load_after": round(os.getloadavg()[0], 2), "rows": rows}, indent=2)
    print(text)
    if options.json:
        Path(options.json).write_text(text + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
