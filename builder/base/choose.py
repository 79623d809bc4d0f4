"""Which base ISO is built on?"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from autoinstall.userdata import schema
from builder.base import vendor, verify
from builder.base.provenance import Base, identified
from builder.places import Places
from builder.standin import make_standin, standin_key
from collectors.failure import Failure

Say = Callable[[str], None]

STANDIN = "standin"


def base_iso(name: str | None, places: Places, say: Say, *, allow_unverified: bool = False) -> Base:
    """Return the base ISO called `name`: a path, or `standin`, which is made when it is not there yet.

    A path must be the vendor's unless `allow_unverified`; the stand-in is Rekindle's own and needs nobody.
    """
    if not name:
        raise Failure(
            "no base ISO is named",
            remedy="`rekindle base fetch` gets one; give --base FILE, or set `base:` in rekindle.yaml",
        )
    if name == STANDIN:
        return identified(standin_iso(places, say), places.cache, say)
    if Path(name).is_dir():
        raise Failure(f"{name} is a directory", remedy="name the ISO file in it")
    trusted = verify.accepted if allow_unverified else verify.verified
    return trusted(Path(name), vendor.UBUNTU, cache=places.cache, say=say)


def standin_iso(places: Places, say: Say) -> Path:
    """Return the stand-in base, made anew when what it is made from has changed."""
    rules = schema()
    iso = places.cache / f"standin-{standin_key(rules)[:16]}.iso"
    if not iso.exists():
        make_standin(iso, schema=rules, say=say)
    return iso
