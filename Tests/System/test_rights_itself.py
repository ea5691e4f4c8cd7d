"""Knocked over by hand, the network stands up again without a command."""
import os
import time

import pytest

from cloud import Cloud, Host, sh, until
from damage import Site, check_host, destroy, exists, kill, living_routers, processes, ruleset


@pytest.fixture(scope="module")
def site():
    before = Host()
    cloud = Cloud(index=int(os.environ.get("DARUMA_RANGE", "0")))
    site = None
    try:
        cloud.up()
        site = Site(cloud)
        yield site
    finally:
        if site:
            site.stop()
        cloud.purge()
    check_host(cloud, before)


def rulesets(cloud):
    """The rules of all namespaces of the network."""
    folder = cloud.state + "/run/netns"
    return {name: ruleset(f"{folder}/{name}") for name in os.listdir(folder) if not name.startswith("i-")}


def programs(cloud):
    """What serves in the namespaces, with the namespace that it runs in."""
    found = []
    for program in ("dnsmasq", "haproxy"):
        for pid in processes(cloud, program):
            try:
                inode = os.stat(f"/proc/{pid}/ns/net").st_ino
            except OSError:
                continue
            found.append((program, inode))
    return sorted(found)


def program_counts(cloud):
    """How many of each run in each place, whatever the place's number is by now."""
    running = programs(cloud)
    return sorted((program, running.count((program, inode))) for program, inode in set(running))


def nft(site, name, *words):
    site.cloud.enter(name, "nft", *words)


def flush(site, kind, name):
    nft(site, site.gateway, "flush", kind, "ip", "daruma", name)


def delete_element(site):
    nft(site, site.gateway, "delete element ip daruma to_private { %s }" % site.addresses[0]["ipaddress"])


def add_foreign_table(site, name):
    nft(site, name, "add table ip foreign; add chain ip foreign x { type filter hook forward priority -300; policy drop; }")


# name → (what is done, the flow that it interrupts or None, the longest loss that is allowed in seconds)
DAMAGE = {
    "ruleset of the gateway flushed": (lambda s: nft(s, s.gateway, "flush", "ruleset"), "basic", 1.5),
    "table of the gateway deleted": (lambda s: nft(s, s.gateway, "delete", "table", "ip", "daruma"), "basic", 1.5),
    "translations flushed": (lambda s: flush(s, "map", "to_private"), None, 1.5),
    "return translations flushed": (lambda s: flush(s, "map", "to_public"), None, 1.5),
    "pairs flushed": (lambda s: flush(s, "set", "pairs"), "basic", 1.5),
    "one translation deleted": (delete_element, None, 1.5),
    "a foreign rule": (lambda s: nft(s, s.gateway, "insert", "rule", "ip", "daruma", "forward", "drop"), "basic", 1.5),
    "a foreign table that drops all": (lambda s: add_foreign_table(s, s.gateway), "basic", 1.5),
    "a foreign table in the fabric": (lambda s: add_foreign_table(s, "fabric"), "basic", 1.5),
    "ruleset of the fabric flushed": (lambda s: nft(s, "fabric", "flush", "ruleset"), None, 1.5),
    "ruleset of a virtual router flushed": (lambda s: nft(s, s.router, "flush", "ruleset"), "isolate", 1.5),
    "the gateway's outer link deleted": (
        lambda s: s.cloud.enter(s.gateway, "ip", "link", "del", "pub"), "basic", 3),
    "the gateway's inner link deleted": (
        lambda s: s.cloud.enter(s.gateway, "ip", "link", "del", "fab"), "basic", 3),
    "the gateway's link set down": (
        lambda s: s.cloud.enter(s.gateway, "ip", "link", "set", "pub", "down"), "basic", 3),
    "the gateway's routes flushed": (
        lambda s: s.cloud.enter(s.gateway, "ip", "route", "flush", "table", "main"), "basic", 3),
    "the name of the gateway unmounted": (lambda s: sh("umount", s.cloud.namespace(s.gateway)), None, 1.5),
    "the gateway destroyed": (lambda s: destroy(s.cloud, s.gateway), "basic", 4),
    "a virtual router destroyed": (lambda s: destroy(s.cloud, s.router), "isolate", 4),
    "the wan destroyed": (lambda s: destroy(s.cloud, "wan"), "basic", 4),
    "the fabric destroyed": (lambda s: destroy(s.cloud, "fabric"), "basic", 6),
}


