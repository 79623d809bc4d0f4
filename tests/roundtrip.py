"""Does the messy desktop come back? Collected, restored onto a fresh minimal system, collected again.

`python -m tests.roundtrip --only users,flatpak` does it for some sections and shows what differs; without apt
among them, the new machine has the packages already.

What the old machine's things came from is made reachable by each section's `reach.sh`, run in the new machine
before the restore with the old one's root at /old and the distribution's packages at /mirror; its `leave.sh`
takes that away before the new one is collected. A program that stands for what cannot be reached (a store, a
vendor's site) is made with `fake NAME`: it tells what it was asked in /asked, one line each.
"""

from __future__ import annotations

import argparse
import json
import re
import shutil
import sys
import tempfile
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from builder.payload.pack import write_payload
from builder.payload.program import restore_program
from collectors.collect import collect
from collectors.host import Machine
from collectors.posture import Posture
from collectors.record import Thing
from tests.container.minimal import PACKAGES as BARE
from tests.container.minimal import Container, container, minimal_root
from tests.messy.desktop import HERE, ORDER, PACKAGES, messy_desktop
from tests.messy.mirror import mirror
from tests.sample.archive import made

RESTORE_SECONDS = 1200
UNIT = """[Unit]
Description=Restore, and power off
After=systemd-user-sessions.service dbus.service
SuccessAction=poweroff-force
FailureAction=poweroff-force
[Service]
Type=oneshot
ExecStart=/root/roundtrip
StandardOutput=journal
StandardError=journal
"""
# The functions that `reach.sh` and `leave.sh` know, and the restore between them.
SCRIPT = """#!/bin/bash
cd /
exec 2> /root/trip.said
export LC_ALL=C.UTF-8 DEBIAN_FRONTEND=noninteractive
fake() {{
    cat > "/usr/local/sbin/$1" <<'END'
#!/bin/sh
line=${{0##*/}}
for word; do line="$line '$word'"; done
printf '%s\\n' "$line" >> /asked
END
    chmod 0755 "/usr/local/sbin/$1"
    echo "/usr/local/sbin/$1" >> /root/fakes
}}
# The new machine has none yet.
git() {{
    LD_LIBRARY_PATH=/old/usr/lib/x86_64-linux-gnu GIT_EXEC_PATH=/old/usr/lib/git-core /old/usr/bin/git "$@"
}}
: > /asked
chmod 0666 /asked
for section in {sections}; do
    test ! -f /root/messy/$section/reach.sh || ( set -eu; . /root/messy/$section/reach.sh ) || exit 1
done
restore() {{
    python3 /root/restore.pex restore --from /root/payload.tar --json {options} \
        > "/root/$1.json" 2> "/root/$1.said"
    echo $? > "/root/$1.code"
}}
restore first
cp /asked /root/first.asked
restore again
for section in {sections}; do
    test ! -f /root/messy/$section/leave.sh || ( set -eu; . /root/messy/$section/leave.sh ) || exit 1
done
test ! -f /root/fakes || xargs rm -f < /root/fakes
exit 0
"""


@dataclass(frozen=True)
class Trip:
    """What came of it: both postures, the reports of a first and a second run, what the fakes were asked."""

    old: Posture
    new: Posture
    report: dict[str, dict[str, str]]
    again: dict[str, dict[str, str]]
    asked: tuple[str, ...]
    code: int
    root: Path

    @property
    def sections(self) -> dict[str, str]:
        """The section of each item of the old machine."""
        return {item.id: item.section for item in self.old.items()}

    def differing(self) -> Iterator[tuple[str, str]]:
        """Yield each eligible item that is not there as it was, and how it is."""
        here = {thing.item_id(): thing for _, thing in self.new.things()}
        for section, thing in self.old.things():
            item, found = thing.item(section), here.get(thing.item_id())
            if item.id not in self.report or item.bound:
                continue
            if found is None:
                yield item.id, "missing"
            elif found.item(section).fingerprint != item.fingerprint:
                yield item.id, differences(thing, found)


