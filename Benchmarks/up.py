"""Time of `up` for a new cloud and for one that was stopped, and the memory of the idle daemons: `up.py [--json FILE]`."""
import argparse
import json
import shutil
import statistics
import time

from cloud import Cloud


def resident(pid):
    with open(f"/proc/{pid}/status") as status:
        return next(int(line.split()[1]) / 1024 for line in status if line.startswith("VmRSS"))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--json", help="write the figures to this file too")
    parser.add_argument("--runs", type=int, default=5)
    options = parser.parse_args()
    cold, warm, memory = [], [], {"manager": [], "agent": []}
    for _ in range(options.runs):
        cloud = Cloud()
        try:
            begin = time.monotonic()
            cloud.up()
            cold.append(time.monotonic() - begin)
            cloud.down()
            begin = time.monotonic()
            cloud.up()
            warm.append(time.monotonic() - begin)
            for name, values in memory.items():
                values.append(resident(cloud.process(name)))
        finally:
            cloud.purge()
            shutil.rmtree(cloud.state, ignore_errors=True)

    def row(name, unit, values):
        return {
            "name": name, "unit": unit, "min": round(min(values), 3), "median": round(statistics.median(values), 3),
            "max": round(max(values), 3)}

    rows = [
        row("up, new cloud", "s", cold), row("up after down", "s", warm),
        row("manager, idle", "MiB", memory["manager"]), row("agent, idle", "MiB", memory["agent"])]
    text = json.dumps({"runs": options.runs, "rows": rows}, indent=2)
    print(text)
    if options.json:
        with open(options.json, "w") as file:
            file.write(text + "\n")


if __name__ == "__main__":
    main()
