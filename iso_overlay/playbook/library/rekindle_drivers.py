#!/usr/bin/python
"""How does a machine get drivers for its own hardware? Ubuntu knows; elsewhere a person is told.

No item stands for them: what the old machine had is bound. So this answers for none.
"""

from __future__ import annotations

import re
import shutil
import subprocess

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.rekindle import ARGUMENTS, answer, read_plan, say

PROGRAM = "ubuntu-drivers"
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin"
NOTHING_TO_DO = re.compile(r"(?i)already installed|no drivers found")
SECONDS = 3600


def main():
    module = AnsibleModule(argument_spec=ARGUMENTS, supports_check_mode=True)
    if not read_plan(module.params["plan"], "drivers") or module.check_mode:
        answer(module, [])
    changed, line = installed(PATH)
    if line:
        say(module.params["progress"], line)
    answer(module, [], changed=changed)


def installed(path):
    """Install them; return whether that changed anything, and a line for a person, ""."""
    program = shutil.which(PROGRAM, path=path)
    if not program:
        return False, ""
    try:
        done = subprocess.run(
            [program, "install"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return True, f"drivers: {PROGRAM} took more than {SECONDS} s: run `{PROGRAM} install` again"
    said = done.stdout.decode(errors="replace")
    if done.returncode != 0:
        last = (said.strip().splitlines() or [f"it ended with {done.returncode}"])[-1][:200]
        return True, f"drivers: {last}: run `{PROGRAM} install`"
    return not NOTHING_TO_DO.search(said), ""


if __name__ == "__main__":
    main()
