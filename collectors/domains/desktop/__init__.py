"""How does the desktop look and behave?

Each question has its module: `kde` (with `churn`, `kconfig`, `panels`), `gnome` (with `gvdb`, `gvariant`),
`look` (with `fonts`, `places`, `stores`, `trees`), and `associations`.
"""

from __future__ import annotations

from itertools import chain
from typing import ClassVar

from collectors.collected import Collected
from collectors.domains.desktop.associations import collect_associations
from collectors.domains.desktop.fonts import Font, collect_fonts
from collectors.domains.desktop.gnome import (
    DconfKey,
    Extension,
    collect_extensions,
    collect_gnome,
    pictures,
)
from collectors.domains.desktop.kde import KdeKey, collect_kde
from collectors.domains.desktop.look import Bundle, collect_look, collect_wallpapers
from collectors.domains.desktop.part import joined
from collectors.homes import homes
from collectors.host import Host
from collectors.judgement.capture import gathered
from collectors.record import File, Section


class Desktop(Section):
    """Settings of KDE Plasma, GNOME and others; fonts, themes, default applications."""

    NAME: ClassVar[str] = "desktop"

    kde: tuple[KdeKey, ...] = ()
    dconf: tuple[DconfKey, ...] = ()
    extensions: tuple[Extension, ...] = ()
    bundles: tuple[Bundle, ...] = ()
    fonts: tuple[Font, ...] = ()
    files: tuple[File, ...] = ()


def collect(host: Host) -> Collected[Desktop]:
    """Collect the section `desktop`."""
    people = homes(host)
    kde = joined(collect_kde(host, home) for home in people)
    gnome = joined(collect_gnome(host, home) for home in people)
    extensions = joined(collect_extensions(host, home) for home in people)
    looks = [collect_look(host, home) for home in people]
    shown = [collect_wallpapers(host, home, pictures(gnome.things, home.user)) for home in people]
    bundles, fonts = joined((*looks, *shown)), collect_fonts(host)
    rest = joined(collect_associations(host, home) for home in people)
    parts = (kde, gnome, extensions, bundles, fonts, rest)
    found = gathered(chain.from_iterable(part.outcomes for part in parts))
    section = Desktop(
        kde=kde.things,
        dconf=gnome.things,
        extensions=extensions.things,
        bundles=bundles.things,
        fonts=fonts.things,
        files=found.records,
        left_out=found.left_out,
    )
    odd = (each for part in parts for each in part.findings)
    return Collected(
        section,
        found.contents,
        tuple(dict.fromkeys((*found.findings, *odd))),
        tuple(dict.fromkeys(cover for part in parts for cover in part.covers)),
        tuple(dict.fromkeys(loss for part in parts for loss in part.losses)),
    )
