#!/usr/bin/python
"""How do all packages come back in one transaction, and what became of each?

The indexes are fetched, what has no candidate is set aside, the rest is installed at once. Only
when that fails is the rest halved until the package that fails stands alone.
"""

from __future__ import annotations

import os
import re
import select
import subprocess

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.rekindle import (
    ALREADY,
    ARGUMENTS,
    DEFERRED,
    FAILED,
    RESTORED,
    UNAVAILABLE,
    answer,
    outcome,
    read_plan,
    say,
)

NAME = re.compile(r"[a-z0-9][a-z0-9+.-]+(:[a-z0-9-]+)?")
INSTALLED = re.compile(r"pmstatus:([^ ]+):[0-9.]+:Installed ")
ENVIRONMENT = {
    "DEBIAN_FRONTEND": "noninteractive",
    "APT_LISTCHANGES_FRONTEND": "none",
    "NEEDRESTART_SUSPEND": "1",
    "LC_ALL": "C.UTF-8",
    "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
}
APT_GET = (
    *("apt-get", "--yes", "--quiet"),
    *("-o", "Acquire::Retries=2"),
    # With a delay, apt 2.6 waits for ever once one port of a host refused and another is asked.
    *("-o", "Acquire::Retries::Delay=false"),
    *("-o", "Acquire::http::Timeout=30"),
    *("-o", "Acquire::https::Timeout=30"),
    *("-o", "DPkg::Lock::Timeout=600"),
    *("-o", "Dpkg::Use-Pty=0"),
    # The package's own file comes now, the owner's comes later: nothing is asked.
    *("-o", "Dpkg::Options::=--force-confdef"),
    *("-o", "Dpkg::Options::=--force-confold"),
)
UPDATE_SECONDS = 900
TOO_LATE = 124
# What `apt-get update` says of a source that some machine answered for; "404" is an answer, too.
ANSWERED = re.compile(r"^(?:(?:Hit|Get):\d+ (?!file:|copy:|cdrom:)|  4\d\d  )", re.M)
NOT_FETCHED = re.compile(r"^[EW]: (Failed to fetch .*)$", re.M)
CONNECT = "connect the network and restart: it goes on by itself"
# A question leaves no cache behind.
WITHOUT_CACHE = ("-o", "Dir::Cache::pkgcache=", "-o", "Dir::Cache::srcpkgcache=")


def main():
    module = AnsibleModule(argument_spec=ARGUMENTS, supports_check_mode=True)
    plan, progress = module.params["plan"], module.params["progress"]
    log = os.path.join(os.path.dirname(plan), "apt.log")
    steps, held = read_plan(plan, "packages"), read_plan(plan, "holds")
    if module.check_mode:
        answer(module, planned(steps) + holds(held, mark=False))
    code, said = updated(progress, log) if steps or held else (0, "")
    notes = unread(read_plan(plan, "files"), said)
    reason = unreached(code, said)
    if reason:
        answer(module, put_off(steps, held, reason), notes)
    outcomes = packages(steps, lambda names: installed_all(names, progress, log), mark=True)
    answer(module, outcomes + holds(held, mark=True), notes)


def updated(progress, log):
    """Fetch the indexes, and return apt's code and all it said."""
    say(progress, "fetching the package indexes")
    return spoken([*APT_GET, "update"], log, UPDATE_SECONDS)


def unreached(code, said):
    """Return why no source at all could be reached, in apt's words, or ""."""
    if ANSWERED.search(said) or not (code == TOO_LATE or re.search(r"^Err:", said, re.M)):
        return ""
    return ": ".join(["no network", *NOT_FETCHED.findall(said)[-1:]])


def put_off(steps, held, reason):
    """Answer without a network: nothing is installed, and what is not there waits for the next boot."""
    outcomes = packages(steps, lambda names: {}, mark=True, candidates=lambda names: set())
    return later(outcomes + holds(held, mark=True), reason, CONNECT)


