"""The weekly run under a real systemd: installed, verified, started by it, removed."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from builder.payload.program import restore_program
from tests.container.minimal import Container, container, minimal_root, remove

pytestmark = [
    pytest.mark.container,
    pytest.mark.skipif(os.geteuid() != 0, reason="containers need root"),
]

OURS = ("rekindle.service", "rekindle.timer")
# `rekindle` that says when it is asked to refresh: the chain itself is tested elsewhere.
WRAPPER = """\
#!/bin/sh
if [ "$1" = refresh ]; then echo "$REKINDLE_HOME" >/root/refreshed; exit 3; fi  # done, with gaps
exec python3 /root/restore.pex "$@"
"""
SCRIPT = """\
#!/bin/sh
cd /root
say() { name="$1"; shift; "$@" >"$name.out" 2>&1; echo $? >"$name.code"; }
export PATH=/usr/local/bin:$PATH REKINDLE_HOME=/root/home
say before rekindle timer status --json
say install rekindle timer install
say verify systemd-analyze verify --man=no /etc/systemd/system/rekindle.service \\
    /etc/systemd/system/rekindle.timer
say enabled systemctl is-enabled rekindle.timer
say status rekindle timer status --json
say start systemctl start rekindle.service
say remove rekindle timer remove
say gone systemctl cat rekindle.timer
echo 'timer: {calendar: every other moon}' >home/config/rekindle.yaml
say wrong rekindle timer install
systemctl poweroff
"""
UNIT = """\
[Service]
Type=oneshot
ExecStart=/root/script
[Install]
WantedBy=multi-user.target
"""


@pytest.fixture(scope="module")
def machine(program_cache: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Container]:
    """A machine on which SCRIPT was run at boot."""
    booted = container(minimal_root(program_cache), tmp_path_factory.mktemp("timer") / "machine")
    root = booted.root
    shutil.copy(restore_program(program_cache, print), root / "root/restore.pex")
    (root / "root/home/config").mkdir(parents=True)
    (root / "root/home/config/rekindle.yaml").write_text("timer: {calendar: 'Sun 03:00'}\n")
    for place, text in ((root / "root/script", SCRIPT), (root / "usr/local/bin/rekindle", WRAPPER)):
        place.write_text(text)
        place.chmod(0o755)
    (root / "etc/systemd/system/script.service").write_text(UNIT)
    booted.run("systemctl", "enable", "script.service")
    booted.boot(timeout_seconds=180)
    yield booted
    remove(booted)


def said(machine: Container, name: str) -> tuple[int, str]:
    folder = machine.root / "root"
    return int((folder / f"{name}.code").read_text()), (folder / f"{name}.out").read_text().strip()


def test_it_is_installed_enabled_and_will_run(machine: Container) -> None:
    assert said(machine, "before") == (1, '{\n "installed": "no"\n}')
    assert said(machine, "install")[0] == 0, said(machine, "install")
    assert said(machine, "enabled") == (0, "enabled")
    code, text = said(machine, "status")
    status = json.loads(text)
    assert code == 0
    assert status["active"] == "active"
    assert status["next"].startswith("Sun ")


def test_systemd_finds_nothing_wrong_with_the_units(machine: Container) -> None:
    assert said(machine, "verify") == (0, "")


def test_systemd_starts_the_chain_in_the_same_home(machine: Container) -> None:
    assert said(machine, "start") == (0, "")
    assert (machine.root / "root/refreshed").read_text() == "/root/home\n"


def test_it_is_removed(machine: Container) -> None:
    assert said(machine, "remove")[0] == 0
    assert said(machine, "gone")[0] != 0
    assert not any((machine.root / "etc/systemd/system" / name).exists() for name in OURS)


def test_a_wrong_calendar_is_refused_and_nothing_is_installed(machine: Container) -> None:
    code, text = said(machine, "wrong")
    assert code == 1
    assert "timer.calendar" in text
    assert not any((machine.root / "etc/systemd/system" / name).exists() for name in OURS)
