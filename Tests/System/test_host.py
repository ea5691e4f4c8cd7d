"""What starting, stopping, crashing and restarting do to the host and to the cloud."""
import json
import os
import shutil
import signal
import socket
import subprocess
import time
import urllib.request

import pytest

from cloud import BINARY, Cloud, Host, fetch, free_port, sh, until


def processes(state):
    """Processes that have to do with a state folder, by their command line or working directory."""
    found = {}
    own = os.readlink("/proc/self/ns/mnt")
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            line = open(f"/proc/{pid}/cmdline").read().replace("\0", " ")
            where = os.readlink(f"/proc/{pid}/cwd")
            # libvirtd names no folder, but has the state folder's mounts in a mount namespace of its own.
            private = os.readlink(f"/proc/{pid}/ns/mnt") != own and state in open(f"/proc/{pid}/mountinfo").read()
        except OSError:
            continue
        if (private or state + "/" in line + "/" or state + " " in line + " " or where.startswith(state)) and int(pid) != os.getpid():
            found[int(pid)] = line
    return found


def named(state, name):
    return [pid for pid, line in processes(state).items() if os.path.basename(line.split(" ")[0]) == name]


@pytest.fixture
def estate():
    """A cloud with a simulated and a real instance behind static NATs; the host is compared when it is gone."""
    before = Host()
    cloud = Cloud()
    try:
        cloud.up()
        client = cloud.account()
        cloud.allow(client)
        cloud.sites = {}
        for name, template in (("simulated", "tiny-simulator"), ("real", "tiny")):
            machine = cloud.deploy(client, name, template=template)
            cloud.sites[cloud.static_nat(client, machine)["ipaddress"]] = f"{name} {machine['nic'][0]['ipaddress']}\n"
        cloud.user = client
        everything_answers(cloud)
        yield cloud
    finally:
        cloud.purge()
    assert not processes(cloud.state)
    after = Host()
    assert after == before, after.difference(before)


def everything_answers(cloud, seconds=60):
    for address, answer in cloud.sites.items():
        until(lambda: fetch(address) == answer, seconds, f"{address} answers {answer}")


def rules(cloud):
    """The addresses and rules of the cloud, as its customers see them."""
    machines = cloud.user.listVirtualMachines()["virtualmachine"]
    addresses = cloud.user.listPublicIpAddresses()["publicipaddress"]
    return (
        sorted((m["id"], m["name"], m["state"], m["nic"][0]["ipaddress"]) for m in machines),
        sorted((a["id"], a["ipaddress"], a["virtualmachineid"]) for a in addresses))


def test_down_leaves_the_host_as_it_was_and_up_brings_the_same_cloud_back(estate):
    before = rules(estate)
    begin = time.monotonic()
    said = estate.daruma("up").stdout
    assert "running already" in said and time.monotonic() - begin < 5
    assert rules(estate) == before
    estate.down()
    assert not processes(estate.state), processes(estate.state)
    assert not os.path.exists(f"/sys/class/net/{estate.link}")
    assert "stopped" in estate.down().stdout, "down twice is fine"
    begin = time.monotonic()
    estate.up()
    seconds = time.monotonic() - begin
    print(f"\nup again after {seconds:.2f} s")
    assert seconds < 5
    assert rules(estate) == before
    everything_answers(estate)


@pytest.mark.parametrize("victim", ["manager", "agent", "both", "libvirtd", "qemu-system-x86_64", "dnsmasq", "busybox"])
def test_down_cleans_up_after_any_process_was_killed(victim):
    before = Host()
    cloud = Cloud()
    try:
        cloud.up()
        client = cloud.account()
        cloud.deploy(client, "one")
        cloud.deploy(client, "two", template="tiny")
        daemons = {"manager": ["manager"], "agent": ["agent"], "both": ["manager", "agent"]}.get(victim)
        pids = [cloud.process(name) for name in daemons] if daemons else named(cloud.state, victim)
        assert pids, f"no {victim} runs: {processes(cloud.state)}"
        for pid in pids:
            os.kill(pid, signal.SIGKILL)
        cloud.down()
        assert not processes(cloud.state), processes(cloud.state)
    finally:
        cloud.purge()
    after = Host()
    assert after == before, after.difference(before)


