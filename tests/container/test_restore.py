"""A sample machine comes back on a minimal system, by the very program that the ISO carries."""

from __future__ import annotations

import json
import os
import shutil
import stat
import tarfile
from dataclasses import replace
from pathlib import Path

import pytest

from builder.payload.pack import write_payload
from collectors.collect import collect
from collectors.compare import score
from collectors.debian.sources import parse_sources
from collectors.domains.apt import Package, SourceFile
from collectors.domains.files import Files
from collectors.domains.users import Group, User
from collectors.host import Machine
from collectors.posture import Posture
from collectors.record import File, escaped, sha256
from collectors.repository import read_posture
from tests.container.minimal import Container
from tests.container.restoring import reported, restored
from tests.sample.archive import BROKEN, Served
from tests.sample.posture import TOP, sample_posture
from tests.unit.restore.playbook import OVERLAY

pytestmark = [
    pytest.mark.container,
    pytest.mark.skipif(os.geteuid() != 0, reason="containers need root"),
]

REPORT_PORT = "/dev/virtio-ports/org.rekindle.report"
HASH_MARKS = ("$6$", "$y$")
WANTS = "etc/systemd/system/multi-user.target.wants"
LEAST_ITEMS = 45
DEAD = "/etc/apt/sources.list.d/dead.list"
# One host refuses, one suite is gone.
DEAD_SOURCE = "deb [trusted=yes] http://127.0.0.2:9/dead sample main\ndeb {url}/main gone main\n"

# Items that cannot come back, with the state each must end in.
BAD = {
    "apt:no-such-package": "unavailable",
    f"apt:{BROKEN}": "failed",
    "apt:; rm -rf /etc/hearth": "failed",
    "apt:$(touch /pwned)": "failed",
    "apt:{{ lookup('pipe', 'touch /pwned') }}": "failed",
    "apt-hold:-oDir=/pwned": "failed",
    "group:root": "failed",
    "user:root": "failed",
    "file:/etc/hearth/link-out/pwned": "failed",
    "file:/etc/hearth/a-strangers": "failed",
}


def test_a_booted_machine_restores_itself_reports_and_powers_off(
    blank: Container, program: Path, served: Served, tmp_path: Path
) -> None:
    posture = sample_posture(served.url(), served.key)
    install_first_boot(blank, posture, program)
    set_passwords(blank.root)
    port = tmp_path / "report.tar"
    port.touch()
    booted = blank.boot(f"--bind={port}:{REPORT_PORT}")
    log = (blank.root / "var/log/rekindle-restore.log").read_text()
    assert booted.returncode == 0, log
    for mark in HASH_MARKS:
        assert mark.encode() in (blank.root / "etc/shadow").read_bytes()
        assert mark.encode() not in port.read_bytes()
    with tarfile.open(port) as tar:
        tar.extractall(tmp_path / "sent")
    report = json.loads((tmp_path / "sent" / "restore-report.json").read_text())
    result = score(posture, read_posture(tmp_path / "sent" / "posture"))
    assert (result.missing, result.changed) == ((), ())
    assert result.eligible == result.found >= LEAST_ITEMS
    assert {entry["id"] for entry in report["items"]} == {item.id for item in posture.items()}
    assert {entry["state"] for entry in report["items"]} == {"restored", "excluded"}
    for line in ("restore started", "packages 18 of 18", "score 100.0 %", "restore finished"):
        assert f"rekindle: {line}" in log
    assert (blank.root / "var/lib/rekindle/restored.done").exists()
    assert not (blank.root / "usr/sbin/policy-rc.d").exists()
    assert not (blank.root / "var/cache/rekindle").exists()
    assert stat.S_IMODE((blank.root / "var/log/rekindle-restore.log").stat().st_mode) == 0o600


