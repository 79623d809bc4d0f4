"""Which base ISO is built on?"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from autoinstall.userdata import schema
from builder.base.provenance import Base, unverified
from builder.places import Places
from builder.standin import make_standin, standin_key
from collectors.failure import Failure

STANDIN = "standin"


def base_iso(name: str | None, places: Places, say: Callable[[str], None]) -> Base:
    """Return the base ISO called `name`: a path, or `standin`, which is made when it is not there yet."""
    if not name:
        raise Failure("no base ISO is named", remedy="give --base FILE, or set `base:` in rekindle.yaml")
    if name == STANDIN:
        return unverified(standin_iso(places, say))
    if Path(name).is_dir():
        raise Failure(f"{name} is a directory", remedy="name the ISO file in it")
    return unverified(Path(name))


def standin_iso(places: Places, say: Callable[[str], None]) -> Path:
    """Return the stand-in base, made anew when what it is made from has changed."""
    rules = schema()
    iso = places.cache / f"standin-{standin_key(rules)[:16]}.iso"
    if not iso.exists():
        make_standin(iso, schema=rules, say=say)
    return iso
