"""What does a person see of the restore, and where does every item's outcome go?

Lines for a person go to the file in REKINDLE_PROGRESS, one JSON object for each outcome to the file
in REKINDLE_OUTCOMES: they survive whatever happens to the run.
"""

from __future__ import annotations

import json
import os

from ansible.plugins.callback import CallbackBase

DOCUMENTATION = """
name: rekindle
type: stdout
short_description: progress lines and an outcome for each item
description:
  - Writes what the restore does for a person and for the report.
"""


class CallbackModule(CallbackBase):
    """Write progress and outcomes as they come."""

    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "stdout"
    CALLBACK_NAME = "rekindle"

    def v2_playbook_on_task_start(self, task, is_conditional):
        append("REKINDLE_PROGRESS", task.get_name().partition(" : ")[2] or task.get_name())

    def v2_runner_on_ok(self, result):
        record(answer_of(result))

    def v2_runner_on_failed(self, result, ignore_errors=False):
        answer = answer_of(result)
        record(answer)
        reason = " ".join(str(answer.get("msg", "no reason was given")).split())
        self._display.display(f"{result._task.get_name()}: {json.dumps(answer, default=str)}")
        append("REKINDLE_OUTCOMES", json.dumps({"failure": reason}))

    def v2_runner_on_unreachable(self, result):
        self.v2_runner_on_failed(result)


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