def test_without_a_network_a_machine_waits_for_its_next_boot(
    blank: Container, program: Path, served: Served, tmp_path: Path
) -> None:
    install_first_boot(blank, sample_posture("http://127.0.0.2:9", served.key), program)
    port = tmp_path / "report.tar"
    port.touch()
    booted = blank.boot(f"--bind={port}:{REPORT_PORT}")
    log = (blank.root / "var/log/rekindle-restore.log").read_text()
    assert booted.returncode == 0, log
    with tarfile.open(port) as tar:
        assert "restore-report.json" in tar.getnames()
    states = reported(blank.root, "state")
    assert states["apt:tree"] == states["apt-hold:kiln-tongs"] == "deferred"
    assert states["user:ada"] == states["file:/etc/hearth/plain.conf"] == "restored"
    assert "no network" in reported(blank.root, "reason")["apt:tree"]
    assert not (blank.root / "var/lib/rekindle/restored.done").exists()
    assert not (blank.root / "usr/sbin/policy-rc.d").exists()


def test_a_number_that_the_installers_user_took_is_given_back(
    blank: Container, program: Path, served: Served
) -> None:
    posture = sample_posture(served.url(), served.key)
    ada, bob = posture.users.users
    users = (ada, bob.model_copy(update={"uid": 1001, "group": "bob"}))
    groups = (*posture.users.groups, Group(name="bob", gid=1001))
    posture = replace(posture, users=posture.users.model_copy(update={"users": users, "groups": groups}))
    made = blank.run("useradd", "--create-home", "--user-group", "--uid", "1000", "bob")
    assert made.returncode == 0, made.stderr
    (blank.root / "home/bob/roots").touch()
    code, states = restored(blank, posture, program, "--only", "users")
    assert code == 0, reported(blank.root, "reason")
    assert {states[name] for name in ("user:ada", "user:bob", "group:ada", "group:bob")} == {"restored"}
    assert ids(blank.root / "home/ada") == (1000, 1000)
    assert ids(blank.root / "home/bob") == ids(blank.root / "home/bob/.profile") == (1001, 1001)
    assert ids(blank.root / "home/bob/roots") == (0, 0)
    code, states = restored(blank, posture, program, "--only", "users")
    assert (code, set(states.values()) - {"excluded"}) == (0, {"already"})


def test_bad_items_sink_nothing_and_a_second_run_changes_nothing(
    blank: Container, program: Path, served: Served
) -> None:
    good = sample_posture(served.url(), served.key)
    posture = with_bad_items(good, DEAD_SOURCE.format(url=served.url()))
    before = listing(blank.root)
    code, planned = restored(blank, posture, program, "--check")
    assert (code, planned["file:/etc/hearth/plain.conf"]) == (3, "restored")
    assert planned["apt:tree"] == "deferred"
    assert listing(blank.root) == before
    code, states = restored(blank, posture, program)
    assert code == 3
    assert {name: states[name] for name in BAD} == BAD
    result = score(good, collect(Machine(blank.root)).posture)
    assert (result.missing, result.changed) == ((), ())
    assert_data_arrived_as_written(blank.root)
    assert "its index could not be read" in reported(blank.root, "reason")[f"apt-source:{DEAD}"]
    code, again = restored(blank, posture, program)
    assert code == 3
    assert {again[item.id] for item in good.items() if not item.bound} == {"already"}
    assert {name: again[name] for name in BAD} == BAD


def test_sections_are_chosen_and_nonsense_is_refused(blank: Container, program: Path, served: Served) -> None:
    posture = sample_posture(served.url(), served.key)
    code, states = restored(blank, posture, program, "--only", "users")
    assert code == 0
    assert states["user:ada"] == "restored"
    assert "apt:tree" not in states
    assert not (blank.root / TOP.lstrip("/")).exists()
    payload = blank.root / "root/payload.tar"
    payload.write_bytes(payload.read_bytes()[:-200_000])
    refused = blank.run("/root/restore.pex", "restore", "--from", "/root/payload.tar")
    assert refused.returncode == 1
    assert "payload" in refused.stderr


def assert_data_arrived_as_written(root: Path) -> None:
    """Posture values are data: no template, no shell and no YAML ever read them."""
    top = root / TOP.lstrip("/")
    assert (top / "{{ 1 + 1 }}").read_bytes() == b"{{ 1 + 1 }}\n"
    assert (top / "$(id); rm -rf *").exists()
    assert (top / "no").read_bytes() == b"no"
    passwd = (root / "etc/passwd").read_text().splitlines()
    gecos = {line.split(":")[0]: line.split(":")[4] for line in passwd}
    assert gecos["ada"] == "Ada {{ 1 + 1 }},,,"
    assert gecos["bob"] == "no"
    assert gecos["carol"] == "{{ lookup('pipe', 'touch /pwned') }}"
    assert gecos["root"] == "root"
    assert not list(root.rglob("pwned"))
    assert (top / "set-user-id").stat().st_mode & stat.S_ISUID
    shadow = (root / "etc/shadow").read_text().splitlines()
    hashes = {line.split(":")[0]: line.split(":")[1] for line in shadow}
    assert {hashes[name] for name in ("ada", "bob", "carol")} == {"!"}


