"""How often the status page is served from its cache: `page.py [--seconds N] [--json FILE]`.

A page process of its own, with an incident under repair on it, is read by wrk over connections that are kept, first as a
browser does that has nothing, then as one that asks whether anything is new. wrk runs on the same processors. The sizes are
those of the page under repair and of the incident's own.
"""
import argparse
import json
import re
import shutil
import subprocess
import tempfile
import threading
import time

from status_page import Page, document, now


def wrk(url, seconds, connections, *headers):
    """Answers per second, and what share of them was not 2xx or 3xx."""
    options = [word for header in headers for word in ("-H", header)]
    text = subprocess.run(
        ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--latency", *options, url], capture_output=True, text=True,
        check=True).stdout
    rate = float(re.search(r"Requests/sec:\s+([\d.]+)", text).group(1))
    p99 = re.search(r"99%\s+([\d.]+)(us|ms|s)", text)
    scale = {"us": 0.001, "ms": 1, "s": 1000}[p99.group(2)]
    total = int(re.search(r"(\d+) requests in", text).group(1))
    bad = re.search(r"Non-2xx or 3xx responses: (\d+)", text)
    errors = re.search(r"Socket errors: (.*)", text)
    return {"per_second": round(rate), "p99_ms": round(float(p99.group(1)) * scale, 2), "requests": total,
            "refused": int(bad.group(1)) if bad else 0, "errors": errors.group(1) if errors else None}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--json", help="write the figures to this file too")
    parser.add_argument("--seconds", type=int, default=10)
    parser.add_argument("--connections", type=int, default=64)
    options = parser.parse_args()
    if not shutil.which("wrk"):
        raise SystemExit("wrk is missing; install it with: sudo apt-get install --no-install-recommends wrk")
    folder = tempfile.mkdtemp(prefix="daruma-page-")
    page = Page(folder).start()
    over = threading.Event()

    def feed():
        lost = now() - 1000
        while not over.is_set():
            page.feed(document(200, lost))
            over.wait(0.5)

    try:
        feeder = threading.Thread(target=feed)
        feeder.start()
        while not page.incidents():
            time.sleep(0.05)
        rows = {}
        _, headers, html = page.request("/status?lang=ja")
        incident = page.incidents()[0]["id"]
        sizes = {
            "page_ja": len(html.encode()), "page_en": len(page.html("en").encode()),
            "incident_ja": len(page.html("ja", f"/status/incidents/{incident}").encode()),
            "summary_json": len(page.get("/api/v2/summary.json").encode())}
        for name, path in (("page", "/status?lang=ja"), ("summary.json", "/api/v2/summary.json")):
            rows[name] = wrk(page.url + path, options.seconds, options.connections)
        over.set()
        feeder.join()
        tag = page.request("/status?lang=ja")[1]["ETag"]
        rows["page, not modified"] = wrk(
            page.url + "/status?lang=ja", options.seconds, options.connections, f"If-None-Match: {tag}")
        text = json.dumps({"connections": options.connections, "bytes": sizes, "rows": rows}, indent=2)
        print(text)
        if options.json:
            with open(options.json, "w") as file:
                file.write(text + "\n")
    finally:
        over.set()
        page.stop()
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
