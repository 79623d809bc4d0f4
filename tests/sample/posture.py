"""What does a machine look like that the tests bring back?

A small desktop of two people, with everything that a restore gets wrong: names that are no text, values
that look like templates or booleans, modes with special bits, a vendor's source, a held package.
"""

from __future__ import annotations

import os

from collectors.debian.sources import format_of, parse_sources
from collectors.domains.apt import Apt, Keyring, Package, SourceFile
from collectors.domains.files import Files
from collectors.domains.system import Keyboard, Release, System
from collectors.domains.users import Group, User, Users
from collectors.posture import Posture
from collectors.record import File, LeftOut, escaped, sha256
from tests.sample.archive import COMPONENT, REAL, REAL_WITH_LIBRARIES, SUITE, VENDOR, Key

HOST = "hearth"
MAIN_KEY = "/etc/apt/keyrings/sample.asc"
VENDOR_KEY = "/etc/apt/keyrings/kiln.gpg"
# The base's own sources: the sample's take their place, so that no restore waits for the internet.
MAIN_SOURCE = "/etc/apt/sources.list"
VENDOR_SOURCE = "/etc/apt/sources.list.d/kiln.sources"
TOP = "/etc/hearth"

# Path under TOP (bytes), owner, group, mode, content.
ODD_FILES: tuple[tuple[bytes, str, str, str, bytes], ...] = (
    (b"plain.conf", "root", "root", "0644", b"warm = yes\n"),
    (b"two words.conf", "root", "root", "0644", b"two words\n"),
    (b"line\nbreak", "root", "root", "0644", b"a name of two lines\n"),
    (b'it\'s "quoted"', "root", "root", "0644", b"quotes\n"),
    ("glühen.conf".encode(), "root", "root", "0644", "Öfen\n".encode()),
    (b"caf\xe9", "root", "root", "0644", b"latin-1: \xe9\n"),
    (b"back\\slash", "root", "root", "0644", b"\\x41 is not A\n"),
    (b"{{ 1 + 1 }}", "root", "root", "0644", b"{{ 1 + 1 }}\n"),
    (b"$(id); rm -rf *", "root", "root", "0644", b"$(id)\n; rm -rf\n"),
    (b"-rf", "root", "root", "0644", b"a name like an option\n"),
    (b"template", "root", "root", "0644", b"{{ lookup('pipe', 'id') }}{% raw %}\n"),
    (b"no", "root", "root", "0644", b"no"),
    (b"empty", "root", "root", "0644", b""),
    (b"binary", "root", "root", "0644", bytes(range(256))),
    (b"only-read", "root", "root", "0400", b"for root's eyes\n"),
    (b"set-user-id", "root", "root", "4755", b"#!/bin/sh\ntrue\n"),
    (b"hers", "ada", "ada", "0600", b"ada's own\n"),
    (b"shared", "ada", "potters", "0664", b"for the potters\n"),
    (b".hidden", "bob", "users", "0640", b"bob's\n"),
    (b".gitignore", "root", "root", "0644", b"*~\n"),
)
# Path under TOP, owner, group, mode.
ODD_DIRECTORIES: tuple[tuple[bytes, str, str, str], ...] = (
    (b"", "root", "root", "0755"),
    (b"nothing in it", "root", "root", "0700"),
    (b"sticky", "root", "root", "1777"),
    (b"group", "ada", "potters", "2750"),
)
ODD_LINKS: tuple[tuple[bytes, bytes], ...] = (
    (b"link", b"plain.conf"),
    (b"dangling \n\xe9", b"/nowhere/{{ x }}/\xff"),
)
CONFFILES: tuple[tuple[str, str, bytes], ...] = (
    ("/etc/bash.bashrc", "bash", b"# the owner's\nalias ll='ls -l'\n"),
    ("/etc/kiln/kiln.conf", "kiln", b"heat = high\n"),
    ("/etc/kiln/parts/10-fire.conf", "kiln", b"fire = {{ on }}\n"),
)


