"""Where does every item's outcome go, and what does the log have of the playbook?

One JSON object for each outcome goes to the file in REKINDLE_OUTCOMES: they survive whatever happens to the
run. The log gets a line for each task.
"""

from __future__ import annotations

import json
import os

from ansible.plugins.callback import CallbackBase

DOCUMENTATION = """
name: rekindle
type: stdout
short_description: an outcome for each item
description:
  - Writes what becomes of each item for the report.
"""


class CallbackModule(CallbackBase):
    """Write outcomes as they come."""

    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "stdout"
    CALLBACK_NAME = "rekindle"

    def v2_playbook_on_task_start(self, task, is_conditional):
        # A restore that was killed leaves us behind: the next one goes on.
        if os.getppid() != int(os.environ["REKINDLE_PID"]):
            os._exit(1)

    def v2_runner_on_start(self, host, task):
        # Of what goes side by side, only what counts its items tells where it is.
        if host.get_name() == "machine":
            name = task.get_name()
            append("REKINDLE_PROGRESS", json.dumps({"task": name.partition(" : ")[2] or name}))

    def v2_runner_on_ok(self, result):
        answer = answer_of(result)
        record(answer)
        changed = "changed" if answer.get("changed") else "ok"
        self._display.display(f"{result._task.get_name()}: {changed}")

    def v2_runner_on_failed(self, result, ignore_errors=False):
        answer = answer_of(result)
        record(answer)
        reason = " ".join(str(answer.get("msg", "no reason was given")).split())
        self._display.display(f"{result._task.get_name()}: {json.dumps(answer, default=str)}")
        append("REKINDLE_OUTCOMES", json.dumps({"failure": reason}))

    def v2_runner_on_unreachable(self, result):
        self.v2_runner_on_failed(result)

    def v2_playbook_on_stats(self, stats):
        changed = sum(stats.changed.values())
        self._display.display(f"changed={changed}")
        append("REKINDLE_OUTCOMES", json.dumps({"changed": changed}))


def answer_of(result):
    return getattr(result, "result", None) or result._result


def record(answer):
    for entry in answer.get("outcomes") or ():
        append("REKINDLE_OUTCOMES", json.dumps({"outcome": dict(entry)}))
    for entry in answer.get("notes") or ():
        append("REKINDLE_OUTCOMES", json.dumps({"note": dict(entry)}))


def append(variable, line):
    with open(os.environ[variable], "a", encoding="utf-8", errors="replace") as file:
        file.write(f"{line}\n")