def round_trip(cache: Path, folder: Path, only: Sequence[str] = ()) -> Trip:
    """Restore the messy desktop, or some sections of it, onto a fresh system in `folder`."""
    messy = messy_desktop(cache)
    old = collect(Machine(messy)).posture
    packages = PACKAGES if only and "apt" not in only else BARE
    machine = container(minimal_root(cache, packages), folder)
    home = machine.root / "root"
    write_payload(old, restore_program(cache, print), host="ember", output=home / "payload.tar")
    shutil.copy(restore_program(cache, print), home / "restore.pex")
    install(machine, f"--only {','.join(only)}" if only else "")
    with served(cache, messy):
        binds = (f"--bind-ro={messy}:/old", f"--bind-ro={mirror(cache, messy)}:/mirror")
        machine.boot(*binds, timeout_seconds=RESTORE_SECONDS)
    if not (home / "first.asked").exists():
        raise AssertionError((home / "trip.said").read_text(errors="replace"))
    # What the trip itself left: not the owner's.
    for name in ("payload.tar", "restore.pex", "roundtrip", "messy", "fakes", ".pex"):
        remove(home / name)
    for name in ("old", "mirror"):
        (machine.root / name).rmdir()
    remove(machine.root / "etc/systemd/system/roundtrip.service")
    remove(machine.root / "etc/systemd/system/multi-user.target.wants/roundtrip.service")
    asked = (home / "first.asked").read_text(errors="replace").splitlines()
    remove(machine.root / "asked")
    code = int((home / "first.code").read_text())
    new = collect(Machine(machine.root)).posture
    return Trip(old, new, told(home, "first"), told(home, "again"), tuple(asked), code, machine.root)


def told(home: Path, run: str) -> dict[str, dict[str, str]]:
    """Return the report of a run by item, empty where it did not get to one."""
    text = (home / f"{run}.json").read_text()
    return {entry["id"]: entry for entry in json.loads(text)["items"]} if text else {}


def install(machine: Container, options: str) -> None:
    """Have the machine restore itself when it boots, and power off."""
    root = machine.root
    shutil.copytree(HERE, root / "root/messy", ignore=shutil.ignore_patterns("*.py", "__pycache__"))
    script = root / "root/roundtrip"
    script.write_text(SCRIPT.format(sections=" ".join(ORDER), options=options))
    script.chmod(0o755)
    unit = root / "etc/systemd/system/roundtrip.service"
    unit.write_text(UNIT)
    wants = unit.parent / "multi-user.target.wants"
    wants.mkdir(exist_ok=True)
    (wants / unit.name).symlink_to(f"../{unit.name}")


@contextmanager
def served(cache: Path, messy: Path) -> Iterator[None]:
    """Serve the archives at the address that the messy desktop knows them by."""
    port = re.search(r"http://127\.0\.0\.1:(\d+)/main", (messy / "etc/apt/sources.list").read_text())
    assert port is not None
    handler = partial(Quiet, directory=str(made(cache)))
    with ThreadingHTTPServer(("127.0.0.1", int(port[1])), handler) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield
        finally:
            server.shutdown()
            thread.join(5)


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        pass


def differences(was: Thing, now: Thing) -> str:
    old, new = (facts(thing) for thing in (was, now))
    differing = (key for key in old if old[key] != new.get(key))
    return ", ".join(f"{key} {old[key]!r} → {new.get(key)!r}" for key in differing)


def facts(thing: Thing) -> dict[str, Any]:
    return thing.model_dump(mode="json", exclude={"bound", *thing.FREE})


def remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.roundtrip", description=__doc__)
    parser.add_argument("--only", default="", help="sections, by commas: users,flatpak")
    parser.add_argument("--keep", type=Path, help="keep the new machine's root there")
    options = parser.parse_args()
    folder = options.keep or Path(tempfile.mkdtemp(prefix="roundtrip-", dir="/var/tmp")) / "machine"
    only = tuple(filter(None, options.only.split(",")))
    trip = round_trip(Path(".cache").absolute(), folder, only)
    print((trip.root / "root/first.said").read_text(errors="replace"))
    differing = dict(trip.differing())
    for name, how in differing.items():
        entry = trip.report[name]
        print(f"{name}\n    {how}\n    {entry['state']}: {entry['reason']} ({entry['remedy']})")
    for line in trip.asked:
        print(f"asked: {line}")
    eligible = [name for name, entry in trip.report.items() if entry["state"] != "excluded"]
    anew = [name for name in eligible if trip.again[name]["state"] != "already" and name not in differing]
    print(f"done again by a second run: {', '.join(anew) or 'nothing'}")
    print(
        f"{len(eligible) - len(differing)} of {len(eligible)} items are as they were; exit code {trip.code}"
    )
    if not options.keep:
        shutil.rmtree(folder.parent)
    sys.exit(bool(differing))


if __name__ == "__main__":
    main()