def later(outcomes, reason, remedy):
    """Defer what did not come back, but for what is no package's name."""
    return [
        {**each, "state": DEFERRED, "reason": reason, "remedy": remedy, "until": "network"}
        if each["state"] in (UNAVAILABLE, FAILED) and NAME.fullmatch(each["id"].partition(":")[2])
        else each
        for each in outcomes
    ]


def unread(sources, said):
    """Match apt's complaints to the sources whose addresses they name."""
    complaints = [line for line in said.splitlines() if line.startswith(("E: ", "W: ", "Err:"))]
    notes = []
    for source in sources:
        about = [line for line in complaints if any(names(line, uri) for uri in source.get("uris", ()))]
        if about:
            notes.append(
                {
                    "id": source["id"],
                    "reason": f"its index could not be read: {about[-1]}",
                    "remedy": "see whether the source still exists, then run `apt update`",
                }
            )
    return notes


def names(line, uri):
    return bool(uri.strip("/")) and uri.rstrip("/") in line


def packages(steps, install, mark, candidates=None):
    """Bring back packages: `install` takes names and returns the reasons of those that failed."""
    valid = [step["name"] for step in steps if NAME.fullmatch(step["name"])]
    there, manual = installed(valid), shown("showmanual")
    on_offer = (candidates or offered)([name for name in valid if name not in there])
    failed = install([name for name in valid if name in on_offer])
    automatic = [name for name in valid if name in there and name not in manual]
    if mark and automatic:
        asked(["apt-mark", "manual", *automatic])
    return [
        package_outcome(step, name in there and name in manual, name in there or name in on_offer, failed)
        for step in steps
        for name in (step["name"],)
    ]


def planned(steps):
    """Say what a restore would do; what the indexes of today do not offer may come with its source."""
    outcomes = packages(steps, lambda names: {}, mark=False)
    return later(outcomes, "no source offers it yet", "restore, then see")


def package_outcome(step, is_there, is_offered, failed):
    name = step["name"]
    if not NAME.fullmatch(name):
        return outcome(step, FAILED, "not the name of a package", "mend the posture")
    if name in failed:
        return outcome(step, FAILED, failed[name], f"run `apt install {name}` and read what it says")
    if is_there:
        return outcome(step, ALREADY)
    if is_offered:
        return outcome(step, RESTORED)
    return outcome(step, UNAVAILABLE, "no source offers it", "add its source, or look for its new name")


def installed_all(wanted, progress, log):
    """Install `wanted`; return the reason for each name that could not be."""
    if not wanted:
        return {}
    say(progress, f"apt 0 of {len(wanted)}")
    code, said = followed([*APT_GET, "install", *wanted], wanted, progress, log)
    return {} if code == 0 else failures(wanted, said, progress, log)


def failures(wanted, said, progress, log):
    """After a failed transaction, install by halves what is still missing."""
    missing = [name for name in wanted if name not in installed(wanted)]
    if len(missing) <= 1 and len(wanted) == 1:
        return dict.fromkeys(missing, complaint(said))
    reasons = {}
    middle = (len(missing) + 1) // 2
    for half in filter(None, (missing[:middle], missing[middle:])):
        # What came back already is not given up for what did not.
        code, said = followed([*APT_GET, "--no-remove", "install", *half], half, progress, log)
        if code != 0:
            reasons.update(failures(half, said, progress, log))
    return reasons


def complaint(said):
    """Return what apt gave as its reason, in one line."""
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    told = [line for line in lines if line.startswith(("E: ", "dpkg: error"))]
    unmet = [line for line in lines if "Depends:" in line or "Conflicts:" in line]
    return "; ".join([*unmet[:2], *told[:2]]) or "apt-get failed"


def installed(wanted):
    """Return which of `wanted` are installed and configured."""
    said = asked(["dpkg-query", "-W", "-f", "${Package}\t${Architecture}\t${db:Status-Abbrev}\n"])
    there = set()
    for line in said.splitlines():
        name, architecture, status = line.split("\t")
        if status[1:2] == "i":
            there |= {f"{name}:{architecture}", name if architecture in native() else ""}
    return {name for name in wanted if name in there}


