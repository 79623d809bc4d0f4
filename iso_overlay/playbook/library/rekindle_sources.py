#!/usr/bin/python
"""How do the files of package sources come back, and does each vendor serve the release that is here?

apt itself is asked for the indexes of the new release: with its proxies, its certificates and passwords, for
a bounded time. A source that has none is switched off in its file.
"""

from __future__ import annotations

import os
import re
import subprocess
import tempfile
from concurrent.futures import ThreadPoolExecutor

from ansible.module_utils.apt import ENVIRONMENT
from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.rekindle import (
    ALREADY,
    ARGUMENTS,
    DEFERRED,
    FAILED,
    RESTORED,
    SUBSTITUTED,
    answer,
    has_route,
    outcome,
    raw,
    read_plan,
    say,
    why,
    write_whole,
)

# Where apt looks for sources (sources.list(5)).
PLACE = re.compile(rb"/etc/apt/sources\.list(?:\.d/[^/\0]+)?")
HELPER = "/usr/lib/apt/apt-helper"
OPTIONS = (
    *("-o", "Acquire::Retries=0", "-o", "Acquire::http::Timeout=10", "-o", "Acquire::https::Timeout=10"),
    *("-o", "APT::Sandbox::User=root"),
)
INDEXES = ("InRelease", "Release")
ASKED_SECONDS = 30
AT_ONCE = 8
# What a server says that is there, and has no such thing.
ANSWERED = re.compile(r"\b4\d\d\b|File not found|No such file")


def main():
    module = AnsibleModule(argument_spec=ARGUMENTS, supports_check_mode=True)
    plan, progress = module.params["plan"], module.params["progress"]
    steps = read_plan(plan, "sources")
    folders = sorted({folder for step in steps for block in step["blocks"] for folder in block["asked"]})
    answered = {} if module.check_mode else served(folders, progress)
    base = os.path.dirname(plan)
    answer(module, [brought_back(step, base, answered, module.check_mode) for step in steps])


def served(folders, progress):
    """Return for each folder whether it has an index: "" if so, else why not."""
    if folders:
        say(progress, f"asking {len(folders)} sources for this release")
    with ThreadPoolExecutor(AT_ONCE) as pool:
        return dict(zip(folders, pool.map(lacking, folders), strict=True))


def lacking(folder):
    """Return why a folder's index could not be had, "" if it could."""
    with tempfile.TemporaryDirectory() as aside:
        for name in INDEXES:
            argv = [HELPER, *OPTIONS, "download-file", folder + name, os.path.join(aside, name)]
            reason = refusal(argv)
            if not reason or not ANSWERED.search(reason):
                break
    return reason


def refusal(argv):
    try:
        done = subprocess.run(
            argv,
            env={**os.environ, **ENVIRONMENT},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=ASKED_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return f"no answer within {ASKED_SECONDS} s"
    lines = [line for line in done.stdout.decode(errors="replace").splitlines() if line.startswith("E: ")]
    return "" if done.returncode == 0 else " ".join((lines or ["it did not answer"])[0].split())


def brought_back(step, base, answered, check_mode):
    """Write one file of sources, and return its outcome."""
    path = raw(step["path"])
    if not PLACE.fullmatch(path):
        return outcome(step, FAILED, "not where apt looks for sources", "mend the posture")
    try:
        content = content_of(step, base, answered)
        is_there = content == there(path)
        if not check_mode and not is_there:
            os.makedirs(os.path.dirname(path), mode=0o755, exist_ok=True)
            write_whole(path, content, 0o644)
    except OSError as error:
        return outcome(step, FAILED, why(error), "put the file back by hand from the posture")
    return judged(step, answered, ALREADY if is_there else RESTORED)


def content_of(step, base, answered):
    """Return the bytes to be written."""
    if not step["blocks"]:
        with open(os.path.join(os.fsencode(base), raw(step["content"])), "rb") as file:
            return file.read()
    return b"".join(raw(text_of(block, answered)) for block in step["blocks"])


def text_of(block, answered):
    if not block["asked"]:
        return block["text"]
    return block["off"] if any(answered.get(folder) for folder in block["asked"]) else block["moved"]


def there(path):
    try:
        with open(path, "rb") as file:
            return file.read()
    except FileNotFoundError:
        return None


def judged(step, answered, state):
    """Return the outcome of a file that is there."""
    asked = [folder for block in step["blocks"] for folder in block["asked"]]
    lost = [(folder, answered[folder]) for folder in asked if answered.get(folder)]
    if lost and not has_route() and not any(ANSWERED.search(reason) for _, reason in lost):
        reason = f"switched off: nobody could be asked whether {lost[0][0]} is there"
        return outcome(
            step, DEFERRED, reason, "connect the network and restart: it goes on by itself", "network"
        )
    if lost:
        reason = f"switched off: it does not serve {step['release']}: {lost[0][1]}"
        return outcome(step, DEFERRED, reason, f"when it does, switch it on in {step['path']}")
    if asked or step["replaced"]:
        moved = f"written for {step['release']}" if asked else ""
        return outcome(step, SUBSTITUTED, "; ".join(filter(None, (moved, step["replaced"]))))
    return outcome(step, state)


if __name__ == "__main__":
    main()
