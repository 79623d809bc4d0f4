#!/usr/bin/python
"""What becomes of the items that are captured, and that no role brings back yet?

Each is told with the command that brings it back by hand.
"""

from __future__ import annotations

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.rekindle import ARGUMENTS, UNAVAILABLE, answer, outcome, read_plan

REASON = "captured, but this version of Rekindle does not bring it back by itself"


def main():
    module = AnsibleModule(
        argument_spec={**ARGUMENTS, "section": {"required": True}}, supports_check_mode=True
    )
    steps = read_plan(module.params["plan"], "pending")
    answer(module, [told(step) for step in steps if step["section"] == module.params["section"]])


def told(step):
    """Say that an item is not there, and how it gets there."""
    return outcome(step, UNAVAILABLE, REASON, step["by_hand"] or "set it up by hand from the posture")


if __name__ == "__main__":
    main()
