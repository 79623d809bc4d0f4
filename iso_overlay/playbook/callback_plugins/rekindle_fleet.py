"""What is heard of each host of a fleet? One JSON object for each event, on standard output.

`{"host": "oven", "doing": "copying the payload"}`, `{"host": "oven", "answer": "<base64>"}`, or why it
failed: `{"host": "oven", "failed": "…"}`, `{"host": "oven", "unreachable": "…"}`.
"""

from __future__ import annotations

import json
import sys

from ansible.plugins.callback import CallbackBase

DOCUMENTATION = """
name: rekindle_fleet
type: stdout
short_description: what is heard of each host
description:
  - Writes one JSON object for each event.
"""
SHOWN = ("copying the payload", "restoring", "reading the report")


class CallbackModule(CallbackBase):
    """Tell of hosts as it comes."""

    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "stdout"
    CALLBACK_NAME = "rekindle_fleet"

    def v2_runner_on_start(self, host, task):
        if task.get_name() in SHOWN:
            tell(host.get_name(), doing=task.get_name())

    def v2_runner_on_ok(self, result):
        content = answer_of(result).get("content")
        if result._task.get_name() == "reading the report" and content:
            tell(result._host.get_name(), answer=content)

    def v2_runner_on_failed(self, result, ignore_errors=False):
        tell(result._host.get_name(), failed=f"{result._task.get_name()}: {reason(answer_of(result))}")

    def v2_runner_on_unreachable(self, result):
        tell(result._host.get_name(), unreachable=reason(answer_of(result)))


def answer_of(result):
    return getattr(result, "result", None) or result._result


def reason(answer):
    """Return the last line of what a command said, else of what Ansible says."""
    said = answer.get("stderr") or answer.get("msg") or answer.get("module_stderr") or "no reason was given"
    lines = [line.strip() for line in str(said).splitlines() if line.strip()]
    return lines[-1] if lines else "no reason was given"


def tell(host, **event):
    sys.stdout.write(json.dumps({"host": host, **event}) + "\n")
    sys.stdout.flush()
