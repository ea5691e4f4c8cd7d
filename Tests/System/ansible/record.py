"""An Ansible callback that writes what each task came to as a line of JSON to the file that DARUMA_TASKS names."""
import json
import os

from ansible.plugins.callback import CallbackBase

DOCUMENTATION = """
name: record
type: notification
short_description: writes a line of JSON per task
description: ['A line of JSON per task, with its name, whether it failed and whether it changed anything.']
"""


class CallbackModule(CallbackBase):
    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "notification"
    CALLBACK_NAME = "record"

    def record(self, result, failed):
        answer = result._result
        line = {
            "task": result._task.get_name(), "failed": failed, "changed": bool(answer.get("changed")),
            "message": str(answer.get("msg", ""))}
        with open(os.environ["DARUMA_TASKS"], "a") as file:
            file.write(json.dumps(line) + "\n")

    def v2_runner_on_ok(self, result):
        self.record(result, False)

    def v2_runner_on_failed(self, result, ignore_errors=False):
        self.record(result, True)