def test_traffic_repair_and_machines_go_on_without_manager_agent_and_libvirtd(estate):
    before = rules(estate)
    machine = named(estate.state, "qemu-system-x86_64")
    os.kill(estate.process("manager"), signal.SIGKILL)
    everything_answers(estate, 2)
    for name in [n for n in os.listdir(f"{estate.state}/run/netns") if n.startswith("r-")]:
        estate.enter(name, "nft", "flush", "ruleset")
    everything_answers(estate, 3)
    os.kill(estate.process("agent"), signal.SIGKILL)
    for pid in named(estate.state, "libvirtd"):
        os.kill(pid, signal.SIGKILL)
    everything_answers(estate, 2)
    estate.up()
    everything_answers(estate, 5)
    assert rules(estate) == before
    assert named(estate.state, "qemu-system-x86_64") == machine, "the machine never stopped"
    another = estate.deploy(estate.user, "another")
    assert another["state"] == "Running"


def test_a_restart_of_the_machine_brings_the_cloud_back(estate):
    """All processes, namespaces and what lay in memory are gone, as after a power cut."""
    before = rules(estate)
    for _ in range(3):
        for pid in processes(estate.state):
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        time.sleep(0.1)
    for line in reversed(open("/proc/mounts").read().splitlines()):
        if line.split()[1].startswith(estate.state):
            sh("umount", "-l", line.split()[1])
    subprocess.run(["ip", "link", "del", estate.link], capture_output=True)
    shutil.rmtree(f"{estate.state}/run", ignore_errors=True)
    shutil.rmtree(f"{estate.state}/libvirt/run", ignore_errors=True)
    estate.up()
    everything_answers(estate)
    assert rules(estate) == before


def failed_start(arguments, **more):
    state = "/tmp/daruma-failed-start"
    shutil.rmtree(state, ignore_errors=True)
    try:
        return subprocess.run(
            [BINARY, "up", "--state", state, *arguments], capture_output=True, text=True, timeout=60, **more), processes(state)
    finally:
        shutil.rmtree(state, ignore_errors=True)


def test_a_start_that_cannot_be_says_why_in_one_sentence_and_leaves_nothing():
    before = Host()
    link = ["--host-link", "dtnowhere"]
    prefix = ["--public-range", "198.51.100.0/24"]
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        cases = {
            "port": [*link, *prefix, "--port", str(port)],
            "link": ["--host-link", "lo", *prefix, "--port", str(free_port())],
            "range": [*link, "--public-range", "198.51.100.0/28", "--port", str(free_port())],
            "name": ["--host-link", "a/b", *prefix, "--port", str(free_port())],
        }
        for name, arguments in cases.items():
            result, left = failed_start(arguments)
            assert result.returncode != 0, name
            assert len(result.stderr.strip().splitlines()) == 1, (name, result.stderr)
            assert not left, name
    shutil.copy(BINARY, "/tmp/daruma-for-nobody")
    os.chmod("/tmp/daruma-for-nobody", 0o755)
    try:
        result = subprocess.run(
            ["/tmp/daruma-for-nobody", "up", "--state", "/tmp/daruma-failed-start"], capture_output=True, text=True,
            timeout=60, user="nobody")
    finally:
        os.unlink("/tmp/daruma-for-nobody")
    assert result.returncode != 0 and "root" in result.stderr and len(result.stderr.strip().splitlines()) == 1
    after = Host()
    assert after == before, after.difference(before)


def test_keys_are_for_root_only(estate):
    assert os.stat(f"{estate.state}/admin.json").st_mode & 0o777 == 0o600
    assert os.stat(estate.state).st_mode & 0o777 == 0o700
    keys = json.load(open(f"{estate.state}/admin.json"))
    assert set(keys) == {"endpoint", "apikey", "secretkey", "username", "password", "statusurl"}
    everything = estate.logs() + "".join(processes(estate.state).values())
    for name in ("secretkey", "password"):
        assert keys[name] not in everything
    page = urllib.request.urlopen(keys["statusurl"], timeout=5).read().decode()
    assert "<html" in page
