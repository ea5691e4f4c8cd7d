"""`daruma ctl` against a running cloud: lists, calls and their jobs, other clients' configuration, and completion."""
import json
import os
import pty
import re
import select
import shutil
import signal
import subprocess
import sys
import time

import pytest

from cloud import Cloud, Host, free_port, until

CS = os.path.join(os.path.dirname(sys.executable), "cs")


@pytest.fixture(scope="module")
def cloud():
    before = Host()
    cloud = Cloud(index=3)
    cloud.secure_port = free_port()
    try:
        yield cloud.up("--tls", f"127.0.0.1:{cloud.secure_port}")
    finally:
        cloud.purge()
    after = Host()
    assert after == before, after.difference(before)


class Person:
    """Somebody with a home of their own, and no cloud on this machine."""

    def __init__(self, cloud, home):
        self.cloud, self.home = cloud, home
        self.environment = {"HOME": str(home), "PATH": os.environ["PATH"], "LANG": "C.UTF-8"}

    def write(self, path, text):
        (self.home / path).parent.mkdir(exist_ok=True)
        (self.home / path).write_text(text)

    def ctl(self, *words, **environment):
        return subprocess.run(
            [self.cloud.binary, "ctl", *words, "--state", f"{self.home}/none"], capture_output=True, text=True,
            timeout=60, cwd=self.home, env=self.environment | environment)

    def zones(self, *words, **environment):
        """The names of the zones that ctl lists."""
        told = self.ctl("list", "zones", "--json", *words, **environment)
        assert told.returncode == 0, told.stderr
        return {zone["name"] for zone in json.loads(told.stdout)["zone"]}

    def zones_of_cs(self, *words, **environment):
        """The same by the command of `cs` itself."""
        told = subprocess.run(
            [CS, *words, "listZones"], capture_output=True, text=True, timeout=60, cwd=self.home,
            env=self.environment | environment)
        assert told.returncode == 0, told.stderr
        return {zone["name"] for zone in json.loads(told.stdout)["zone"]}


@pytest.fixture
def person(cloud, tmp_path):
    return Person(cloud, tmp_path)


def refused(answer, status, *texts):
    assert answer.returncode == status, (answer.returncode, answer.stdout, answer.stderr)
    for text in texts:
        assert text in answer.stderr, answer.stderr
    assert answer.stdout == "" and "NSError" not in answer.stderr and "UserInfo" not in answer.stderr


def test_lists_are_tables_or_json(cloud):
    table = cloud.daruma("ctl", "list", "zones").stdout.splitlines()
    assert table[0].split()[:2] == ["id", "name"] and len(table) == 3
    assert {row.split()[0] for row in table[1:]} == set(cloud.zones.values())
    told = json.loads(cloud.daruma("ctl", "list", "zones", "--json").stdout)
    assert told["count"] == 2 and {zone["id"] for zone in told["zone"]} == set(cloud.zones.values())
    chosen = cloud.daruma("ctl", "list", "Zones", "name=basic", "--columns", "networktype,name").stdout.splitlines()
    assert [row.split() for row in chosen] == [["networktype", "name"], ["Basic", "basic"]]
    assert cloud.daruma("ctl", "list", "instances").stdout == "nothing\n"
    assert json.loads(cloud.daruma("ctl", "list", "instances", "--json").stdout) == {}


def test_a_list_goes_through_all_pages_of_the_cloud(cloud):
    cloud.admin.updateConfiguration(name="default.page.size", value=7)
    try:
        told = json.loads(cloud.daruma("ctl", "list", "apis", "--json").stdout)
        assert told["count"] == len(told["api"]) > 100
        types = [row["id"] for row in json.loads(cloud.daruma("ctl", "list", "ostypes", "--json").stdout)["ostype"]]
        assert len(types) == len(set(types)) == cloud.admin.listOsTypes(page=1, pagesize=1)["count"] > 7
    finally:
        cloud.admin.resetConfiguration(name="default.page.size")


def test_a_call_waits_for_its_job(cloud):
    words = [
        "ctl", "call", "deployVirtualMachine", f"zoneid={cloud.zones['basic']}", f"serviceofferingid={cloud.offering}",
        f"templateid={cloud.templates['tiny-simulator']}"]
    machine = json.loads(cloud.daruma(*words, "name=first", "--json").stdout)["virtualmachine"]
    assert (machine["name"], machine["state"]) == ("first", "Running")
    table = dict(line.split(None, 1) for line in cloud.daruma("ctl", "call", "listzones").stdout.splitlines()[1:2])
    assert set(table) <= set(cloud.zones.values()), "names of commands are taken in any case"
    told = cloud.daruma("ctl", "call", "stopVirtualMachine", f"id={machine['id']}").stdout
    assert re.search(r"^state +Stopped$", told, re.M), told
    job = json.loads(
        cloud.daruma("ctl", "call", "startVirtualMachine", f"id={machine['id']}", "--no-wait", "--json").stdout)
    assert list(job) == ["jobid"]
    ask = ["ctl", "call", "queryAsyncJobResult", f"jobid={job['jobid']}", "--json"]
    until(lambda: json.loads(cloud.daruma(*ask).stdout)["jobstatus"] == 1, 20, "the job that was not waited for ends")
    cloud.admin.updateVirtualMachine(id=machine["id"], displayname="two\nlines")
    assert len(cloud.daruma("ctl", "list", "instances").stdout.splitlines()) == 2, "an instance is one line"
    # Fields of maps keep their case.
    tags = cloud.daruma(
        "ctl", "call", "createTags", f"resourceids={machine['id']}", "resourcetype=UserVm", "tags[0].key=Rack",
        "tags[0].value=A=1", "--json")
    assert json.loads(tags.stdout)["success"] is True
    assert cloud.admin.listTags(key="Rack")["tag"][0]["value"] == "A=1"