@pytest.mark.parametrize("name", DAMAGE)
def test_network_damage_is_noticed_and_repaired(site, name):
    cloud = site.cloud
    harm, interrupted, limit = DAMAGE[name]
    site.wait()
    until(lambda: all(s["phase"] == "verified" for s in cloud.scopes().values()), 10, "all scopes verified")
    rules, counts, routers = rulesets(cloud), program_counts(cloud), living_routers(cloud)
    repairs = sum(s["repairs"] for s in cloud.scopes().values())
    most = routers
    begin, wall = time.monotonic(), time.time()
    harm(site)
    done = time.monotonic()
    number = site.flows[interrupted or "basic"].number

    def noticed():
        nonlocal most
        most = max(most, living_routers(cloud))
        return sum(s["repairs"] for s in cloud.scopes().values()) > repairs

    until(noticed, 10, "the damage is noticed")

    def repaired():
        nonlocal most
        most = max(most, living_routers(cloud))
        try:
            return (
                rulesets(cloud) == rules and site.is_whole()
                and all(s["phase"] == "verified" for s in cloud.scopes().values()))
        except AssertionError:
            return False  # a namespace that was listed is not there

    until(repaired, 20, "everything is as it was")
    assert most == routers, "two routers were alive at once"
    assert living_routers(cloud) == routers
    until(lambda: program_counts(cloud) == counts, 10, f"programs {program_counts(cloud)}, before {counts}")
    flow = site.flows[interrupted or "basic"]
    assert flow.answered(number), "the flow that went on all through it"
    gap = max(flow.longest_gap(begin) for flow in site.flows.values())
    told = [s for s in cloud.scopes().values() if s["lostat"] / 1e6 > wall - 0.5]
    assert told, "no scope tells of the loss"
    seconds = [(s["verifiedat"] - s["lostat"]) / 1e6 for s in told]
    noticing = [s["detectedat"] / 1e6 - (wall + done - begin) for s in told]
    print(
        f"\n{name}: packets away for {gap * 1000:.0f} ms; noticed {max(noticing) * 1000:.0f} ms after it was done, "
        f"verified {max(seconds) * 1000:.0f} ms after it was seen lost ({told[0]['lastdrift']})")
    assert gap < limit
    if interrupted:
        assert gap > 0.005, "the damage did not interrupt anything; the test is wrong"


@pytest.mark.parametrize("program", ["dnsmasq", "haproxy"])
def test_programs_that_die_are_started_again(site, program):
    cloud = site.cloud
    site.wait()
    before = programs(cloud)
    victims = list(processes(cloud, program))
    assert victims, f"no {program} runs"
    begin = time.monotonic()
    for pid in victims:
        kill(pid)
    until(lambda: programs(cloud) == before, 10, f"{program} runs again: {programs(cloud)}, before {before}")
    until(site.is_whole, 10, "all answer")
    print(f"\n{program}: {len(victims)} killed, all back and answering after {time.monotonic() - begin:.2f} s")
    assert not set(victims) & set(processes(cloud, program))


@pytest.mark.parametrize("names", [["gateway"], ["router"], ["wan"], ["fabric"], ["gateway", "router", "wan", "fabric"]])
def test_namespaces_destroyed_while_the_agent_is_dead_come_back_with_up(site, names):
    cloud = site.cloud
    site.wait()
    until(lambda: all(s["phase"] == "verified" for s in cloud.scopes().values()), 10, "all scopes verified")
    rules, counts, routers = rulesets(cloud), program_counts(cloud), living_routers(cloud)
    kill(cloud.process("agent"))
    time_of_loss = time.monotonic()
    for name in names:
        inode = destroy(cloud, {"gateway": site.gateway, "router": site.router}.get(name, name))
        until(lambda: not exists(inode), 5, "the namespace is really gone")
    number = site.flows["basic"].number
    began = time.monotonic()
    cloud.up()
    took = time.monotonic() - began
    until(site.is_whole, 20, f"all answer; now {site.answers()}")
    until(lambda: rulesets(cloud) == rules, 10, "the rules are as they were")
    assert living_routers(cloud) == routers
    until(lambda: program_counts(cloud) == counts, 10, f"programs {program_counts(cloud)}, before {counts}")
    assert site.flows["basic"].answered(number)
    gap = max(flow.longest_gap(time_of_loss) for flow in site.flows.values())
    print(f"\n{', '.join(names)} destroyed with the agent dead: up took {took:.2f} s, packets away for {gap:.2f} s")
