"""What do the tests of the section `languages` share?"""

from __future__ import annotations

import struct
from pathlib import Path

from collectors.collected import Collected
from collectors.domains import languages
from collectors.domains.languages import Languages
from collectors.domains.languages.buildinfo import MAGIC, SECTION
from tests.unit.fakes import FakeHost, machine
from tests.unit.sampled import SAMPLES

PASSWD = "root:x:0:0:root:/root:/bin/bash\nada:x:1000:1000::/home/ada:/bin/bash\n"
ADA = "/home/ada"
SITE = f"{ADA}/.local/lib/python3.12/site-packages"


def sample(name: str) -> str:
    return (SAMPLES / name).read_text("utf-8")


def host_with(tmp_path: Path, files: dict[str, str | bytes | None]) -> FakeHost:
    return machine(tmp_path, {"/etc/passwd": PASSWD, "/root": None, ADA: None, **files})


def collected(tmp_path: Path, files: dict[str, str | bytes | None]) -> Collected[Languages]:
    """Return what is found of these files, without a finding."""
    found = languages.collect(host_with(tmp_path, files))
    assert found.findings == ()
    return found


def ids(found: Collected[Languages]) -> list[str]:
    return [item.id for item in found.section.items()]


def by_hand(found: Collected[Languages]) -> dict[str, str]:
    return {thing.item_id(): thing.by_hand() for thing in found.section.things()}


def covers(found: Collected[Languages]) -> dict[str, str]:
    return {cover.path.removeprefix(f"{ADA}/"): cover.by for cover in found.covers}


def losses(found: Collected[Languages]) -> list[tuple[str, str]]:
    return [(loss.kind, loss.subject) for loss in found.losses]


def dist_info(
    name: str, *, asked: bool = True, record: str = "", **files: str
) -> dict[str, str | bytes | None]:
    """Return what pip leaves of a package in ada's folder."""
    top = f"{SITE}/{name}.dist-info"
    told: dict[str, str | bytes | None] = {f"{top}/INSTALLER": "pip\n", f"{top}/RECORD": record}
    return {
        **told,
        **({f"{top}/REQUESTED": ""} if asked else {}),
        **{f"{top}/{k}.json": v for k, v in files.items()},
    }


def program(modules: str) -> bytes:
    """Return an ELF file as small as it can be, with Go's build information."""

    def varint(text: bytes) -> bytes:
        assert len(text) < 1 << 14
        return bytes([len(text) & 0x7F | 0x80, len(text) >> 7]) + text

    blob = (MAGIC + b"\x08\x02").ljust(32, b"\0") + varint(b"go1.22.1")
    blob += varint(b"s" * 16 + modules.encode() + b"e" * 16)
    names = b"\0.shstrtab\0.go.buildinfo\0"
    header = struct.pack(
        "<16sHHIQQQIHHHHHH", b"\x7fELF\x02\x01\x01", 2, 62, 1, 0, 0, 64, 0, 64, 0, 0, 64, 3, 1
    )
    at = 64 + 3 * SECTION.size
    sections = (
        SECTION.pack(*[0] * 10),
        SECTION.pack(1, 3, 0, 0, at, len(names), 0, 0, 1, 0),
        SECTION.pack(11, 1, 0, 0, at + len(names), len(blob), 0, 0, 16, 0),
    )
    return header + b"".join(sections) + names + blob
