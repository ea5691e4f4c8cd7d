"""How long after an API call its first packet passes: `latency.py [--count N] [--json FILE]`.

Each run enables a static NAT (a synchronous command), and the moment it returns sends a single datagram to the public
address. A datagram that is lost is not repeated, so each one that is answered shows that the command told the truth.
"""
import argparse
import json
import shutil
import sys
import time

from cloud import Cloud, fetch
from traffic import Echo, ask, inside, percentile

PORT = 7000


def tcp(address, port, _timeout):
    # Less than a second: the kernel does not repeat the first packet of a connection before.
    return fetch(address, port, 0.9) is not None


def udp(address, port, _timeout):
    return ask(address, port) is not None


def measure(cloud, client, machine, count):
    """Enables and disables a static NAT `count` times; datagrams and connections by turns. All times in milliseconds."""
    address = client.associateIpAddress(zoneid=cloud.zones["basic"])["ipaddress"]
    target, identifier = address["ipaddress"], address["id"]
    calls, packets, removals, lost = [], [], [], []
    with Echo(inside(cloud, machine), PORT, machine["name"]):
        for number in range(count):
            start = time.perf_counter()
            client.enableStaticNat(ipaddressid=identifier, virtualmachineid=machine["id"])
            called = time.perf_counter()
            passed = tcp(target, 80, 0.9) if number % 2 else udp(target, PORT, 0.9)
            answered = time.perf_counter()
            calls.append((called - start) * 1000)
            if passed:
                packets.append((answered - start) * 1000)
            else:
                lost.append(number)
            client.disableStaticNat(ipaddressid=identifier)
            removals.append((time.perf_counter() - answered) * 1000)
            if ask(target, PORT, 0.02) is not None:
                lost.append(-number)
    client.disassociateIpAddress(id=identifier)

    def summary(values):
        return {"p50": round(percentile(values, 0.5), 2), "p99": round(percentile(values, 0.99), 2),
                "max": round(max(values), 2)} if values else None

    return {"count": count, "wrong": lost, "call_ms": summary(calls), "call_to_first_packet_ms": summary(packets),
            "disable_job_ms": summary(removals)}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--count", type=int, default=200)
    parser.add_argument("--range", type=int, default=0, help="which of the test ranges to use")
    parser.add_argument("--json", help="write the figures to this file too")
    options = parser.parse_args()
    cloud = Cloud(options.range)
    try:
        cloud.up()
        client = cloud.account()
        machine = cloud.deploy(client, "measured")
        cloud.allow(client)
        cloud.allow(client, PORT, "UDP")
        result = measure(cloud, client, machine, options.count)
        print(json.dumps(result))
        if options.json:
            with open(options.json, "w") as file:
                json.dump(result, file)
        return 1 if result["wrong"] else 0
    finally:
        cloud.purge()
        shutil.rmtree(cloud.state, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
