"""ansible-core with the collection ngine_io.cloudstack: each of its modules creates, repeats, changes and deletes."""
import json
import os
import subprocess
import sys

import pytest

from ansible_modules import CASES, CORE
from client_matrix import Matrix
from cloud import ROOT
from data_centre import bare_cloud

COLLECTIONS = os.path.join(sys.prefix, "collections")
FULL = os.environ.get("DARUMA_FULL") == "1"
MATRIX = Matrix(
    "ansible-core with ngine_io.cloudstack", "module", ["create", "repeat", "change", "delete", "check"],
    "`repeat`: asked for again, each of the others changes nothing. `check`: in check mode each tells that it would change something. Missing is\n"
    "`cs_facts` alone, which asks the metadata service from inside of an instance.")

READING = {case.module for case in CASES if case.reads}


@pytest.fixture(scope="module")
def cloud():
    with bare_cloud() as cloud:
        yield cloud


class Play:
    """Tasks of one playbook, each named after what the table has of it."""

    def __init__(self):
        self.tasks = []

    def add(self, name, module, parameters, check=False):
        parameters = dict(parameters)
        register = parameters.pop("register", None)
        action = module if "." in module else f"ngine_io.cloudstack.{module}"
        task = {"name": name, action: parameters, "ignore_errors": True}
        if check:
            task["check_mode"] = True
        if register:
            task["register"] = register
        self.tasks.append(task)

    def thrice(self, case, step, parameters, register=None):
        """Checked, done, and asked for again."""
        everything = {**case.same, **parameters}
        if "check" not in case.without:
            self.add(f"{case.module}/{step}/check", case.module, everything, check=True)
        self.add(f"{case.module}/{step}/do", case.module, {**everything, **({"register": register} if register else {})})
        if "repeat" not in case.without:
            self.add(f"{case.module}/{step}/repeat", case.module, everything)

    def run(self, cloud, folder):
        playbook, tasks = folder / "play.json", folder / "tasks.jsonl"
        playbook.write_text(json.dumps([{
            "hosts": "localhost", "connection": "local", "gather_facts": False, "tasks": self.tasks,
            "vars": {"ansible_python_interpreter": sys.executable}}]))
        environment = {
            **os.environ, "CLOUDSTACK_ENDPOINT": cloud.admin_file["endpoint"], "CLOUDSTACK_METHOD": "post",
            "CLOUDSTACK_KEY": cloud.admin_file["apikey"], "CLOUDSTACK_SECRET": cloud.admin_file["secretkey"],
            "ANSIBLE_COLLECTIONS_PATH": COLLECTIONS, "ANSIBLE_PIPELINING": "1", "ANSIBLE_HOME": str(folder),
            "ANSIBLE_CALLBACKS_ENABLED": "record",
            "ANSIBLE_CALLBACK_PLUGINS": os.path.join(ROOT, "Tests/System/ansible"), "DARUMA_TASKS": str(tasks),
            "ANSIBLE_LOCALHOST_WARNING": "False"}
        result = subprocess.run(
            [os.path.join(os.path.dirname(sys.executable), "ansible-playbook"), "-i", "localhost,", str(playbook)],
            capture_output=True, text=True, timeout=3000, env=environment)
        assert result.returncode == 0, (result.stdout[-3000:], result.stderr[-3000:])
        return [json.loads(line) for line in open(tasks)]


def enter(seen):
    """Puts what a task came to into the table."""
    module, step, what = seen["task"].split("/")
    column = {"check": "check", "repeat": "repeat", "do": step}[what]
    if seen["failed"]:
        text = f"{step}: {seen['message']}" if column in ("check", "repeat") else seen["message"]
    elif seen["changed"] == (what != "repeat" and module not in READING):
        text = "works"
    else:
        text = f"{step}: " + ("changes something again" if seen["changed"] else "changes nothing")
    MATRIX.saw(module, column, text[:200])


def test_every_module_creates_repeats_changes_and_deletes(cloud, tmp_path):
    chosen = [case for case in CASES if FULL or case.module in CORE]
    play = Play()
    for case in chosen:
        for module, parameters in case.before:
            play.add("setting", module, parameters)
        play.thrice(case, "create", case.create, case.register)
        for module, parameters in case.between:
            play.add("setting", module, parameters)
        if case.change is not None:
            play.thrice(case, "change", case.change)
        for module, parameters in case.after:
            play.add("setting", module, parameters)
    for case in reversed(chosen):
        for module, parameters in case.ending:
            play.add("setting", module, parameters)
        if case.delete is not None:
            play.thrice(case, "delete", case.delete)
    told = play.run(cloud, tmp_path)
    failed = [seen for seen in told if seen["task"] == "setting" and seen["failed"]]
    for seen in told:
        if "/" in seen["task"]:
            enter(seen)
    MATRIX.settle(whole=FULL)
    assert not failed, failed