def with_bad_items(good: Posture, dead: str) -> Posture:
    names = {kind: [] for kind in ("apt", "apt-hold")}
    for name in BAD:
        kind, _, rest = name.partition(":")
        names.get(kind, []).append(rest)
    content = dead.encode()
    entries, _ = parse_sources(dead, path=DEAD)
    source = SourceFile(path=DEAD, format="one-line", sha256=sha256(content), entries=entries)
    return replace(
        good,
        apt=good.apt.model_copy(
            update={
                "packages": (*good.apt.packages, *(Package(name=name) for name in names["apt"])),
                "holds": (*good.apt.holds, *names["apt-hold"]),
                "sources": (*good.apt.sources, source),
            }
        ),
        users=good.users.model_copy(
            update={
                "users": (*good.users.users, bad_user("root", 0), bad_user("carol", 1200)),
                "groups": (*good.users.groups, Group(name="root", gid=1300)),
            }
        ),
        files=Files(files=(*good.files.files, *bad_files())),
        contents={**good.contents, DEAD: content, **dict.fromkeys(bad_paths(), b"pwned")},
    )


def bad_user(name: str, uid: int) -> User:
    return User(
        name=name,
        uid=uid,
        group="no-such-group",
        gecos="{{ lookup('pipe', 'touch /pwned') }}",
        home=f"/home/{name}",
        shell="/bin/sh",
    )


def bad_paths() -> list[str]:
    return [name.partition(":")[2] for name in BAD if name.startswith("file:")]


def bad_files() -> list[File]:
    plain = {"kind": "file", "origin": "unowned", "group": "root", "sha256": sha256(b"pwned")}
    link = File(
        path=f"{TOP}/link-out",
        kind="symlink",
        origin="unowned",
        owner="root",
        group="root",
        target="/var",
    )
    return [
        link,
        *(
            File(
                path=path,
                owner="a-stranger" if path.endswith("strangers") else "root",
                mode="4755",
                **plain,
            )
            for path in bad_paths()
        ),
    ]


def install_first_boot(machine: Container, posture: Posture, program: Path) -> None:
    """Do what the installer's late-commands do."""
    script = machine.root / "usr/local/lib/rekindle/first-boot"
    unit = machine.root / "etc/systemd/system/rekindle-restore.service"
    for place in (script, unit):
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(OVERLAY / "first-boot" / place.name, place)
    (machine.root / WANTS).mkdir(exist_ok=True)
    (machine.root / WANTS / unit.name).symlink_to(f"/etc/systemd/system/{unit.name}")
    payload = machine.root / "var/lib/rekindle/payload.tar"
    write_payload(posture, program, host="hearth", output=payload)


def ids(path: Path) -> tuple[int, int]:
    found = path.lstat()
    return found.st_uid, found.st_gid


def set_passwords(root: Path) -> None:
    """Give accounts of the system hashes that must not leave the machine."""
    shadow = root / "etc/shadow"
    text = shadow.read_text()
    for account, mark in zip(("root", "daemon"), HASH_MARKS, strict=True):
        text = text.replace(f"{account}:*:", f"{account}:{mark}salt$hash:")
    shadow.write_text(text)


def listing(root: Path) -> dict[str, tuple[int, int]]:
    """Return what could have changed: each path with its mode and size, but for the program's cache."""
    passing = {str(root / name) for name in ("root", "tmp", "run", "dev", "proc", "sys")}
    found = {}
    for folder, names, files in os.walk(root):
        names[:] = [name for name in names if os.path.join(folder, name) not in passing]
        for name in (*names, *files):
            place = os.path.join(folder, name)
            entry = os.lstat(place)
            size = 0 if stat.S_ISDIR(entry.st_mode) else entry.st_size
            found[escaped(place)] = (entry.st_mode, size)
    return found
