"""Which base ISO is built on?"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from autoinstall.userdata import schema
from builder.base import vendor, verify
from builder.base.fetch import fetched
from builder.base.provenance import Base, identified
from builder.places import Places
from builder.standin import make_standin, standin_key
from collectors.failure import Failure

Say = Callable[[str], None]

STANDIN = "standin"


def base_iso(name: str | None, places: Places, say: Say, *, allow_unverified: bool = False) -> Base:
    """Return the base ISO called `name`: a path, or `standin`, which is made when it is not there yet.

    Without a name it is the only one that was fetched. A path must be the vendor's unless `allow_unverified`;
    the stand-in is Rekindle's own and needs nobody.
    """
    if name == STANDIN:
        return identified(standin_iso(places, say), places.cache, say)
    path = Path(name) if name else _only_fetched(places.cache)
    if path.is_dir():
        raise Failure(f"{path} is a directory", remedy="name the ISO file in it")
    trusted = verify.accepted if allow_unverified else verify.verified
    return trusted(path, vendor.UBUNTU, cache=places.cache, say=say)


def _only_fetched(cache: Path) -> Path:
    here = fetched(cache)
    if len(here) > 1:
        raise Failure(
            f"{', '.join(iso.name for iso in here)} were fetched",
            remedy="say which with --base, or `base:` in rekindle.yaml",
        )
    if not here:
        raise Failure(
            "no base ISO is named",
            remedy="`rekindle base fetch` gets one; or give --base FILE, or set `base:` in rekindle.yaml",
        )
    return here[0]


def standin_iso(places: Places, say: Say) -> Path:
    """Return the stand-in base, made anew when what it is made from has changed."""
    rules = schema()
    iso = places.cache / f"standin-{standin_key(rules)[:16]}.iso"
    if not iso.exists():
        make_standin(iso, schema=rules, say=say)
    return iso