def test_the_wait_is_shown_to_who_watches(cloud):
    words = [
        "ctl", "call", "deployVirtualMachine", f"zoneid={cloud.zones['basic']}", f"serviceofferingid={cloud.offering}",
        f"templateid={cloud.templates['tiny-simulator']}", "--state", cloud.state]
    terminal, side = pty.openpty()
    process = subprocess.Popen([cloud.binary, *words], stdout=subprocess.PIPE, stderr=side, text=True)
    os.close(side)
    output, _ = process.communicate(timeout=60)
    shown = os.read(terminal, 65536).decode()
    os.close(terminal)
    assert process.returncode == 0 and "Running" in output and "…" not in output
    assert "deployVirtualMachine … 0 s" in shown and shown.endswith("\r\x1b[K"), repr(shown)


def test_what_is_wrong_is_told_and_not_done(cloud):
    def ctl(*words):
        return cloud.daruma("ctl", *words, check=False)

    refused(ctl("list", "instence"), 64, "no list of instence", "did you mean", "instances")
    refused(ctl("list", "zones", "--columns", "id,nam"), 64, "tells no nam", "did you mean name")
    refused(ctl("call", "listVirtualMachine"), 64, "no command listVirtualMachine", "listVirtualMachines")
    refused(ctl("call", "createDomain", "name=typo", "dryrn=true"), 64, "no parameter dryrn", "dryrun")
    assert "domain" not in cloud.admin.listDomains(name="typo")
    refused(ctl("call", "createDomain", "typo"), 64, "not name=value")
    refused(ctl("call", "createDomain", "apikey=x"), 64, "set by itself")
    refused(ctl("call", "createDomain"), 1, "name", "431")
    refused(ctl("list", "zones", "id=nonsense"), 1, "nonsense", "431")
    refused(ctl("call", "deleteDomain", f"id={cloud.admin.listDomains(name='ROOT')['domain'][0]['id']}"), 1)


def test_files_and_environment_of_cs_are_read_as_cs_reads_them(cloud, person):
    plain, secure = (
        f"endpoint = {scheme}://127.0.0.1:{port}/client/api\n"
        for scheme, port in (("http", cloud.port), ("https", cloud.secure_port)))
    keys = f"key = {cloud.admin.key}\nsecret = {cloud.admin.secret}\n"
    both = set(cloud.zones)
    refused(person.ctl("list", "zones"), 1, "~/.cloudstack.ini", "CLOUDSTACK_ENDPOINT")
    verified = f"{secure}verify = {cloud.state}/manager/tls.crt\n"
    person.write(".cloudstack.ini", f"# mine\n[DEFAULT]\n{keys}\n[cloudstack]\n{plain}\n[tokyo]\n{verified}")
    assert person.zones() == person.zones_of_cs() == both
    assert person.zones("--region", "tokyo") == person.zones_of_cs("--region", "tokyo") == both
    assert person.zones(CLOUDSTACK_REGION="tokyo") == both
    refused(person.ctl("list", "zones", "--profile", "osaka"), 1, "osaka")
    # A later file wins, and the one that the environment names is the last.
    person.write("cloudstack.ini", "[cloudstack]\nendpoint = http://127.0.0.1:1/client/api\n")
    refused(person.ctl("list", "zones"), 1, "127.0.0.1:1", "cannot be reached")
    person.write("elsewhere.ini", f"[cloudstack]\n{plain}")
    assert person.zones(CLOUDSTACK_CONFIG=f"{person.home}/elsewhere.ini") == both
    assert person.zones_of_cs(CLOUDSTACK_CONFIG=f"{person.home}/elsewhere.ini") == both
    whole = {
        "CLOUDSTACK_ENDPOINT": f"https://127.0.0.1:{cloud.secure_port}/client/api", "CLOUDSTACK_KEY": cloud.admin.key,
        "CLOUDSTACK_SECRET": cloud.admin.secret, "CLOUDSTACK_VERIFY": f"{cloud.state}/manager/tls.crt"}
    assert person.zones(**whole) == person.zones_of_cs(**whole) == both
    override = {"CLOUDSTACK_ENDPOINT": f"http://127.0.0.1:{cloud.port}/client/api", "CLOUDSTACK_OVERRIDES": "endpoint"}
    assert person.zones(**override) == person.zones_of_cs(**override) == both