def sample_posture(url: str, key: Key) -> Posture:
    """Return the sample's posture, with the archives served at `url` (no slash at its end)."""
    sources = _sources(url)
    contents = {
        MAIN_KEY: key.armored,
        VENDOR_KEY: key.binary,
        **sources,
        **{path: content for path, _, content in CONFFILES},
        **{_path(name): content for name, *_, content in ODD_FILES},
    }
    return Posture(
        system=_system(),
        apt=_apt(sources, key),
        files=Files(
            files=tuple(sorted(_files(), key=lambda file: file.path)),
            left_out=(LeftOut(path="/etc/machine-id", reason="bound to this machine"),),
        ),
        users=_users(),
        contents=contents,
    )


def _path(name: bytes) -> str:
    return escaped(os.fsdecode(TOP.encode() + b"/" * bool(name) + name))


def _system() -> System:
    return System(
        release=Release(distribution="debian", version="12", codename="bookworm", architecture="amd64"),
        machine="physical",
        firmware="uefi",
        hostname=HOST,
        locale="C.UTF-8",
        timezone="Europe/Berlin",
        keyboard=Keyboard(model="pc105", layout="de", variant="nodeadkeys", options="caps:escape"),
    )


def _sources(url: str) -> dict[str, bytes]:
    main = f"deb [signed-by={MAIN_KEY}] {url}/main {SUITE} {COMPONENT}\n"
    vendor = (
        "# Kiln Works\nTypes: deb\n"
        f"URIs: {url}/vendor\nSuites: {SUITE}\nComponents: {COMPONENT}\nSigned-By: {VENDOR_KEY}\n"
    )
    return {MAIN_SOURCE: main.encode(), VENDOR_SOURCE: vendor.encode()}


def _apt(sources: dict[str, bytes], key: Key) -> Apt:
    keys = {VENDOR_KEY: key.binary, MAIN_KEY: key.armored}
    return Apt(
        baseline="priority",
        packages=tuple(Package(name=name) for name in sorted((*REAL, REAL_WITH_LIBRARIES, *VENDOR))),
        shipped=("bash",),
        holds=("kiln-tongs",),
        sources=tuple(
            SourceFile(
                path=path,
                format=format_of(path),
                sha256=sha256(content),
                entries=parse_sources(content.decode(), path=path)[0],
            )
            for path, content in sources.items()
        ),
        keyrings=tuple(Keyring(path=path, sha256=sha256(content)) for path, content in keys.items()),
    )


def _users() -> Users:
    return Users(
        users=(
            User(
                name="ada",
                uid=1000,
                group="ada",
                gecos="Ada {{ 1 + 1 }},,,",
                home="/home/ada",
                home_mode="0750",
                shell="/bin/bash",
                groups=("audio", "potters"),
            ),
            User(
                name="bob",
                uid=1007,
                group="users",
                gecos="no",
                home="/home/bob",
                home_mode="0711",
                shell="/bin/sh",
                groups=("potters",),
            ),
        ),
        groups=(Group(name="ada", gid=1000), Group(name="potters", gid=1100)),
        left_out=(LeftOut(path="/etc/shadow", reason="password hashes are secret"),),
    )


def _files() -> list[File]:
    conffiles = [
        File(
            path=path,
            kind="file",
            origin="conffile",
            owner="root",
            group="root",
            mode="0644",
            sha256=sha256(content),
            package=package,
        )
        for path, package, content in CONFFILES
    ]
    return [*conffiles, *_odd_files(), *_odd_directories(), *_odd_links()]


def _odd_files() -> list[File]:
    return [
        File(
            path=_path(name),
            kind="file",
            origin="unowned",
            owner=owner,
            group=group,
            mode=mode,
            sha256=sha256(content),
        )
        for name, owner, group, mode, content in ODD_FILES
    ]


def _odd_directories() -> list[File]:
    return [
        File(
            path=_path(name),
            kind="directory",
            origin="unowned",
            owner=owner,
            group=group,
            mode=mode,
        )
        for name, owner, group, mode in ODD_DIRECTORIES
    ]


def _odd_links() -> list[File]:
    return [
        File(
            path=_path(name),
            kind="symlink",
            origin="unowned",
            owner="root",
            group="root",
            target=escaped(os.fsdecode(target)),
        )
        for name, target in ODD_LINKS
    ]
