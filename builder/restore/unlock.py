"""How do secrets come back, and what waited for them after them?

Each file is put back as its owner, with its mode. A different one that is there is kept first. Then what the
restore put off until it has its secret goes on.
"""

from __future__ import annotations

import base64
import grp
import json
import os
import pwd
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from builder.payload.payload import open_payload
from builder.restore.keep import PAYLOAD
from builder.restore.page import read_report
from builder.restore.people import Words
from builder.restore.report import Report
from builder.restore.restore import restore
from builder.secrets import Sealed, SealedFile, left_out, unseal
from collectors.accounts import PEOPLE
from collectors.command import found as found_program
from collectors.command import run
from collectors.failure import Failure
from collectors.host import Machine
from collectors.posture import Posture
from collectors.record import escaped, unescaped
from collectors.repository import SECRETS, read_posture

KEPT, BESIDE = "kept", ".before-restore"
RESUME = "rekindle secrets unlock"
# Who reads what is below a folder only when told to.
HEARERS = {
    "/etc/NetworkManager/": ("nmcli", "connection", "reload"),
    "/etc/systemd/": ("systemctl", "daemon-reload"),
}
Say = Callable[[str], None]

# Each target has it, where everybody may run it: ours may lie in root's home.
PYTHON = "/usr/bin/python3"
# It runs as who has the home: what they may not write, it cannot either.
PUT = r"""
import contextlib, json, os, sys
path, kept, mode, uid, gid = json.loads(sys.stdin.buffer.readline())
content = sys.stdin.buffer.read()
path, kept = os.fsencode(path), os.fsencode(kept)
os.umask(0o077)
os.makedirs(os.path.dirname(path), exist_ok=True)
if os.path.lexists(path):
    is_file = os.path.isfile(path) and not os.path.islink(path)
    if is_file and open(path, "rb").read() == content:
        os.chmod(path, mode)
        sys.exit()
    os.makedirs(os.path.dirname(kept), exist_ok=True)
    number = 0
    while os.path.lexists(kept + b".%d" % number * bool(number)):
        number += 1
    kept += b".%d" % number * bool(number)
    os.rename(path, kept)
    sys.stdout.buffer.write(kept)
aside = os.path.join(os.path.dirname(path), b".rekindle-aside")
with contextlib.suppress(FileNotFoundError):
    os.unlink(aside)
descriptor = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
with os.fdopen(descriptor, "wb") as file:
    file.write(content)
    with contextlib.suppress(PermissionError):
        os.fchown(descriptor, uid, gid)
    os.fchmod(descriptor, mode)
    os.fsync(descriptor)
os.replace(aside, path)
"""


@dataclass(frozen=True)
class Unlocked:
    """What came of it: lines for a person, how many files are back and are not, and the report afterwards."""

    said: tuple[str, ...]
    files: int
    refused: int
    report: Report


@dataclass(frozen=True)
class Locked:
    """What the restore left for later: its payload's posture, the sealed secrets, and who is who."""

    posture: Posture
    secrets: bytes
    words: Words
    report: Report


def locked(state: Path) -> Locked:
    """Return what waits in `state`; raises Failure where nothing was restored from there."""
    if os.geteuid() != 0:
        raise Failure("secrets go to several people's homes", remedy="run it with sudo")
    report, payload = read_report(state), state / PAYLOAD
    if not payload.is_file():
        raise Failure(f"{payload}: no such file", remedy=f"copy the payload there, then `{RESUME}`")
    with tempfile.TemporaryDirectory(dir=state) as folder:
        manifest = open_payload(payload, Path(folder) / "payload")
        posture = read_posture(Path(folder) / "payload/posture")
        sealed = Path(folder) / "payload" / SECRETS
        secrets = sealed.read_bytes() if sealed.exists() else b""
    names = report.map_user or manifest.map_user
    return Locked(posture, secrets, Words.of(posture, names), report)


def listed(state: Path) -> tuple[dict[str, str], dict[str, str]]:
    """Return why each path was left out as secret, and what each item waits for; raises Failure."""
    found = locked(state)
    left = {found.words.text(each.path): each.reason for each in left_out(Machine(), found.posture)}
    return left, {each.id: each.reason for each in found.report.waiting()}


def read_identity(file: Path | None, ask: Callable[[str], str]) -> bytes:
    """Return what opens the secrets: from a file, or asked for; raises Failure."""
    if file is None:
        return ask("age identity (AGE-SECRET-KEY-1…)").encode()
    try:
        return file.read_bytes()
    except OSError as error:
        raise Failure(f"{file}: {error.strerror}", remedy="name the file of your age identity") from None


