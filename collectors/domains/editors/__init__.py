"""How are the owner's editors set up: extensions, plugins, settings?

Which editors there are, and where they keep things, is in the YAML files beside this module.
"""

from __future__ import annotations

from typing import ClassVar

from collectors.collected import Collected
from collectors.domains.editors import code, jetbrains
from collectors.domains.editors.code import Extension, Profile
from collectors.domains.editors.jetbrains import Plugin
from collectors.host import Host
from collectors.judgement.capture import gathered
from collectors.reading.catalogue import catalogue, made_anew, settings_of
from collectors.reading.looking import parted
from collectors.record import File, Section


class Editors(Section):
    """Extensions, profiles and plugins of editors, and the settings of all."""

    NAME: ClassVar[str] = "editors"

    extensions: tuple[Extension, ...] = ()
    profiles: tuple[Profile, ...] = ()
    plugins: tuple[Plugin, ...] = ()
    files: tuple[File, ...] = ()


def collect(host: Host) -> Collected[Editors]:
    """Collect the section `editors`."""
    known = catalogue("collectors.domains.editors", "settings.yaml")
    old = jetbrains.outdated(host)
    kept = settings_of(host, known, taken=lambda path: path.startswith(old))
    found = gathered((*kept, *settings_of(host, code.known())))
    outcomes = parted((*code.code_editors(host), *jetbrains.plugins(host)))
    section = Editors(
        extensions=outcomes.of(Extension),
        profiles=outcomes.of(Profile),
        plugins=outcomes.of(Plugin),
        files=found.records,
        left_out=found.left_out,
    )
    return Collected(
        section,
        found.contents,
        tuple(dict.fromkeys((*found.findings, *outcomes.findings))),
        (*outcomes.covers, *made_anew(host, known), *made_anew(host, code.known())),
        outcomes.losses,
    )
