"""How does the chain run every week by itself? (systemd.timer(5))"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from importlib.resources import files
from pathlib import Path

import jinja2

from builder.tools import require
from builder.whole import whole
from collectors.command import run
from collectors.failure import Failure

UNITS = Path("/etc/systemd/system")
SERVICE = "rekindle.service"
TIMER = "rekindle.timer"
BOOTED = Path("/run/systemd/system")


def unit_texts(program: str, calendar: str, home: str | None) -> dict[str, str]:
    """Return both units; `program` is the absolute path of `rekindle`, `home` is REKINDLE_HOME."""
    program, home = program.replace("%", "%%"), home and home.replace("%", "%%")
    return {
        name: _template(name).render(program=program, calendar=calendar, home=home)
        for name in (SERVICE, TIMER)
    }


def install(calendar: str) -> None:
    """Install and start the timer; raises Failure, with nothing changed, where systemd refuses it."""
    _require_systemd()
    texts = unit_texts(_program(), calendar, os.environ.get("REKINDLE_HOME"))
    verify(texts)
    for name, text in texts.items():
        with whole(UNITS / name) as aside:
            aside.write_text(text)
            aside.chmod(0o644)
    run(["systemctl", "daemon-reload"])
    run(["systemctl", "enable", "--now", TIMER])


def remove() -> None:
    """Stop the timer and remove both units; nothing to remove is no error."""
    _require_systemd()
    if (UNITS / TIMER).exists():
        run(["systemctl", "disable", "--now", TIMER])
    for name in (SERVICE, TIMER):
        (UNITS / name).unlink(missing_ok=True)
    run(["systemctl", "daemon-reload"])


def status() -> dict[str, str]:
    """Return what systemd knows: `installed`, `active`, `next`, `last`, `result`."""
    _require_systemd()
    if not (UNITS / TIMER).exists():
        return {"installed": "no"}
    timer = _shown(TIMER, "ActiveState", "NextElapseUSecRealtime", "LastTriggerUSec")
    service = _shown(SERVICE, "Result")
    return {
        "installed": "yes",
        "active": timer["ActiveState"],
        "next": timer["NextElapseUSecRealtime"] or "never",
        "last": timer["LastTriggerUSec"] or "never",
        "result": service["Result"],
    }


def verify(texts: dict[str, str]) -> None:
    """Have systemd read the units without installing them; raises Failure with what it says."""
    with tempfile.TemporaryDirectory() as folder:
        for name, text in texts.items():
            (Path(folder) / name).write_text(text)
        run(
            ["systemd-analyze", "verify", "--man=no", *(f"{folder}/{name}" for name in texts)],
            remedy="mend `timer.calendar` in rekindle.yaml (see systemd.time(7))",
        )


def _template(name: str) -> jinja2.Template:
    source = (files("builder") / "templates" / f"{name}.j2").read_text()
    environment = jinja2.Environment(  # noqa: S701  a unit file is not HTML
        undefined=jinja2.StrictUndefined, keep_trailing_newline=True, trim_blocks=True
    )
    return environment.from_string(source)


def _shown(unit: str, *properties: str) -> dict[str, str]:
    said = run(["systemctl", "show", unit, f"--property={','.join(properties)}"])
    return dict(line.split("=", 1) for line in said.splitlines() if "=" in line)


def _program() -> str:
    beside = Path(sys.executable).with_name("rekindle")
    found = str(beside) if beside.exists() else shutil.which("rekindle")
    if not found:
        raise Failure("the program `rekindle` is not on PATH", remedy="install Rekindle, or use `make setup`")
    return found


def _require_systemd() -> None:
    require(["systemctl", "systemd-analyze"])
    if not BOOTED.is_dir():
        raise Failure("systemd does not run this machine", remedy="run `rekindle refresh` from its scheduler")
    if os.geteuid() != 0:
        raise Failure("the timer is the system's", remedy="run with sudo")