def unlock(
    state: Path, found: Locked, identity: Callable[[], bytes], ask: Callable[[str], str], say: Say
) -> Unlocked:
    """Put the secrets back, and finish what waited for them.

    `identity` returns what opens them, `ask` a passphrase that it needs. Raises Failure.
    """
    said: list[str] = []
    sealed = Sealed()
    files = 0
    if found.secrets:
        sealed = renamed(unseal(found.secrets, identity(), ask), found.words)
        for line, done in put_back(sealed, state / KEPT):
            files += done
            said += [line] if line else []
        said += tell_hearers(sealed)
    else:
        said += by_hand(found)
    return Unlocked(tuple(said), files, len(sealed.files) - files, resumed(state, found.report, say))


def renamed(sealed: Sealed, words: Words) -> Sealed:
    """Return the files under the names of this machine."""
    if not words.people:
        return sealed
    files = (
        each.model_copy(
            update={
                "path": words.text(each.path),
                "owner": words.account(each.owner, words.people),
                "group": words.account(each.group, words.groups),
                "content": base64.b64encode(words.content(each.path, each.raw())).decode(),
            }
        )
        for each in sealed.files
    )
    return Sealed(files=tuple(files))


def put_back(sealed: Sealed, kept: Path) -> Iterator[tuple[str, bool]]:
    """Put each file back; yield a line for a person where there is one to say, and whether it is there."""
    for each in sealed.files:
        try:
            said = _put(each, kept)
        except (KeyError, ValueError, IndexError, OSError) as error:
            yield f"{each.path}: not put back: {_why(error, each)}", False
            continue
        yield (f"{each.path}: what was there is kept as {said}" if said else ""), True


def tell_hearers(sealed: Sealed) -> list[str]:
    """Have those read the files anew that do so only when told; return a line for each that could not."""
    said = []
    for folder, argv in HEARERS.items():
        if any(each.path.startswith(folder) for each in sealed.files) and found_program(argv[0]):
            try:
                run(argv, timeout_seconds=30)
            except Failure as failure:
                said.append(f"{folder}: not read again: {failure.message}")
    return said


def by_hand(found: Locked) -> list[str]:
    """Say which files to put where."""
    files = left_out(Machine(), found.posture)
    return [
        "the payload has no sealed secrets: put these files back by hand, for their owners' eyes only",
        *(f"{found.words.text(each.path)}: {each.reason}" for each in files),
    ]


def resumed(state: Path, before: Report, say: Say) -> Report:
    """Restore what waits for a secret, and return the whole report, written anew."""
    ids = [each.id for each in before.waiting()]
    if not ids:
        return before
    restore(state / PAYLOAD, state=state, only=ids, map_user=before.map_user, say=say)
    return read_report(state)


def _put(file: SealedFile, kept: Path) -> str:
    """Put one file back, and return where the one that was there is kept, or ""."""
    path = unescaped(file.path)
    home = _whose(path)
    uid = -1 if home else pwd.getpwnam(file.owner).pw_uid
    # NetworkManager and others read whatever lies in their folders: there nothing is kept beside.
    aside = f"{path}{BESIDE}" if home else f"{kept}{path}"
    facts = [path, aside, int(file.mode, 8) & 0o7777, uid, _gid(file.group, home)]
    done = subprocess.run(
        [PYTHON, "-I", "-c", PUT],
        input=json.dumps(facts).encode() + b"\n" + file.raw(),
        capture_output=True,
        cwd="/",
        check=False,
        **_as(home),
    )
    if done.returncode != 0:
        raise OSError(done.stderr.decode(errors="replace").strip().splitlines()[-1])
    return escaped(os.fsdecode(done.stdout))


def _whose(path: str) -> pwd.struct_passwd | None:
    """Return the person whose home a path is in: the innermost one."""
    homes = (
        (each.pw_dir.rstrip("/"), each)
        for each in pwd.getpwall()
        if each.pw_uid in PEOPLE or each.pw_dir.startswith("/home/")
    )
    around = [(home, each) for home, each in homes if home and path.startswith(f"{home}/")]
    return max(around, key=lambda found: len(found[0]))[1] if around else None


def _gid(group: str, home: pwd.struct_passwd | None) -> int:
    """Return a group's number; in a home, the person's own stands for one that is not here."""
    try:
        return grp.getgrnam(group).gr_gid
    except KeyError:
        if home is None:
            raise
        return home.pw_gid


def _as(home: pwd.struct_passwd | None) -> dict[str, Any]:
    if home is None:
        return {}
    groups = os.getgrouplist(home.pw_name, home.pw_gid)
    return {"user": home.pw_uid, "group": home.pw_gid, "extra_groups": groups}


def _why(error: Exception, file: SealedFile) -> str:
    if isinstance(error, KeyError):
        return f"there is no {file.owner} or no group {file.group} here"
    return " ".join(str(error).split())