def native():
    """Return the architectures whose packages are named without one."""
    if not NATIVE:
        NATIVE.update({"all", asked(["dpkg", "--print-architecture"]).strip()})
    return NATIVE


NATIVE: set[str] = set()


def offered(wanted):
    """Return which of `wanted` have a candidate."""
    return candidates_of(asked(["apt-cache", *WITHOUT_CACHE, "policy", *wanted])) if wanted else set()


def candidates_of(policy):
    """Read `apt-cache policy`: a name in the first column, its candidate below."""
    found, name = set(), ""
    for line in policy.splitlines():
        if line and not line.startswith(" "):
            name = line.rstrip(":")
        elif line.strip().startswith("Candidate:") and not line.endswith("(none)"):
            found.add(name)
    return found


def shown(what):
    return set(asked(["apt-mark", *WITHOUT_CACHE, what]).split())


def holds(steps, mark):
    """Hold packages at their version, known to apt or not."""
    before = shown("showhold")
    wanted = [s["name"] for s in steps if NAME.fullmatch(s["name"]) and s["name"] not in before]
    if mark:
        for name in wanted:
            asked(["apt-mark", "hold", name])
    after = shown("showhold") if mark else before | set(wanted)
    return [
        outcome(step, ALREADY)
        if step["name"] in before
        else outcome(step, RESTORED)
        if step["name"] in after
        else outcome(step, FAILED, "apt does not know it", f"run `apt-mark hold {step['name']}` later")
        for step in steps
    ]


def asked(argv):
    """Ask a question, and return the answer; warnings are none, and go where ours go."""
    done = subprocess.run(
        argv,
        env={**os.environ, **ENVIRONMENT},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        check=False,
    )
    return done.stdout.decode(errors="replace")


def spoken(argv, log, timeout_seconds):
    """Run a command, and return its code and all it said; one that takes too long is ended."""
    try:
        done = subprocess.run(
            argv,
            env={**os.environ, **ENVIRONMENT},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=timeout_seconds,
            check=False,
        )
        code, said = done.returncode, done.stdout
    except subprocess.TimeoutExpired as late:
        code, said = TOO_LATE, late.stdout or b""
    with open(log, "ab") as file:
        file.write(said)
    return code, said.decode(errors="replace")


def followed(argv, wanted, progress, log):
    """Run apt-get, tell how far it is, and return its code and what it said."""
    ours, theirs = os.pipe()
    with open(log, "a+b") as file:
        start = file.seek(0, os.SEEK_END)
        process = subprocess.Popen(
            [argv[0], "-o", f"APT::Status-Fd={theirs}", *argv[1:]],
            env={**os.environ, **ENVIRONMENT},
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=subprocess.STDOUT,
            pass_fds=(theirs,),
        )
        os.close(theirs)
        try:
            follow(process, ours, wanted, progress)
        finally:
            os.close(ours)
        code = process.wait()
        file.seek(start)
        return code, file.read().decode(errors="replace")


def follow(process, status, wanted, progress):
    """Read apt's status lines until it ends; a daemon may hold the pipe open for longer."""
    done, rest = set(), ""
    while process.poll() is None or select.select([status], [], [], 0)[0]:
        if not select.select([status], [], [], 0.5)[0]:
            continue
        block = os.read(status, 65536).decode(errors="replace")
        if not block:
            break
        *lines, rest = (rest + block).split("\n")
        for line in lines:
            name = configured(line)
            if name in wanted and name not in done:
                done.add(name)
                say(progress, f"apt {len(done)} of {len(wanted)} {name}")


def configured(line):
    """Return the package that is installed by now: `pmstatus:tree:100.0:Installed tree (amd64)`."""
    match = INSTALLED.match(line)
    return match[1] if match else ""


if __name__ == "__main__":
    main()