def test_profiles_of_cloudmonkey_are_read(cloud, person):
    keys = f"apikey = {cloud.admin.key}\nsecretkey = {cloud.admin.secret}\n"
    profile = f"url = http://127.0.0.1:{cloud.port}/client/api\n{keys}"
    secure = profile.replace(f"http://127.0.0.1:{cloud.port}", f"https://localhost:{cloud.secure_port}")
    head = "prompt = 🐱\nasyncblock = true\ntimeout = 1800\noutput = json\nverifycert = true\nprofile = mine\n\n"
    local = "url = http://127.0.0.1:1/client/api\nusername = admin\n"
    person.write(".cmk/config", f"{head}[localcloud]\n{local}[mine]\n{profile}[far]\n{secure}")
    both = set(cloud.zones)
    assert person.zones() == person.zones("--profile", "mine") == both
    assert person.zones("--profile", "far", SSL_CERT_FILE=f"{cloud.state}/manager/tls.crt") == both
    refused(person.ctl("list", "zones", "--profile", "far"), 1, "no certificate that is trusted", "verify")
    refused(person.ctl("list", "zones", "--profile", "localcloud"), 1, "localcloud", "keys")
    person.write(".cmk/config", f"{head.replace('verifycert = true', 'verifycert = false')}[far]\n{secure}")
    assert person.zones("--profile", "far") == both


def test_who_does_not_answer_or_does_not_know_one_is_named(cloud, person):
    def ask(endpoint, **more):
        return person.ctl(
            "list", "zones", CLOUDSTACK_ENDPOINT=endpoint, CLOUDSTACK_KEY=cloud.admin.key,
            **({"CLOUDSTACK_SECRET": cloud.admin.secret} | more))

    here = f"http://127.0.0.1:{cloud.port}"
    refused(ask(here + "/client/api", CLOUDSTACK_SECRET="wrong"), 1, "401")
    refused(ask(here + "/status.json"), 1, "does not answer as CloudStack's API does")
    refused(ask("http://127.0.0.1:1/client/api"), 1, "cannot be reached")
    refused(ask("https://127.0.0.1:1/client/api"), 1, "cannot be reached")
    refused(ask("nonsense"), 1, "no http or https URL")
    refused(ask(f"https://127.0.0.1:{cloud.port}/client/api"), 1, f"https://127.0.0.1:{cloud.port}")
    secure = f"https://127.0.0.1:{cloud.secure_port}/client/api"
    refused(ask(secure), 1, "no certificate that is trusted")
    refused(ask(secure, CLOUDSTACK_VERIFY=f"{person.home}/none"), 1, f"{person.home}/none")


class Shell:
    """A bash at a terminal, into which keys are pressed."""

    def __init__(self, home, binary):
        self.process, self.terminal = pty.fork()
        if self.process == 0:
            os.chdir(home)
            environment = {
                "HOME": str(home), "PATH": f"{os.path.dirname(binary)}:/usr/bin:/bin", "TERM": "dumb", "PS1": "> ",
                "COLUMNS": "400", "INPUTRC": "/dev/null", "LANG": "C.UTF-8"}
            os.execve("/bin/bash", ["bash", "--norc", "--noprofile", "-i"], environment)
        self.shown = ""
        self.press("bind 'set bell-style none'; bind 'set page-completions off'\n", "> ")
        self.press('source <(daruma --generate-completion-script bash); echo "loaded:$?"\n', "loaded:0")

    def press(self, keys, expected):
        """Waits until `expected` is shown after the keys; answers with all that is shown then."""
        begin = len(self.shown)
        os.write(self.terminal, keys.encode())
        deadline = time.monotonic() + 20
        while expected not in self.shown[begin:]:
            assert time.monotonic() < deadline, f"no {expected!r} in {self.shown!r}"
            if select.select([self.terminal], [], [], 0.2)[0]:
                self.shown += os.read(self.terminal, 65536).decode(errors="replace")
        return self.shown[begin:]

    def close(self):
        os.kill(self.process, signal.SIGKILL)
        os.waitpid(self.process, 0)
        os.close(self.terminal)


def test_bash_completes_what_there_is_to_list_and_to_call(cloud, tmp_path):
    shell = Shell(tmp_path, cloud.binary)
    try:
        shell.press("daruma ctl list inst\t", "list instance")
        choices = shell.press("\t\t", "instances")
        assert "instancegroups" in choices and "zones" not in choices
        shell.press("\x15daruma ctl list zon\t", "list zones ")
        shell.press("\x15daruma ctl call deployVir\t", "call deployVirtualMachine ")
        shell.press("\x15daruma ctl call listZones --js\t", "--json ")
        shell.press("\x15daruma ct\t", "daruma ctl ")
        shell.press("\x15./daruma up --metrics\t", "--metrics-port ")
    finally:
        shell.close()


def test_zsh_has_its_script(cloud):
    script = subprocess.run(
        [cloud.binary, "--generate-completion-script", "zsh"], capture_output=True, text=True, timeout=20).stdout
    assert script.startswith("#compdef daruma") and "instances" in script and "deployVirtualMachine" in script
    if zsh := shutil.which("zsh"):
        subprocess.run([zsh, "-n"], input=script, text=True, timeout=20, check=True)
