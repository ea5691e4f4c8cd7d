"""The drill at full size: `drill.py [--static-nats N] [--load-balancers N] [--members N] [--report FILE] [--json FILE]`.

The cloud is filled at once, as its API takes rules one by one; the drill finds them there, destroys the gateway's rules, probes
from the public side and watches.
"""
import argparse
import json
import os
import sys
import tempfile
import time
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parent.parent / "Tests/System")]

from rebuild.live import Live

# The drill's own port, and what it knows its accounts by.
PORT, ACCOUNT = 7, "drill-filled"


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--static-nats", type=int, default=100_000)
    parser.add_argument("--load-balancers", type=int, default=10_000)
    parser.add_argument("--members", type=int, default=10)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--report", help="draw the last drill to this HTML file")
    parser.add_argument("--bench", help="compare with the figures of this file of `daruma bench rebuild --json`")
    parser.add_argument("--json", help="write the figures to this file too")
    options = parser.parse_args()
    load, drills = os.getloadavg()[0], []
    live = Live(options.static_nats, options.load_balancers, options.members, account=ACCOUNT, port=PORT)
    try:
        begin = time.perf_counter()
        live.fill_at_once()
        print(f"filled after {time.perf_counter() - begin:.0f} s", file=sys.stderr, flush=True)
        with tempfile.TemporaryDirectory() as folder:
            for _ in range(options.repeats):
                drawn = ["--report", options.report] if options.report else []
                compared = ["--bench", options.bench] if options.bench else []
                done = live.cloud.daruma(
                    "drill", "shared-network-loss", "--static-nats", str(options.static_nats), "--load-balancers",
                    str(options.load_balancers), "--members", str(options.members), "--reuse", "--keep", "--json",
                    f"{folder}/drill.json", *drawn, *compared, timeout=600)
                print(done.stdout, file=sys.stderr, flush=True)
                drills.append(json.loads(Path(f"{folder}/drill.json").read_text()))
    finally:
        live.close()
    text = json.dumps({"load_before": round(load, 2), "load_after": round(os.getloadavg()[0], 2), "drills": drills}, indent=2)
    print(text)
    if options.json:
        Path(options.json).write_text(text + "\n")


if __name__ == "__main__":
    main()
