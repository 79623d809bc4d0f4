"""What the machine itself says of the paths that it makes is read where it says it."""

from __future__ import annotations

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from collectors.coverage.made import made, parse_directories, parse_tmpfiles
from tests.unit.fakes import machine
from tests.unit.sampled import sampled

test_tmpfiles = sampled("tmpfiles", lambda text, name: list(parse_tmpfiles(text)))
test_directories = sampled("unit_directories", lambda text, name: list(parse_directories(text)))


def test_state_is_what_units_tmpfiles_packages_and_system_users_name(tmp_path: Path) -> None:
    host = machine(
        tmp_path,
        {
            "/usr/lib/tmpfiles.d/a.conf": "d /var/lib/by-tmpfiles\nd /home/ada\nL /srv/link - - - - x\n",
            "/usr/lib/systemd/system/a.service": "StateDirectory=by-unit\n",
            "/etc/systemd/system/masked.service": "-> /dev/null",
            "/etc/passwd": "sddm:x:117:117::/var/lib/by-user:/x\nada:x:1000:1000::/var/lib/ada:/bin/sh\n",
            "/var/lib/dpkg/info/a.list": "/var\n/var/lib\n/var/lib/by-package\n/usr/lib/a\n",
        },
    )
    found = made(host)
    assert found.state == {f"/var/lib/by-{each}" for each in ("tmpfiles", "unit", "user", "package")}
    assert found.anew == {"/srv/link"}


@given(st.text())
def test_any_text_is_taken(text: str) -> None:
    assert all(path == "" or path.startswith("/") for _, path in parse_tmpfiles(text))
    assert all(path.startswith("/var/") for path in parse_directories(text))
